import type { Message } from '../../proto/codec.ts';
import type { ErrorCode } from '../../proto/errors.ts';
import type { Account } from './account.ts';
import type { OutputLog, OutputSummary } from './output.ts';
import type { Ending } from './shim.ts';

/** What an order asks for, and what became of it. No network and no journal is known here. */

/** What is started as a process. */
export type CommandTask =
  | { readonly kind: 'command'; readonly argv: readonly string[]; readonly stdin: Uint8Array }
  | { readonly kind: 'shell'; readonly line: string; readonly stdin: Uint8Array }
  | {
      readonly kind: 'script';
      /** What people call it; the file itself is always named `script`. */
      readonly name: string;
      readonly content: Uint8Array;
      readonly args: readonly string[];
      readonly stdin: Uint8Array;
    };

/** What is carried out by the agent itself: see step.ts. As the order has it, which has passed `checkOrder`. */
export type StepTask =
  | ({ readonly kind: 'file' } & Message<'FileTask'>)
  | ({ readonly kind: 'tree' } & Message<'TreeTask'>)
  | ({ readonly kind: 'service' } & Message<'ServiceTask'>)
  | ({ readonly kind: 'reboot' } & Message<'RebootTask'>)
  | ({ readonly kind: 'collect' } & Message<'CollectTask'>)
  | ({ readonly kind: 'upgrade' } & Message<'UpgradeTask'>)
  | ({ readonly kind: 'uninstall' } & Message<'UninstallTask'>)
  | PackagesStep
  | ({ readonly kind: 'probe' } & Message<'ProbeTask'>);

/** `transaction`: of apply and revert. */
export type PackagesStep = { readonly kind: 'packages' } & Message<'PackagesTask'> & {
    readonly transaction: Message<'PackageTransaction'> | null;
  };

/** There is nothing to do where one of its two conditions holds. */
export type Guard = Message<'Guard'>;

/** What takes a task's change back where the controller is not reached so long after it; see confirming.ts. */
export interface Undo {
  readonly withinMs: number;
  readonly tasks: readonly (CommandTask | StepTask)[];
}

export type Task = (CommandTask | StepTask) & { readonly guard?: Guard; readonly undo?: Undo };

export function isCommand(task: CommandTask | StepTask): task is CommandTask {
  return task.kind === 'command' || task.kind === 'shell' || task.kind === 'script';
}

export interface RunSpec {
  /** 32 lower-case hex digits. */
  readonly jobId: string;
  readonly attempt: number;
  /** Carried out in order, up to the first that does not succeed. */
  readonly tasks: readonly Task[];
  /** Empty: the agent's own user. */
  readonly user: string;
  /** Absolute; empty: the user's home, or / where there is none. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Of the whole run. */
  readonly timeoutMs: number;
  /** Between TERM and KILL. */
  readonly killGraceMs: number;
  /** Kept of both streams together. */
  readonly outputCapBytes: number;
  /** Say what would change, and change nothing. */
  readonly check: boolean;
  /** 0 to 19. */
  readonly nice: number;
}

/** What the journal says of a run's start. */
export interface Beginning {
  readonly startedAtMs: number;
  /** How much of its time it has had, over agents and reboots; 0 for one that starts now. */
  readonly elapsedMs: number;
  /** Makes durable that the run goes on with task `resumeAt` in another boot. Throws MusterError journal-failed. */
  awaitReboot(resumeAt: number): void;
}

/** How a run is found that an agent before this one started. */
export interface Resumption {
  /** The machine has another boot id than when the run started: nothing that was started is there any more. */
  readonly restarted: boolean;
  /** Of the boot in which it was started or went on last, and of this one. */
  readonly bootIds: { readonly before: string; readonly now: string };
  /** The task with which it goes on after that; 0 where no reboot was awaited. */
  readonly resumeAt: number;
  /** Makes durable that it goes on in this boot. Throws MusterError journal-failed. */
  goOn(): void;
}

/** A spec whose user and directory were found on this machine. Only `check` makes one. */
export interface CheckedRun {
  readonly spec: RunSpec;
  readonly account: Account;
  /** Whether the commands run as another user than the agent. */
  readonly otherUser: boolean;
  readonly cwd: string;
}

/** Why a run is ended from outside. `stop` is the agent's own end, where it was asked to take its runs along. */
export type Cause = 'cancel' | 'timeout' | 'stop';

/**
 * `interrupted`: the effect is unknown, because the run was cut down with the agent or because the process
 * that watched the command was killed.
 */
export type RunState = 'succeeded' | 'failed' | 'timed-out' | 'cancelled' | 'interrupted';

/** What a task did to the machine; undefined where nobody knows, as with most commands. */
export type Change = 'changed' | 'unchanged' | 'would-change';

/** `skipped`: never started, because an earlier task did not succeed or the run was ended before. */
export type TaskState = RunState | 'skipped';

export interface TaskResult {
  readonly index: number;
  readonly state: TaskState;
  /** At most one of these two; neither, if nothing was started or its end was not seen. */
  readonly exitCode?: number;
  readonly signal?: string;
  readonly durationMs: number;
  /** Positions in the run's output: [from, to). */
  readonly outputFrom: number;
  readonly outputTo: number;
  /** A process that was left behind holds the output; what it writes from here on is not kept. */
  readonly outputHeld?: boolean;
  readonly change?: Change;
  readonly reason?: string;
  /** What the reason is, where it is one that others act upon. */
  readonly code?: ErrorCode;
}

/** Or was to be: what has run since must not be ended, or done again, as if it were the task's. */
export function wasTakenBack({ code }: TaskResult): boolean {
  return code === 'undone' || code === 'undo-failed';
}

export interface RunResult {
  readonly state: RunState;
  readonly reason?: string;
  readonly tasks: readonly TaskResult[];
  readonly output: OutputSummary;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly durationMs: number;
  /** Processes of this run that outlived KILL; empty as a rule. */
  readonly leftover: readonly number[];
}

export interface Run {
  readonly output: OutputLog;
  /** The task that it is at, from 0. */
  readonly task: number;
  /** Called when it comes to another task. */
  onTask(listener: () => void): void;
  /** Called after each piece that was read, without arguments: read it from `output`. Returns the way to stop. */
  onOutput(listener: () => void): () => void;
  /** Holds the readers, so that the programs block once their pipes are full. */
  pause(): void;
  resume(): void;
  /** Ends the whole process tree. The first cause wins; later ones, and those after the end, change nothing. */
  terminate(cause: Cause): void;
  /** Never rejects. Does not settle when the executor is stopped while the run goes on. */
  readonly done: Promise<RunResult>;
  /** Removes the run's folders and its output; to be called once the result is durable elsewhere. */
  dispose(): Promise<void>;
}

const STATE_OF: Readonly<Record<Cause, RunState>> = {
  cancel: 'cancelled',
  timeout: 'timed-out',
  stop: 'interrupted',
};

export function stateOf(cause: Cause): RunState {
  return STATE_OF[cause];
}

/** The sentence of a run that was ended from outside. */
export function reasonOf(cause: Cause, spec: RunSpec): string {
  switch (cause) {
    case 'cancel':
      return 'cancelled';
    case 'timeout':
      return `ran longer than ${spec.timeoutMs / 1000} s`;
    case 'stop':
      return 'the agent stopped and ended its runs';
  }
}

/** The run's state and reason: the cause's, or those of its last task that was not skipped. A success needs no reason. */
export function conclude(
  tasks: readonly TaskResult[],
  cause: Cause | undefined,
  leftover: readonly number[],
  spec: RunSpec,
): { state: RunState; reason?: string } {
  const last = tasks.findLast((task) => task.state !== 'skipped');
  const state = cause ? stateOf(cause) : last && last.state !== 'skipped' ? last.state : 'succeeded';
  const reasons: string[] = [];
  if (cause) reasons.push(reasonOf(cause, spec));
  else if (last?.reason !== undefined && last.state !== 'succeeded') reasons.push(last.reason);
  if (leftover.length > 0) reasons.push(`could not be ended, process ${leftover.join(', ')}`);
  return reasons.length === 0 ? { state } : { state, reason: reasons.join('; ') };
}

/** What a task's end says of it, when nobody ended it. */
export function judge(
  ending: Ending,
): Pick<TaskResult, 'exitCode' | 'signal' | 'reason'> & { state: RunState } {
  switch (ending.kind) {
    case 'exited': {
      const { exitCode, reason } = ending;
      return { state: exitCode === 0 ? 'succeeded' : 'failed', exitCode, ...(reason ? { reason } : {}) };
    }
    case 'signalled':
      return { state: 'failed', signal: ending.signal };
    case 'not-started':
      return { state: 'failed', reason: ending.reason };
    case 'unknown':
      return { state: 'interrupted', reason: ending.reason };
  }
}
