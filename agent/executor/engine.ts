import { join } from 'node:path';
import type { Clock } from '../../proto/clock.ts';
import { planCommand } from './command.ts';
import { jobMark } from './environment.ts';
import { type BlockStore, createOutputLog } from './output.ts';
import type { ProcessTable } from './proc.ts';
import type { Process, Processes } from './process.ts';
import type { Programs } from './program.ts';
import {
  type Cause,
  type CheckedRun,
  conclude,
  judge,
  type Run,
  type RunResult,
  stateOf,
  type Task,
  type TaskResult,
} from './run.ts';
import type { Ending } from './shim.ts';
import { endTree } from './terminate.ts';

export interface EngineOptions {
  readonly clock: Clock;
  /** Absolute. Holds a folder per task: JOB-ATTEMPT-INDEX. */
  readonly spoolDir: string;
  readonly processes: Processes;
  readonly table: ProcessTable;
  readonly programs: Programs;
  /** Where a run's output goes beyond what is in memory. */
  openStore(path: string): BlockStore & { close(): void };
  /** Pids that no run may end: the agent's own. */
  readonly spared: readonly number[];
}

/**
 * One run, from its first task to its result. A task ends by a race between its own end and the first cause from
 * outside (cancel, timeout, stop); what loses the race changes nothing.
 */
export function startRun(options: EngineOptions, checked: CheckedRun): { run: Run; letGo(): void } {
  const { clock, processes } = options;
  const { spec } = checked;
  const folderOf = (index: number) => join(options.spoolDir, `${spec.jobId}-${spec.attempt}-${index}`);
  const store = options.openStore(join(folderOf(0), 'log'));
  const output = createOutputLog({ capBytes: spec.outputCapBytes, store });
  const listeners = new Set<() => void>();
  /** Aborts with the first cause. */
  const ending = new AbortController();
  let cause: Cause | undefined;
  /** The run's end is certain, so that a cause comes too late. */
  let decided = false;
  let released = false;
  let paused = false;
  let current: { process: Process; giveUp(): void } | undefined;
  let first: Process | undefined;
  let last: Process | undefined;
  let treeEnd: Promise<readonly number[]> | undefined;

  const startedAtMs = clock.now();
  const startedMs = clock.monotonicMs();
  const cancelTimeout = clock.after(spec.timeoutMs, () => terminate('timeout'));
  const done = carryOut();

  function terminate(why: Cause): void {
    if (cause || decided || released) return;
    cause = why;
    cancelTimeout();
    ending.abort();
    if (current) endProcess(current.process, current.giveUp);
  }

  function endProcess(process: Process, giveUp: () => void): void {
    treeEnd ??= endTree({
      clock,
      table: options.table,
      root: process.root,
      sinceTicks: Math.min(first?.root.startTicks ?? Number.POSITIVE_INFINITY, process.root.startTicks),
      rootEnd: process.end,
      mark: jobMark(spec.jobId),
      spared: options.spared,
      graceMs: spec.killGraceMs,
      abandoned: () => released,
    });
    // Without the shim's end there would be none of the run either.
    void treeEnd.then(() => {
      if (!process.end.aborted) giveUp();
    });
  }

  async function carryOut(): Promise<RunResult> {
    const tasks: TaskResult[] = [];
    for (const [index, task] of spec.tasks.entries()) {
      const outputFrom = output.length;
      const beganMs = clock.monotonicMs();
      const goesOn = !cause && tasks.every((earlier) => earlier.state === 'succeeded');
      const result = goesOn ? await carryOutTask(index, task) : ({ state: 'skipped' } as const);
      const durationMs = clock.monotonicMs() - beganMs;
      tasks.push({ index, durationMs, outputFrom, outputTo: output.length, ...result });
    }
    decided = true;
    cancelTimeout();
    // A cause between two tasks still ends what the earlier ones left behind.
    if (cause && last) endProcess(last, () => {});
    const leftover = (await treeEnd) ?? [];
    await unlessReleased();
    return {
      ...conclude(tasks, cause, leftover, spec),
      tasks,
      output: output.summary(),
      startedAtMs,
      endedAtMs: clock.now(),
      durationMs: clock.monotonicMs() - startedMs,
      leftover,
    };
  }

  async function carryOutTask(
    index: number,
    task: Task,
  ): Promise<Omit<TaskResult, 'index' | 'durationMs' | 'outputFrom' | 'outputTo'>> {
    const planned = planCommand(checked, task, folderOf(index), options.programs);
    if ('reason' in planned) return { state: 'failed', ...planned };
    let process: Process;
    try {
      process = await processes.launch(
        {
          folder: folderOf(index),
          command: planned.command,
          ...(checked.otherUser ? { owner: checked.account } : {}),
          onData(stream, data) {
            output.append(stream, data);
            for (const listener of listeners) listener();
          },
          onBroken: (stream) => output.gap(stream),
        },
        ending.signal,
      );
    } catch (error) {
      if (cause) return { state: stateOf(cause) };
      const reason = `the command could not be started: ${error instanceof Error ? error.message : error}`;
      return judge({ kind: 'not-started', reason });
    }
    first ??= process;
    last = process;
    const end = await watch(process);
    const judged = judge(end);
    if (!cause) decided = judged.state !== 'succeeded' || index === spec.tasks.length - 1;
    if (end.kind === 'unknown') endProcess(process, () => {});
    await treeEnd;
    await unlessReleased();
    const endedBy = cause && !decided ? { state: stateOf(cause) } : {};
    const held = process.drain() ? { outputHeld: true } : {};
    return { ...judged, ...held, ...endedBy };
  }

  /** Resolves with the end of the process; or, if its tree had to be ended and it outlived that, with no knowledge. */
  function watch(process: Process): Promise<Ending> {
    return new Promise((resolve) => {
      if (released) return process.detach();
      const giveUp = () => resolve({ kind: 'unknown', reason: 'its end was not seen' });
      current = { process, giveUp };
      if (paused) process.pause();
      if (cause) endProcess(process, giveUp);
      void process.ended.then((end) => {
        current = undefined;
        if (!released) resolve(end);
      });
    });
  }

  /** Never returns once the run was let go: what follows is for whoever takes it up again. */
  async function unlessReleased(): Promise<void> {
    if (released) await new Promise<never>(() => {});
  }

  return {
    run: {
      output,
      done,
      terminate,
      onOutput(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      pause() {
        paused = true;
        current?.process.pause();
      },
      resume() {
        paused = false;
        current?.process.resume();
      },
      async dispose() {
        store.close();
        await Promise.all(spec.tasks.map((_, index) => processes.remove(folderOf(index))));
      },
    },
    letGo() {
      released = true;
      cancelTimeout();
      current?.process.detach();
      store.close();
    },
  };
}
