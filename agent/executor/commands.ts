import { planCommand } from './command.ts';
import type { OutputLog, Stream } from './output.ts';
import type { FoundProcess, Process, Processes } from './process.ts';
import type { Programs } from './program.ts';
import { type CheckedRun, type CommandTask, judge, stateOf, type TaskResult } from './run.ts';
import type { Ending } from './shim.ts';
import type { StepCommand } from './step.ts';
import type { Supervision } from './supervision.ts';

export type Ended = Omit<TaskResult, 'index' | 'durationMs' | 'outputFrom' | 'outputTo'>;

type Take = NonNullable<StepCommand['take']>;

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
  carryOut(task: CommandTask, folder: string, take?: Take): Promise<CommandEnd>;
  /** What has ended is written down: the shims that held its output may go. */
  release(): void;
  letGo(): void;
}

export function createCommands(options: CommandOptions): Commands {
  const { checked, output, processes, supervision } = options;
  const over: Process[] = [];

  /** A folder that cannot be read may stand for anything; the run ends over it, and not its agent. */
  async function find(
    folder: string,
    take: Take | undefined,
  ): Promise<FoundProcess | CommandEnd | undefined> {
    try {
      return await findOut(folder, take);
    } catch (error) {
      supervision.know();
      const reason = `what an agent before this one started cannot be looked at: ${messageOf(error)}`;
      const end: Ending = { kind: 'unknown', reason };
      return { end, ended: judge(end), endedAtMs: 0 };
    }
  }

  async function findOut(folder: string, take: Take | undefined): Promise<FoundProcess | undefined> {
    if (!options.taken) return undefined;
    const found = await processes.find({ folder, closed: options.taken.closed, ...receivers(take) });
    if (!take) for (const stream of found?.mayLack ?? []) output.gap(stream);
    if (!found || !take || !found.wasUsed) return found;
    await watch(found);
    found.drain();
    release();
    await processes.clear(folder);
    return undefined;
  }

  function receivers(take: Take | undefined) {
    return {
      onData(stream: Stream, data: Uint8Array): boolean {
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

  async function launch(task: CommandTask, folder: string, take?: Take): Promise<Process | CommandEnd> {
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
        { folder, command, nice, ...owner, ...receivers(take) },
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

  return {
    async carryOut(task, folder, take) {
      const found = await find(folder, take);
      if (!found) supervision.know();
      const process = found ?? (await launch(task, folder, take));
      if ('ended' in process && !('root' in process)) return process;
      const end = await watch(process);
      return { end, ended: judge(end), process, endedAtMs: found?.endedAtMs ?? 0 };
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
