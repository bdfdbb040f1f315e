import type { Answer, Command, Ended, Host, HostFiles } from '../../../agent/packages/host.ts';
import { virtualClock } from '../../support/virtual-clock.ts';

export interface Script {
  /** What is in files, by their paths. */
  readonly files?: Readonly<Record<string, string>>;
  /** What programs say; without an answer they exit with 0 and say nothing. */
  readonly answer?: (argv: readonly string[], command: Command) => Partial<Answer> | undefined;
}

export interface ScriptedHost extends Host {
  /** The words of all programs, in the order in which they were asked for. */
  readonly asked: Command[];
  readonly said: string[];
}

/** A machine that is made up: its files in memory, its programs a function. */
export function scriptedHost({ files = {}, answer = () => undefined }: Script): ScriptedHost {
  const asked: Command[] = [];
  const said: string[] = [];
  const ask = async (command: Command): Promise<Answer> => {
    asked.push(command);
    return { exitCode: 0, stdout: '', stderr: '', ...answer(command.argv, command) };
  };
  const run = async (_part: string, command: Command): Promise<Ended> => {
    const { exitCode, stdout, stderr } = await ask(command);
    return { exitCode, isUnknown: false, said: stdout + stderr };
  };
  return {
    clock: virtualClock(),
    files: filesOf(files),
    signal: new AbortController().signal,
    asked,
    said,
    say: (line) => said.push(line),
    ask,
    run,
    runOnce: run,
    takeUp: async () => undefined,
    lockHolder: async () => undefined,
  };
}

function filesOf(files: Readonly<Record<string, string>>): HostFiles {
  const names = (folder: string) =>
    Object.keys(files)
      .filter((path) => path.startsWith(`${folder}/`))
      .map((path) => path.slice(folder.length + 1).split('/')[0] ?? '');
  return {
    exists: async (path) => files[path] !== undefined || names(path).length > 0,
    readText: async (path) => files[path],
    readGzip: async (path) => files[path],
    list: async (path) => [...new Set(names(path))],
    size: async (path) => files[path]?.length,
    freeBytes: async () => 2 ** 40,
  };
}
