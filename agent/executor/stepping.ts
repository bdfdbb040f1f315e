import { type Clock, delay } from '../../proto/clock.ts';
import { type AttemptOptions, type Attempts, createAttempts } from './attempt.ts';
import { type Commands, type Ended, messageOf } from './commands.ts';
import type { Stream } from './output.ts';
import { type CheckedRun, stateOf } from './run.ts';
import type { StepContext, StepResult } from './step.ts';
import type { Supervision } from './supervision.ts';

export interface SteppingOptions extends AttemptOptions {
  readonly clock: Clock;
  readonly checked: CheckedRun;
  readonly supervision: Supervision;
  readonly commands: Commands;
  write(stream: Stream, data: Uint8Array): void;
  /** Where a command of task `index` has its files. */
  folderOf(index: number, part: string): string;
  /** See `StepContext`. */
  beforeReboot(index: number): void;
}

/** What the engine begins and ends, and an implementation of `Steps` carries out. */
export interface Stepping {
  /** Never rejects. */
  take<Answer extends boolean | StepResult>(
    index: number,
    step: (context: StepContext) => Promise<Answer>,
  ): Promise<Answer | Ended>;
  letGo: Attempts['letGo'];
}

const NO_BYTES = new Uint8Array(0);
/** How long past the grace a step may take to end. */
const STEP_WAIT_MS = 5_000;

export function createStepping(options: SteppingOptions): Stepping {
  const { clock, checked, supervision, commands } = options;
  const { spec } = checked;
  const attempts = createAttempts(options);

  /** Resolves when a step that was told to end has not done so in time; never, once it is `over`. */
  async function givenUp(over: AbortSignal): Promise<Ended> {
    const { signal } = supervision;
    await new Promise((resolve) => {
      if (signal.aborted) resolve(undefined);
      signal.addEventListener('abort', resolve, { once: true, signal: over });
    });
    if (supervision.isLetGo) return new Promise<never>(() => {});
    await delay(clock, spec.killGraceMs + STEP_WAIT_MS, over).catch(() => {});
    return { state: 'interrupted', reason: 'it did not end when it was told to' };
  }

  function contextOf(index: number): StepContext {
    const { signal } = supervision;
    return {
      spec,
      checked,
      index,
      signal,
      write: options.write,
      room: async () => {},
      async command(part, { argv, stdin = NO_BYTES, ...listeners }) {
        const folder = options.folderOf(index, part);
        const { end, process } = await commands.carryOut({ kind: 'command', argv, stdin }, folder, listeners);
        process?.drain();
        return end;
      },
      async takeUp(part, hear) {
        const { end, process } = (await commands.takeUp(options.folderOf(index, part), { hear })) ?? {};
        process?.drain();
        return end;
      },
      attempt: (part, command, timeoutMs) =>
        attempts.carryOut(command, options.folderOf(index, part), timeoutMs, signal),
      beforeReboot: async () => options.beforeReboot(index),
    };
  }

  return {
    /** Whatever a step answers, a cause from outside is the truer end; one that does not answer then is not waited for. */
    async take(index, step) {
      // What is known of an earlier agent's step is known by now; it may take as long as it likes.
      supervision.know();
      const over = new AbortController();
      const answer = step(contextOf(index)).catch(
        (error): Ended => ({ state: 'failed', reason: messageOf(error) }),
      );
      const result = await Promise.race([answer, givenUp(over.signal)]);
      over.abort();
      await supervision.settled();
      if (!supervision.cause) return result;
      return { ...(typeof result === 'object' && result), state: stateOf(supervision.cause) };
    },
    letGo: attempts.letGo,
  };
}

/** The machine is going down, or should: this agent finds itself in the boot in which that was said. */
export async function waitForReboot(
  clock: Clock,
  timeoutMs: number,
  waitedMs: number,
  signal: AbortSignal,
): Promise<StepResult> {
  await delay(clock, Math.max(0, timeoutMs - waitedMs), signal).catch(() => {});
  const reason = `the machine did not restart within ${timeoutMs / 1000} s`;
  return { state: 'failed', code: 'not-rebooted', reason };
}
