import { join } from 'node:path';
import type { Clock } from '../../proto/clock.ts';
import { createCommands, type Ended, messageOf } from './commands.ts';
import { type Contact, createConfirming } from './confirming.ts';
import { jobMark } from './environment.ts';
import { type LogFile, openOutputLog, type Stream } from './output.ts';
import {
  encodeNote,
  interruption,
  isRepeatable,
  type Note,
  type Pending,
  pendingOf,
  readPast,
  resultsBeforeReboot,
  waitedMsOf,
} from './past.ts';
import type { ProcessTable } from './proc.ts';
import type { Processes } from './process.ts';
import type { Programs } from './program.ts';
import {
  type Beginning,
  type Cause,
  type CheckedRun,
  type CommandTask,
  conclude,
  isCommand,
  type Resumption,
  type Run,
  type RunResult,
  type StepTask,
  stateOf,
  type Task,
  type TaskResult,
  type Undo,
  wasTakenBack,
} from './run.ts';
import type { Steps } from './step.ts';
import { createStepping, waitForReboot } from './stepping.ts';
import { supervise } from './supervision.ts';

export interface EngineOptions {
  readonly clock: Clock;
  /** Absolute. Holds a folder per command, JOB-ATTEMPT-INDEX, and a log per run, JOB-ATTEMPT.log. */
  readonly spoolDir: string;
  readonly processes: Processes;
  readonly table: ProcessTable;
  readonly programs: Programs;
  readonly steps: Steps;
  readonly contact: Contact;
  /** Throws what the disk throws. */
  openLog(path: string, isNew: boolean): LogFile;
  /** Of all runs' output; see `openOutputLog`. */
  readonly reserve?: (bytes: number) => void;
  /** Pids that no run may end: the agent's own. */
  readonly spared: readonly number[];
}

/**
 * One run, from its first task to its result; with `resumed`, from where an agent before this one was. What that one knew is in
 * the run's log, what it started in folders. Throws what the disk throws at reading the log.
 */
export function startRun(
  options: EngineOptions,
  checked: CheckedRun,
  beginning: Beginning,
  resumed?: Resumption,
): { run: Run; disposed: Promise<void>; letGo(): void } {
  const { clock, processes } = options;
  const { spec } = checked;
  const base = join(options.spoolDir, `${spec.jobId}-${spec.attempt}`);
  const file = options.openLog(`${base}.log`, !resumed);
  const { log: output, notes, closed } = openOutputLog({ ...options, capBytes: spec.outputCapBytes, file });
  const past = readPast(notes);
  const outputListeners = new Set<() => void>();
  const taskListeners = new Set<() => void>();
  const supervision = supervise({
    ...options,
    spec,
    mark: jobMark(spec.jobId),
    leftMs: spec.timeoutMs - beginning.elapsedMs + waitedMsOf(past, clock.uptimeMs()),
    root: past.root,
    shims: past.shims,
    sinceTicks: past.sinceTicks,
    isKnown: !resumed,
    inherited: past.cause,
    onCause,
  });
  const commands = createCommands({
    ...options,
    checked,
    supervision,
    output,
    write,
    taken: resumed && { closed },
  });
  const stepping = createStepping({
    ...options,
    ...{ checked, supervision, commands, output },
    write: (stream, data) => void write(stream, data),
    folderOf: (index, part) => `${base}-${index}-${part}`,
    beforeReboot(index) {
      output.sync();
      beginning.awaitReboot(index + 1);
    },
  });
  const confirming = createConfirming({
    ...options,
    ...{ checked, supervision, output, write },
    taken: resumed && { closed },
    boot: resumed?.restarted ? resumed.bootIds.now : undefined,
    clear: (index) => processes.clear(`${base}-${index}`),
    folderOf: (index, part) => `${base}-${index}-${part}`,
    note: noteDurably,
  });
  /** The wall time at which the last task ended, and the current one began. */
  let turnedAtMs = past.endedAtMs || beginning.startedAtMs;
  /** When the current one ended, where that was before this agent. */
  let foundEndMs = 0;
  let at = 0;
  /** The last task that this agent began. */
  let begunAt = -1;
  const done = carryOut();
  const disposed = Promise.withResolvers<void>();

  function write(stream: Stream, data: Uint8Array): boolean {
    const isLogged = output.append(stream, data);
    for (const listener of outputListeners) listener();
    return isLogged;
  }

  function note(what: Note): void {
    output.note(encodeNote(what));
  }

  /** Also for an agent in another boot. */
  function noteDurably(what: Note): void {
    note(what);
    output.sync();
  }

  function onCause(cause: Cause): void {
    const hasBegun = supervision.traces().root !== undefined || file.size > 0;
    if (!hasBegun || cause === past.cause) return;
    try {
      note({ cause });
    } catch {
      // An agent after this one would take what this one ends for an end of its own.
    }
  }

  async function carryOut(): Promise<RunResult> {
    const startedMs = clock.monotonicMs();
    const tasks: TaskResult[] = [];
    const problem = resumed && goOn(resumed);
    for (const [index, task] of spec.tasks.entries()) {
      const known = past.results.get(index);
      if (known) tasks.push(known);
      else tasks.push(await take(index, task, tasks, problem));
    }
    supervision.decide();
    supervision.know();
    // A cause between two tasks still ends what the earlier ones left behind.
    if (supervision.cause && !tasks.some(wasTakenBack)) supervision.sweep();
    const leftover = await supervision.settled();
    return {
      ...conclude(tasks, supervision.cause, leftover, spec),
      tasks,
      output: output.summary(),
      startedAtMs: beginning.startedAtMs,
      endedAtMs: turnedAtMs,
      durationMs: resumed ? Math.max(0, turnedAtMs - beginning.startedAtMs) : clock.monotonicMs() - startedMs,
      leftover,
    };
  }

  /** Why nothing of the run can be taken up, if so. */
  function goOn({ restarted, resumeAt, bootIds, goOn: makeDurable }: Resumption): string | undefined {
    if (!restarted) return undefined;
    // What was read last before the machine went down may not have reached the disk.
    for (const stream of closed ? [] : (['stdout', 'stderr'] as const)) output.gap(stream);
    if (resumeAt === 0) return 'the machine restarted while it ran; its effect is unknown';
    try {
      for (const result of resultsBeforeReboot(past.results, resumeAt, output.length, bootIds)) {
        past.results.set(result.index, result);
        note({ ended: result, atMs: clock.now() });
      }
      makeDurable();
      turnedAtMs = clock.now();
      return undefined;
    } catch (error) {
      return `it could not go on after the restart: ${messageOf(error)}`;
    }
  }

  async function take(
    index: number,
    task: Task,
    before: readonly TaskResult[],
    problem: string | undefined,
  ): Promise<TaskResult> {
    const outputFrom = before.at(-1)?.outputTo ?? 0;
    const goesOn = !supervision.cause && before.every(({ state }) => state === 'succeeded');
    const isFirst = before.length === past.results.size;
    const beganMs = clock.monotonicMs();
    foundEndMs = 0;
    let ended: Ended = { state: 'skipped' };
    const pending = pendingOf(past, index, task, spec.check);
    if (pending?.ended) ended = pending.ended;
    else if (problem !== undefined) ended = { state: 'interrupted', reason: problem };
    else if (goesOn) {
      come(index);
      ended = await carryOutTask(index, task);
    }
    const undo = pending || begunAt === index ? task.undo : undefined;
    if (undo) ended = await confirm(index, undo, ended, pending);
    await supervision.settled();
    const endMs = foundEndMs || clock.now();
    const durationMs = resumed && isFirst ? Math.max(0, endMs - turnedAtMs) : clock.monotonicMs() - beganMs;
    turnedAtMs = endMs;
    const result = { index, durationMs, outputFrom, outputTo: output.length, ...ended };
    const isFollowed = ended.state === 'succeeded' && index < spec.tasks.length - 1;
    const isTold = goesOn && problem === undefined && (isFollowed || !isCommand(task));
    if (isTold || undo) writeEnd(result, undo ? noteDurably : note);
    return result;
  }

  async function confirm(
    index: number,
    undo: Undo,
    ended: Ended,
    pending: Pending | undefined,
  ): Promise<Ended> {
    if (!pending && ended.state === 'succeeded' && ended.change === 'unchanged') return ended;
    supervision.know();
    // What the task left behind is ended first, so that what takes it back is not.
    if (supervision.cause) supervision.sweep();
    await supervision.settled();
    return confirming.take(index, undo, ended, pending);
  }

  /** Not of the run's last command: its end is in its folder, which is there until the report is. */
  function writeEnd(ended: TaskResult, write: (what: Note) => void): void {
    try {
      write({ ended, atMs: turnedAtMs, uptimeMs: clock.uptimeMs(), ...supervision.traces() });
      commands.release();
    } catch {
      // Where it was a command its folder still says so; of a step, an agent after this one would not know.
    }
  }

  function come(index: number): void {
    if (index === at) return;
    at = index;
    for (const listener of taskListeners) listener();
  }

  async function carryOutTask(index: number, task: Task): Promise<Ended> {
    if (task.guard && past.began?.index !== index) {
      const { guard } = task;
      const held = await stepping.take(index, (context) => options.steps.holds(guard, context));
      if (held === true) return { state: 'succeeded', change: 'unchanged' };
      if (held !== false) return held;
    }
    if (!isCommand(task)) return carryOutStep(index, task);
    if (spec.check) return { state: 'succeeded', change: 'would-change' };
    // Who takes it up is not to ask the guard again: what the command has done so far may be what that looks for.
    return ((task.guard || task.undo) && begin(index, task)) || carryOutCommand(index, task);
  }

  /** How it failed, if it cannot be written down that the task began. */
  function begin(index: number, { undo }: Task): Ended | undefined {
    try {
      const began = { began: index, uptimeMs: clock.uptimeMs() };
      if (undo && !spec.check) noteDurably(began);
      else note(began);
      if (!spec.check) begunAt = index;
      return undefined;
    } catch (error) {
      return { state: 'failed', reason: `its begin could not be written down: ${messageOf(error)}` };
    }
  }

  async function carryOutCommand(index: number, task: CommandTask): Promise<Ended> {
    const { ended, process, endedAtMs } = await commands.carryOut(task, `${base}-${index}`);
    foundEndMs = endedAtMs;
    const { cause } = supervision;
    if (!cause && (ended.state !== 'succeeded' || index === spec.tasks.length - 1)) supervision.decide();
    supervision.know();
    await supervision.settled();
    const endedBy = cause ? { state: stateOf(cause) } : {};
    const held = process?.drain() ? { outputHeld: true } : {};
    return { ...ended, ...held, ...endedBy };
  }

  async function carryOutStep(index: number, task: StepTask): Promise<Ended> {
    const { began } = past;
    const again = began?.index === index;
    if (again && task.kind === 'reboot' && resumed?.resumeAt === index + 1) {
      supervision.know();
      const waitedMs = clock.uptimeMs() - began.uptimeMs;
      return stepping.take(index, ({ signal }) => waitForReboot(clock, task.timeoutMs, waitedMs, signal));
    }
    if (again && !isRepeatable(task)) return { state: 'interrupted', reason: interruption(task) };
    const held = options.steps.held?.(task);
    if (held) await held;
    const failed = begin(index, task);
    if (failed) return failed;
    const { change, ...ended } = await stepping.take(index, (context) =>
      options.steps.carryOut(task, context),
    );
    // The first time may have changed it.
    const isUnsure = change === undefined || (again && change === 'unchanged');
    return isUnsure ? ended : { ...ended, change };
  }

  return {
    run: {
      output,
      done,
      terminate: supervision.terminate,
      get task() {
        return at;
      },
      onTask: (listener) => void taskListeners.add(listener),
      onOutput(listener) {
        outputListeners.add(listener);
        return () => outputListeners.delete(listener);
      },
      pause: supervision.pause,
      resume: supervision.resume,
      async dispose() {
        commands.release();
        confirming.release();
        file.remove();
        disposed.resolve();
        await processes.clear(base);
      },
    },
    disposed: disposed.promise,
    letGo() {
      // First: what it has under way is for an agent after this one to end.
      stepping.letGo();
      confirming.letGo();
      supervision.letGo();
      commands.letGo();
      output.close();
    },
  };
}
