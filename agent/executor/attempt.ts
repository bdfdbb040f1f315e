import type { Clock } from '../../proto/clock.ts';
import { createCommands, messageOf } from './commands.ts';
import type { OutputLog } from './output.ts';
import type { ProcessTable } from './proc.ts';
import type { Process, Processes } from './process.ts';
import type { Programs } from './program.ts';
import type { CheckedRun } from './run.ts';
import type { Ending } from './shim.ts';
import type { StepCommand } from './step.ts';
import { type Supervision, supervise } from './supervision.ts';

/** How an attempt ended; `timed-out`: it was ended, after its time. */
export type AttemptEnd = Ending | { readonly kind: 'timed-out' };

export interface AttemptOptions {
  readonly clock: Clock;
  readonly processes: Processes;
  readonly table: ProcessTable;
  readonly programs: Programs;
  readonly spared: readonly number[];
  readonly checked: CheckedRun;
  readonly output: OutputLog;
}

/**
 * Commands of a run that are carried out again and again, each in its time and with a process tree of its own: what one leaves
 * behind is ended with it, and nothing else of the run is. One at a time.
 */
export interface Attempts {
  /**
   * Never rejects. Nothing is left in or of `folder` once it resolves; what an earlier agent left there is ended first, also where the
   * signal has aborted and nothing is started any more.
   */
  carryOut(command: StepCommand, folder: string, timeoutMs: number, signal: AbortSignal): Promise<AttemptEnd>;
  letGo(): void;
}

/** Between TERM and KILL: what is asked every few seconds has no long goodbyes. */
const GRACE_MS = 1_000;
const NO_BYTES = new Uint8Array(0);
const MARK = 'MUSTER_TRY';

export function createAttempts(options: AttemptOptions): Attempts {
  const { processes, checked } = options;
  let current: Supervision | undefined;
  let released = false;

  function superviseIn(folder: string, leftMs: number): Supervision {
    const supervision = supervise({
      ...options,
      spec: { ...checked.spec, killGraceMs: Math.min(GRACE_MS, checked.spec.killGraceMs) },
      mark: `${MARK}=${folder}`,
      leftMs,
      ...{ root: undefined, shims: [], sinceTicks: Number.POSITIVE_INFINITY },
      ...{ isKnown: true, inherited: undefined, onCause() {} },
    });
    if (released) supervision.letGo();
    current = supervision;
    return supervision;
  }

  /** An agent before this one may have died over it. */
  async function endEarlier(folder: string): Promise<void> {
    const found = await processes.find({ folder, closed: true, onData: () => true, onBroken() {} });
    if (!found) return;
    const supervision = superviseIn(folder, 0);
    supervision.begin(found);
    await supervision.watch(found);
    await leaveNothing(supervision, found, folder);
  }

  async function leaveNothing(
    supervision: Supervision,
    process: Pick<Process, 'release'>,
    folder: string,
  ): Promise<void> {
    supervision.decide();
    supervision.sweep();
    await supervision.settled();
    process.release();
    await processes.clear(folder);
  }

  async function carryOut(
    { argv, stdin = NO_BYTES, take = () => {} }: StepCommand,
    folder: string,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<AttemptEnd> {
    await endEarlier(folder);
    if (signal.aborted) return { kind: 'not-started', reason: 'the run was ended' };
    const supervision = superviseIn(folder, timeoutMs);
    const end = () => supervision.terminate('cancel');
    signal.addEventListener('abort', end, { once: true });
    try {
      const commands = createCommands({
        ...options,
        supervision,
        taken: undefined,
        write: () => true,
        marks: { [MARK]: folder },
      });
      const { end: ending } = await commands.carryOut({ kind: 'command', argv, stdin }, folder, { take });
      const isLate = supervision.cause === 'timeout';
      await leaveNothing(supervision, commands, folder);
      return isLate ? { kind: 'timed-out' } : ending;
    } finally {
      signal.removeEventListener('abort', end);
    }
  }

  return {
    carryOut: (command, folder, timeoutMs, signal) =>
      carryOut(command, folder, timeoutMs, signal).catch(
        (cause): AttemptEnd => ({ kind: 'unknown', reason: messageOf(cause) }),
      ),
    letGo() {
      released = true;
      current?.letGo();
    },
  };
}
