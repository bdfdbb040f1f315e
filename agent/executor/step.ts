import type { ErrorCode } from '../../proto/errors.ts';
import type { AttemptEnd } from './attempt.ts';
import type { Change, CheckedRun, Guard, RunSpec, RunState, StepTask } from './run.ts';
import type { Ending } from './shim.ts';

/**
 * Tasks that are no commands: the engine decides when one begins and when it is to end, an implementation of `Steps`
 * carries it out. A step is given all that it may touch of its run.
 */
export interface StepContext {
  readonly spec: RunSpec;
  readonly checked: CheckedRun;
  readonly index: number;
  /** Aborts when the run is to end (cancel, timeout); the step should then return soon, whatever it returns. */
  readonly signal: AbortSignal;
  /** Appends to the run's output. The bytes may change when it has returned. */
  write(stream: 'stdout' | 'stderr', data: Uint8Array): void;
  /** Resolves when more output is welcome; to be awaited between large pieces. */
  room(): Promise<void>;
  /**
   * Carries out a command under a shim of the run's, as the run's user and with its environment; it is ended with the run.
   * `part`, of lower-case letters, names its folder, JOB-ATTEMPT-INDEX-part, and may be used once a task. `take` gets its output in the run's stead. Never rejects:
   * a command that is not there has the exit status that a shell would give.
   */
  command(part: string, command: StepCommand): Promise<Ending>;
  /**
   * As `command`, for one that is carried out again and again under the same `part`, one at a time: it is ended after `timeoutMs`, with all that it
   * started, and nothing of it is left then; its output is `take`'s alone.
   */
  attempt(part: string, command: StepCommand, timeoutMs: number): Promise<AttemptEnd>;
  /**
   * The end of the command that an agent before this one started as this part without `take`, with what it writes in the run's output;
   * undefined where none did.
   */
  takeUp(part: string, hear?: StepCommand['hear']): Promise<Ending | undefined>;
  /**
   * Makes it durable that this run goes on behind this task once the machine's boot id is another one. To be awaited before
   * anything that brings the machine down. Rejects with MusterError journal-failed; then the machine is to stay up.
   */
  beforeReboot(): Promise<void>;
}

export interface StepCommand {
  readonly argv: readonly string[];
  readonly stdin?: Uint8Array;
  take?(stream: 'stdout' | 'stderr', data: Uint8Array): void;
  /** Hears what goes into the run's output; of a command that is taken up, what comes from then on. */
  hear?(stream: 'stdout' | 'stderr', data: Uint8Array): void;
}

export interface StepResult {
  /** Where the run was ended from outside, the engine puts the cause's state in place of it. */
  readonly state: Exclude<RunState, 'timed-out'>;
  readonly change?: Change;
  readonly reason?: string;
  readonly code?: ErrorCode;
  readonly exitCode?: number;
}

/** Both may reject: the task then failed, and the error's message is its reason. */
export interface Steps {
  /** Asked before any task that has a guard, in check mode too: whether there is nothing to do; or how it failed. */
  holds(guard: Guard, context: StepContext): Promise<boolean | StepResult>;
  /** Where it is not for now to begin this one: resolves when it is. */
  held?(task: StepTask): Promise<void> | undefined;
  /** With `context.spec.check` it only says what it would change. */
  carryOut(task: StepTask, context: StepContext): Promise<StepResult>;
}

const NOT_HERE = { state: 'failed', reason: 'not carried out by this agent' } as const;

/** For an agent that carries out commands only. */
export const NO_STEPS: Steps = {
  holds: async () => NOT_HERE,
  carryOut: async () => NOT_HERE,
};
