import { planCommand } from './command.ts';
import type { OutputLog, Stream } from './output.ts';
import type { FoundProcess, Process, Processes } from './process.ts';
import type { Programs } from './program.ts';
import { type CheckedRun, type CommandTask, judge, stateOf, type TaskResult } from './run.ts';
import type { Ending } from './shim.ts';
import type { StepCommand } from './step.ts';
import type { Supervision } from './supervision.ts';

export type Ended = Omit<TaskResult, 'index' | 'durationMs' | 'outputFrom' | 'outputTo'>;

interface Listeners {
  readonly take?: StepCommand['take'] | undefined;
  readonly hear?: StepCommand['hear'] | undefined;
}

export interface CommandOptions {
  readonly checked: CheckedRun;
  readonly processes: Processes;
  readonly programs: Programs;
  readonly supervision: Supervision;
  readonly output: OutputLog;
  /** False when it is not in the run's log. */
  write(stream: Stream, data: Uint8Array): boolean;
  /** Of a run that an agent before this one started: whether that let go of its log in good order. */
  readonly taken: { readonly closed: boolean } | undefined;
  /** Variables by which what belongs to these commands is known. */
  readonly marks?: Readonly<Record<string, string>>;
}

export interface CommandEnd {
  readonly end: Ending;
  readonly ended: Ended;
  /** Undefined where none was started. */
  readonly process?: Process;
  /** When it ended, where that was before this agent; else 0. */
  readonly endedAtMs: number;
}

/** Carries out the commands of one run: starts each, or takes it up where its folder says that it was started. */
export interface Commands {
  /** `take` gets its output in the run's stead; one that wrote some to an earlier agent's `take` is carried out again. */
  carryOut(task: CommandTask, folder: string, listeners?: Listeners): Promise<CommandEnd>;
  /** Undefined where an agent before this one started nothing in this folder. */
  takeUp(folder: string, listeners: Listeners): Promise<CommandEnd | undefined>;
  /** What has ended is written down: the shims that held its output may go. */
  release(): void;
  letGo(): void;
}

export function createCommands(options: CommandOptions): Commands {
  const { checked, output, processes, supervision } = options;
  const over: Process[] = [];

  /** A folder that cannot be read may stand for anything; the run ends over it, and not its agent. */
  async function find(folder: string, listeners: Listeners): Promise<FoundProcess | CommandEnd | undefined> {
    try {
      return await findOut(folder, listeners);
    } catch (error) {
      supervision.know();
      const reason = `what an agent before this one started cannot be looked at: ${messageOf(error)}`;
      const end: Ending = { kind: 'unknown', reason };
      return { end, ended: judge(end), endedAtMs: 0 };
    }
  }

  async function findOut(folder: string, listeners: Listeners): Promise<FoundProcess | undefined> {
    if (!options.taken) return undefined;
    const { take } = listeners;
    const found = await processes.find({ folder, closed: options.taken.closed, ...receivers(listeners) });
    if (!take) for (const stream of found?.mayLack ?? []) output.gap(stream);
    if (!found || !take || !found.wasUsed) return found;
    await watch(found);
    found.drain();
    release();
    await processes.clear(folder);
    return undefined;
  }

  function receivers({ take, hear }: Listeners) {
    return {
      onData(stream: Stream, data: Uint8Array): boolean {
        hear?.(stream, data);
        if (!take) return options.write(stream, data);
        take(stream, data);
        return true;
      },
      onBroken: take ? () => {} : (stream: Stream) => output.gap(stream),
    };
  }

  function release(): void {
    for (const process of over.splice(0)) process.release();
  }

  async function launch(
    task: CommandTask,
    folder: string,
    listeners: Listeners,
  ): Promise<Process | CommandEnd> {
    const planned = planCommand(checked, task, folder, options.programs, options.marks);
    if ('reason' in planned) {
      const { exitCode, reason } = planned;
      const end: Ending =
        exitCode === undefined ? { kind: 'not-started', reason } : { kind: 'exited', exitCode, reason };
      return { end, ended: { state: 'failed', ...planned }, endedAtMs: 0 };
    }
    try {
      const owner = checked.otherUser ? { owner: checked.account } : {};
      const { command } = planned;
      const { nice } = checked.spec;
      return await processes.launch(
        { folder, command, nice, ...owner, ...receivers(listeners) },
        supervision.signal,
      );
    } catch (error) {
      const reason = `the command could not be started: ${messageOf(error)}`;
      const end: Ending = { kind: 'not-started', reason };
      const { cause } = supervision;
      return { end, ended: cause ? { state: stateOf(cause) } : judge(end), endedAtMs: 0 };
    }
  }

  async function watch(process: Process): Promise<Ending> {
    supervision.begin(process);
    const end = await supervision.watch(process);
    over.push(process);
    if (end.kind === 'unknown') supervision.sweep();
    return end;
  }

  async function endOf(process: Process | FoundProcess | CommandEnd): Promise<CommandEnd> {
    if ('ended' in process && !('root' in process)) return process;
    const end = await watch(process);
    return { end, ended: judge(end), process, endedAtMs: 'endedAtMs' in process ? process.endedAtMs : 0 };
  }

  return {
    async carryOut(task, folder, listeners = {}) {
      const found = await find(folder, listeners);
      if (!found) supervision.know();
      return endOf(found ?? (await launch(task, folder, listeners)));
    },
    async takeUp(folder, listeners) {
      const found = await find(folder, listeners);
      return found && endOf(found);
    },
    release,
    letGo() {
      for (const process of over.splice(0)) process.detach();
    },
  };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
