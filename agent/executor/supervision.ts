import type { Clock } from '../../proto/clock.ts';
import type { ProcessTable } from './proc.ts';
import type { Process } from './process.ts';
import type { Cause, RunSpec } from './run.ts';
import type { Ending } from './shim.ts';
import { endTree } from './terminate.ts';
import type { ProcessId } from './tree.ts';

export interface SupervisionOptions {
  readonly clock: Clock;
  readonly table: ProcessTable;
  /** Pids that no run may end: the agent's own. */
  readonly spared: readonly number[];
  /** NAME=VALUE in the environment of everything that belongs to the job. */
  readonly mark: string;
  readonly spec: RunSpec;
  /** Of its timeout. */
  readonly leftMs: number;
  /** Of a run that an agent before this one started: its last shim, all of them, and the start of its first. */
  readonly root: ProcessId | undefined;
  readonly shims: readonly ProcessId[];
  readonly sinceTicks: number;
  /** False until `know`. */
  readonly isKnown: boolean;
  /** Why that agent was ending it: then what has ended was ended by that, and what has not is. */
  readonly inherited: Cause | undefined;
  /** Told of the first cause. */
  onCause(cause: Cause): void;
}

/**
 * The end of one run from outside: the first cause (cancel, timeout, stop) wins, unless the run's own end is certain by then.
 * A cause ends the process tree of the command that is watched, or what the last one left behind.
 */
export interface Supervision {
  /** Aborts with the first cause, or when the run is let go. */
  readonly signal: AbortSignal;
  readonly cause: Cause | undefined;
  readonly isLetGo: boolean;
  terminate(why: Cause): void;
  /** The run's end is certain, so that a cause comes too late. */
  decide(): void;
  /**
   * How far an earlier agent's run is has been found out. Until then causes wait, and no time is up: what had ended was not
   * ended by them.
   */
  know(): void;
  /** Its time does not go on until what this returns is called. */
  suspend(): () => void;
  /** Where the tree begins that a cause would end, from here on. What had ended before it was found is not for one that waits to end. */
  begin(process: Process): void;
  /** Resolves with the end of the process; or, if its tree had to be ended and it outlived that, with no knowledge. */
  watch(process: Process): Promise<Ending>;
  /** Ends what the last command left behind. */
  sweep(): void;
  /** Resolves when no tree is being ended (any more), with the pids that could not be; never, once the run was let go. */
  settled(): Promise<readonly number[]>;
  /** The start of the run's first shim and its last one, for an agent after this one. */
  traces(): { root?: ProcessId; sinceTicks?: number };
  pause(): void;
  resume(): void;
  letGo(): void;
}

export function supervise(options: SupervisionOptions): Supervision {
  const { clock, spec } = options;
  const ending = new AbortController();
  let { isKnown, sinceTicks } = options;
  let cause: Cause | undefined;
  let early = options.inherited;
  let decided = false;
  let released = false;
  let paused = false;
  let current: { process: Process; giveUp(): void } | undefined;
  let last: Pick<Process, 'root' | 'end'> | undefined = options.root && {
    root: options.root,
    end: AbortSignal.abort(),
  };
  const shims = [...options.shims];
  let treeEnd: Promise<readonly number[]> | undefined;
  let { leftMs } = options;
  let isSuspended = false;
  let cancelTimeout = (): void => {};
  if (isKnown) armTimeout();

  function armTimeout(): void {
    if (isSuspended || cause || decided || released) return;
    const armedMs = clock.monotonicMs();
    const cancel = clock.after(Math.max(0, leftMs), () => terminate('timeout'));
    cancelTimeout = () => {
      leftMs -= clock.monotonicMs() - armedMs;
      cancelTimeout = () => {};
      cancel();
    };
  }

  function terminate(why: Cause): void {
    if (!isKnown) early ??= why;
    if (!isKnown || cause || decided || released) return;
    cause = why;
    options.onCause(why);
    cancelTimeout();
    ending.abort();
    if (current) endProcess(current.process, current.giveUp);
  }

  function know(): void {
    if (isKnown || released) return;
    isKnown = true;
    if (early) terminate(early);
    armTimeout();
  }

  function endProcess({ root, end }: Pick<Process, 'root' | 'end'>, giveUp: () => void): void {
    treeEnd ??= endTree({
      clock,
      table: options.table,
      root,
      shims,
      sinceTicks: Math.min(sinceTicks, root.startTicks),
      rootEnd: end,
      mark: options.mark,
      spared: options.spared,
      graceMs: spec.killGraceMs,
      abandoned: () => released,
    });
    // Without the shim's end there would be none of the run either.
    void treeEnd.then(() => {
      if (!end.aborted) giveUp();
    });
  }

  return {
    signal: ending.signal,
    get cause() {
      return cause;
    },
    get isLetGo() {
      return released;
    },
    terminate,
    decide() {
      decided = true;
      cancelTimeout();
    },
    know,
    suspend() {
      isSuspended = true;
      cancelTimeout();
      return () => {
        isSuspended = false;
        if (isKnown) armTimeout();
      };
    },
    begin(process) {
      sinceTicks = Math.min(sinceTicks, process.root.startTicks);
      last = process;
      shims.push(process.root);
      if (!process.end.aborted || options.inherited) know();
    },
    watch: (process) =>
      new Promise((resolve) => {
        if (released) return process.detach();
        const giveUp = () => resolve({ kind: 'unknown', reason: 'its end was not seen' });
        current = { process, giveUp };
        if (paused) process.pause();
        if (cause) endProcess(process, giveUp);
        void process.ended.then((end) => {
          current = undefined;
          if (!released) resolve(end);
        });
      }),
    sweep() {
      if (last) endProcess(last, () => {});
    },
    async settled() {
      const left = (await treeEnd) ?? [];
      // What follows is for whoever takes it up again.
      if (released) await new Promise<never>(() => {});
      return left;
    },
    traces: () => ({
      ...(last && { root: last.root }),
      ...(Number.isFinite(sinceTicks) && { sinceTicks }),
    }),
    pause() {
      paused = true;
      current?.process.pause();
    },
    resume() {
      paused = false;
      current?.process.resume();
    },
    letGo() {
      released = true;
      cancelTimeout();
      current?.process.detach();
      // A step must not wait on in an agent that ends; what it answers is for nobody.
      ending.abort();
    },
  };
}
