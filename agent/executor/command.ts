import { dirname, join } from 'node:path';
import { baseEnvironment, isForShell, orderedEnvironment } from './environment.ts';
import type { Programs } from './program.ts';
import type { CheckedRun, CommandTask } from './run.ts';
import { parseShebang } from './shebang.ts';
import { quote } from './shim.ts';

export const SCRIPT_FILE = 'script';
export const VARIABLES_FILE = 'env';

/** How a task is started: complete, with nothing left to look up. */
export interface Command {
  readonly argv: readonly string[];
  /** The order's own variables are not in it: they are set behind the change of user. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly stdin: Uint8Array;
  /** The content of the run folder's `script`. */
  readonly script?: Uint8Array;
  /** The interpreter reads the script as /dev/fd/8: its user has no way to the file. */
  readonly scriptByDescriptor?: boolean;
  /** The content of the run folder's `env`: what a shell reads, as /dev/fd/9, to set the order's variables. */
  readonly variables?: Uint8Array;
}

export type Planned =
  | { readonly command: Command }
  /** It cannot be started; with the exit status that a shell would give, where it has one. */
  | { readonly exitCode?: number; readonly reason: string };

/** Decides what is executed for a task whose files will be in `folder`. */
export function planCommand(
  checked: CheckedRun,
  task: CommandTask,
  folder: string,
  programs: Programs,
  marks: Readonly<Record<string, string>> = {},
): Planned {
  const { spec, cwd } = checked;
  const env = { ...baseEnvironment(checked.account, spec), ...marks };
  const added = orderedEnvironment(spec);
  const path = added.PATH ?? env.PATH ?? '';

  const hidden = checked.otherUser && !programs.isOpenToAll(dirname(folder));
  const words = wordsOf(task, hidden ? '/dev/fd/8' : join(folder, SCRIPT_FILE));
  if ('reason' in words) return words;
  const [name = '', ...args] = words.argv;
  const found = programs.find(name, path, cwd);
  if ('exitCode' in found) return { exitCode: found.exitCode, reason: refusal(task, name, found.exitCode) };

  // A name with a dash in front would be an option of the shell's exec.
  const argv = [name.startsWith('-') ? found.path : name, ...args];
  const set = setVariables(added, argv);
  return {
    command: {
      argv: [...switchUser(checked), ...set.argv],
      env,
      cwd,
      stdin: task.stdin,
      ...(task.kind === 'script' ? { script: task.content, scriptByDescriptor: hidden } : {}),
      ...(set.variables && { variables: set.variables }),
    },
  };
}

function wordsOf(task: CommandTask, script: string): { argv: readonly string[] } | { reason: string } {
  switch (task.kind) {
    case 'command':
      return { argv: task.argv };
    case 'shell':
      return { argv: ['/bin/sh', '-c', '--', task.line] };
    case 'script': {
      const shebang = parseShebang(task.content);
      if ('problem' in shebang) return { reason: shebang.problem };
      const argument = shebang.argument === undefined ? [] : [shebang.argument];
      // The interpreter is executed and not the file, so that a spool on a noexec mount does not matter.
      return { argv: [shebang.interpreter, ...argument, script, ...task.args] };
    }
  }
}

function refusal(task: CommandTask, name: string, exitCode: number): string {
  const what = task.kind === 'script' ? 'interpreter' : 'command';
  return exitCode === 127 ? `${what} not found: ${name}` : `${what} not executable: ${name}`;
}

function switchUser(checked: CheckedRun): string[] {
  if (!checked.otherUser) return [];
  const { uid, gid } = checked.account;
  return ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--init-groups', '--inh-caps=-all', '--'];
}

/**
 * The order's variables are set behind the change of user: neither the shell that watches the command nor setpriv, which
 * both run as root, are to meet an LD_PRELOAD or a SHELLOPTS from an order. They may be secrets, and every user of the
 * machine can read a process's words; so a shell reads them from a file, and only what no shell can set is in the words.
 */
function setVariables(
  added: Readonly<Record<string, string>>,
  argv: readonly string[],
): { argv: readonly string[]; variables?: Uint8Array } {
  const names = Object.keys(added);
  const read = names.filter(isForShell).map((name) => `export ${name}=${quote(added[name] ?? '')}\n`);
  const pairs = names.filter((name) => !isForShell(name)).map((name) => `${name}=${added[name]}`);
  const words = withEnv(pairs, argv);
  if (read.length === 0) return { argv: words };
  return {
    argv: ['/bin/sh', '-c', '. /dev/fd/9; exec 9<&-; exec "$@"', 'sh', ...words],
    variables: Buffer.from(read.join('')),
  };
}

function withEnv(pairs: readonly string[], argv: readonly string[]): readonly string[] {
  if (pairs.length === 0) return argv;
  // env takes words with an equals sign for variables until the first without one.
  const safe = argv[0]?.includes('=') ? ['/bin/sh', '-c', 'exec "$@"', 'sh', ...argv] : argv;
  return ['env', ...pairs, ...safe];
}
