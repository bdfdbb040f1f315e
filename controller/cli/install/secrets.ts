import { wrongUse } from '../failure.ts';
import { readBytes } from '../files.ts';
import type { Surroundings } from '../surroundings.ts';
import type { Prompts } from './prompts.ts';
import type { InstallOptions, ReachOptions } from './request.ts';

/** What SSH and sudo ask for; nothing of it is ever an argument, written down or shown. */
export interface Passwords {
  /** Of the user, on every host; undefined: there is none to try. */
  readonly login: string | undefined;
  /** Of sudo; undefined: it is not to ask. */
  readonly sudo: string | undefined;
}

const SECRET_BYTES = 4096;

/** Asks once for all hosts, or reads files. Throws a Failure (wrong use). */
export async function readPasswords(
  surroundings: Surroundings,
  options: ReachOptions,
  prompts: Prompts,
): Promise<Passwords> {
  const login = await one('password', 'SSH password', options.askPassword, options.passwordFile);
  const same = options.askSudoPassword && options.askPassword ? ' (empty: the same)' : '';
  const sudo = await one(
    'sudo-password',
    `sudo password${same}`,
    options.askSudoPassword,
    options.sudoPasswordFile,
  );
  return { login, sudo: sudo === '' ? login : sudo };

  async function one(
    name: string,
    question: string,
    ask: boolean | undefined,
    file: string | undefined,
  ): Promise<string | undefined> {
    if (file !== undefined) return readSecret(surroundings, file, `--${name}-file`);
    if (!ask) return undefined;
    const answer = await prompts.secret(`${question}: `);
    if (answer === undefined) throw wrongUse(`nobody answered for the ${question}`);
    if (answer === '' && !question.endsWith(')')) throw wrongUse(`the ${question} is empty`);
    return answer;
  }
}

/** Told before anything is done. */
export function checkSecretOptions({ stdin, stderr }: Surroundings, options: ReachOptions): void {
  const { passwordFile, sudoPasswordFile, inventory = [] } = options;
  for (const [name, ask, file] of [
    ['password', options.askPassword, passwordFile],
    ['sudo-password', options.askSudoPassword, sudoPasswordFile],
  ] as const) {
    if (ask && file !== undefined) throw wrongUse(`--ask-${name} and --${name}-file exclude each other`);
    if (ask && (!stdin.isTerminal || !stderr.isTerminal))
      throw wrongUse(
        `--ask-${name}: there is no terminal to ask at`,
        `give it as --${name}-file FILE, or "-" for standard input`,
      );
  }
  const fromStdin = [passwordFile, sudoPasswordFile, ...inventory].filter((file) => file === '-');
  if (fromStdin.length > 1) throw wrongUse('only one of the files can be standard input');
}

/** The first line, without its end. */
export async function readSecret(surroundings: Surroundings, file: string, option: string): Promise<string> {
  const bytes =
    file === '-' ? await surroundings.stdin.readAll(SECRET_BYTES) : await readBytes(file, SECRET_BYTES);
  const [secret = ''] = Buffer.from(bytes).toString().split(/\r?\n/);
  if (secret === '') throw wrongUse(`${option}: ${file === '-' ? 'standard input' : file} is empty`);
  return secret;
}

/** The agents' proxy with its user and password, from a file with `user:password`. Throws a Failure (wrong use). */
export async function proxyOf(
  surroundings: Surroundings,
  { proxy, proxyAuthFile }: Pick<InstallOptions, 'proxy' | 'proxyAuthFile'>,
): Promise<string | undefined> {
  if (proxy === undefined || proxyAuthFile === undefined) return proxy;
  const [, user, password] =
    /^([^:]+):(.*)$/.exec(await readSecret(surroundings, proxyAuthFile, '--proxy-auth-file')) ?? [];
  if (user === undefined || password === undefined)
    throw wrongUse(`--proxy-auth-file: ${proxyAuthFile} does not hold one line like user:password`);
  const url = new URL(proxy);
  url.username = encodeURIComponent(user);
  url.password = encodeURIComponent(password);
  return url.href.replace(/\/$/, '');
}
