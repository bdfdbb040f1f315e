import { basename } from 'node:path';
import { LIMITS } from '../../proto/limits.ts';
import type { JobBody, TargetQuery, TaskBody } from '../api/contract.ts';
import { wrongUse } from './failure.ts';
import { readBytes } from './files.ts';
import { readSelection, requireSelection, type TargetOptions } from './selection.ts';
import type { Surroundings } from './surroundings.ts';

/** Options of all commands that make a job. */
export interface JobOptions extends TargetOptions {
  /** Not an option: the name that a bundle file gives itself. */
  title?: string;
  check?: boolean;
  timeout?: number;
  ttl?: number;
  maxOutput?: number;
  nice?: number;
  attempts?: number;
  batch?: string;
  maxFailures?: string;
  user?: string;
  cwd?: string;
  env?: Record<string, string>;
  stdin?: boolean;
  reason?: string;
  idempotencyKey?: string;
  yes?: boolean;
  list?: boolean;
  detach?: boolean;
  fold?: boolean;
  json?: boolean;
  sign?: boolean;
}

/** The order of `muster run`: an argv, or one line for a shell. */
export function commandTask(
  argv: readonly string[],
  shell: string | undefined,
  input: { stdin?: string },
): TaskBody {
  if (shell !== undefined) {
    if (argv.length > 0)
      throw wrongUse(
        '--shell and a command exclude each other',
        'put all of it into the shell line: --shell "a | b"',
      );
    if (shell.trim() === '') throw wrongUse('--shell is empty');
    refuseNul([shell]);
    return { shell: { line: shell, ...input } };
  }
  if (argv.length === 0)
    throw wrongUse('there is no command', 'put it last, behind "--": muster run -t all -- uname -a');
  if (argv[0] === '') throw wrongUse('the command is empty');
  refuseNul(argv);
  return { command: { argv: [...argv], ...input } };
}

/** A program's arguments end at a NUL: what follows would be lost without a word. */
function refuseNul(texts: readonly string[]): void {
  if (texts.some((text) => text.includes('\0')))
    throw wrongUse('an argument holds a NUL character, which no program can receive');
}

/** Standard input for the one task, where the options ask for it. */
export async function stdinFor(surroundings: Surroundings, options: JobOptions): Promise<{ stdin?: string }> {
  if (!options.stdin) return {};
  return { stdin: Buffer.from(await surroundings.stdin.readAll(LIMITS.stdinBytes)).toString('base64') };
}

export async function scriptTask(
  surroundings: Surroundings,
  file: string,
  args: readonly string[],
  input: { stdin?: string },
): Promise<TaskBody> {
  refuseNul(args);
  const bytes =
    file === '-'
      ? await surroundings.stdin.readAll(LIMITS.scriptBytes)
      : await readBytes(file, LIMITS.scriptBytes);
  if (bytes.length === 0) throw wrongUse(`${file} is empty`);
  const content = Buffer.from(bytes).toString('base64');
  return { script: { content, args: [...args], name: file === '-' ? 'stdin' : basename(file), ...input } };
}

/** Who is meant, and what they get. */
export function jobBody(selection: TargetQuery, tasks: readonly TaskBody[], options: JobOptions): JobBody {
  if (options.cwd !== undefined && !options.cwd.startsWith('/'))
    throw wrongUse(`--cwd "${options.cwd}" does not begin with "/"`);
  refuseNul([...Object.values(options.env ?? {}), options.cwd ?? '', options.user ?? '']);
  for (const key of Object.keys(options.env ?? {}))
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(key))
      throw wrongUse(`--env: "${key}" cannot be the name of a variable`);
  if ((options.reason?.length ?? 0) > LIMITS.reasonChars)
    throw wrongUse(`--reason is longer than ${LIMITS.reasonChars} characters`);
  return {
    ...selection,
    tasks: [...tasks],
    ...defined({
      title: options.title,
      check: options.check,
      timeoutMs: options.timeout,
      ttlMs: options.ttl,
      outputCapBytes: options.maxOutput,
      nice: options.nice,
      attempts: options.attempts,
      batch: options.batch,
      maxFailures: options.maxFailures,
      user: options.user,
      cwd: options.cwd,
      env: options.env,
      reason: options.reason,
    }),
  };
}

export async function selectionOf(surroundings: Surroundings, options: TargetOptions): Promise<TargetQuery> {
  const selection = await readSelection(surroundings, options);
  requireSelection(selection);
  return selection;
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** The API refuses a key that is there without a value. */
export function defined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as Defined<T>;
}
