import { join } from 'node:path';
import { type Clock, delay } from '../../proto/clock.ts';
import { MusterError } from '../../proto/errors.ts';
import { planCommand } from './command.ts';
import { jobMark } from './environment.ts';
import { type BlockStore, createOutputLog, type Stream } from './output.ts';
import type { ProcessTable } from './proc.ts';
import type { Process, Processes } from './process.ts';
import type { Programs } from './program.ts';
import {
  type Cause,
  type CheckedRun,
  type CommandTask,
  conclude,
  isCommand,
  judge,
  type Run,
  type RunResult,
  stateOf,
  type Task,
  type TaskResult,
} from './run.ts';
import type { Ending } from './shim.ts';
import type { StepCommand, StepContext, StepResult, Steps } from './step.ts';
import { endTree } from './terminate.ts';

export interface EngineOptions {
  readonly clock: Clock;
  /** Absolute. Holds a folder per task: JOB-ATTEMPT-INDEX. */
  readonly spoolDir: string;
  readonly processes: Processes;
  readonly table: ProcessTable;
  readonly programs: Programs;
  readonly steps: Steps;
  /** Where a run's output goes beyond what is in memory. */
  openStore(path: string): BlockStore & { close(): void };
  /** Pids that no run may end: the agent's own. */
  readonly spared: readonly number[];
}

type Ended = Omit<TaskResult, 'index' | 'durationMs' | 'outputFrom' | 'outputTo'>;

const NO_BYTES = new Uint8Array(0);
/** How long past the grace a step may take to end. */
const STEP_WAIT_MS = 5_000;

/**
 * One run, from its first task to its result. A task ends by a race between its own end and the first cause from
 * outside (cancel, timeout, stop); what loses the race changes nothing.
 */
export function startRun(options: EngineOptions, checked: CheckedRun): { run: Run; letGo(): void } {
  const { clock, processes } = options;
  const { spec } = checked;
  const folderOf = (index: number) => join(options.spoolDir, `${spec.jobId}-${spec.attempt}-${index}`);
  const folders = spec.tasks.map((_, index) => folderOf(index));
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

  async function carryOutTask(index: number, task: Task): Promise<Ended> {
    if (task.guard) {
      const { guard } = task;
      const held = await stepped(index, (context) => options.steps.holds(guard, context));
      if (held === true) return { state: 'succeeded', change: 'unchanged' };
      if (held !== false) return held;
    }
    if (!isCommand(task)) return stepped(index, (context) => options.steps.carryOut(task, context));
    if (spec.check) return { state: 'succeeded', change: 'would-change' };
    const { judged, process } = await carryOutCommand(task, folderOf(index));
    if (!cause) decided = judged.state !== 'succeeded' || index === spec.tasks.length - 1;
    await treeEnd;
    await unlessReleased();
    const endedBy = cause && !decided ? { state: stateOf(cause) } : {};
    const held = process?.drain() ? { outputHeld: true } : {};
    return { ...judged, ...held, ...endedBy };
  }

  /** Whatever a step answers, a cause from outside is the truer end; one that does not answer then is not waited for. */
  async function stepped<Answer extends boolean | StepResult>(
    index: number,
    step: (context: StepContext) => Promise<Answer>,
  ): Promise<Answer | Ended> {
    const over = new AbortController();
    const answer = step(contextOf(index)).catch(
      (error): Ended => ({ state: 'failed', reason: error instanceof Error ? error.message : String(error) }),
    );
    const result = await Promise.race([answer, givenUp(over.signal)]);
    over.abort();
    await treeEnd;
    await unlessReleased();
    if (!cause) return result;
    return { ...(typeof result === 'object' && result), state: stateOf(cause) };
  }

  /** Resolves when a step that was told to end has not done so in time; never, once it is `over`. */
  async function givenUp(over: AbortSignal): Promise<Ended> {
    await new Promise((resolve) =>
      ending.signal.addEventListener('abort', resolve, { once: true, signal: over }),
    );
    await delay(clock, spec.killGraceMs + STEP_WAIT_MS, over).catch(() => {});
    return { state: 'interrupted', reason: 'it did not end when it was told to' };
  }

  function contextOf(index: number): StepContext {
    return {
      spec,
      checked,
      index,
      signal: ending.signal,
      write,
      room: async () => {},
      async command(part, { argv, stdin = NO_BYTES, take }) {
        const folder = `${folderOf(index)}-${part}`;
        folders.push(folder);
        const { end, process } = await carryOutCommand({ kind: 'command', argv, stdin }, folder, take);
        process?.drain();
        return end;
      },
      beforeReboot: () => Promise.reject(new MusterError('journal-failed', 'not possible yet')),
    };
  }

  function write(stream: Stream, data: Uint8Array): void {
    output.append(stream, data);
    for (const listener of listeners) listener();
  }

  async function carryOutCommand(
    task: CommandTask,
    folder: string,
    take?: StepCommand['take'],
  ): Promise<{ end: Ending; judged: Ended; process?: Process }> {
    const planned = planCommand(checked, task, folder, options.programs);
    if ('reason' in planned) {
      const { exitCode, reason } = planned;
      const end: Ending =
        exitCode === undefined ? { kind: 'not-started', reason } : { kind: 'exited', exitCode, reason };
      return { end, judged: { state: 'failed', ...planned } };
    }
    let process: Process;
    try {
      process = await processes.launch(
        {
          folder,
          command: planned.command,
          ...(checked.otherUser ? { owner: checked.account } : {}),
          onData: take ?? write,
          onBroken: take ? () => {} : (stream) => output.gap(stream),
        },
        ending.signal,
      );
    } catch (error) {
      const reason = `the command could not be started: ${error instanceof Error ? error.message : error}`;
      const end: Ending = { kind: 'not-started', reason };
      return { end, judged: cause ? { state: stateOf(cause) } : judge(end) };
    }
    first ??= process;
    last = process;
    const end = await watch(process);
    if (end.kind === 'unknown') endProcess(process, () => {});
    return { end, judged: judge(end), process };
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
        await Promise.all(folders.map((folder) => processes.remove(folder)));
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
