import type { Clock } from '../../proto/clock.ts';
import { sha512 } from '../../proto/crypto.ts';
import type { Command, Ended, Host, HostFiles } from './host.ts';

export type CommandEnding =
  | { readonly kind: 'exited'; readonly exitCode: number; readonly reason?: string }
  | { readonly kind: 'signalled'; readonly signal: string }
  | { readonly kind: 'not-started'; readonly reason: string }
  | { readonly kind: 'unknown'; readonly reason: string };

type Hear = (stream: 'stdout' | 'stderr', data: Uint8Array) => void;

/** What of its run a task with packages is given: the executor's StepContext is one. */
export interface PackagesRun {
  readonly spec: { readonly jobId: string; readonly check: boolean };
  readonly checked: { readonly account: { readonly uid: number } };
  readonly index: number;
  readonly signal: AbortSignal;
  write(stream: 'stdout' | 'stderr', data: Uint8Array): void;
  command(
    part: string,
    command: { readonly argv: readonly string[]; readonly stdin?: Uint8Array; take?: Hear; hear?: Hear },
  ): Promise<CommandEnding>;
  takeUp(part: string, hear?: Hear): Promise<CommandEnding | undefined>;
}

export interface Machine {
  readonly clock: Clock;
  readonly files: HostFiles;
  readonly lockHolder: Host['lockHolder'];
}

/** Of an answer; a longer one is refused. */
const ANSWER_BYTES = 32 * 1024 * 1024;
/** Of what a program writes in front of everybody, its end. */
const SAID_CHARS = 64 * 1024;

/** `isAnswer`: standard output is for the answer alone, so that all else goes to standard error. */
export function createHost(run: PackagesRun, machine: Machine, isAnswer: boolean): Host {
  const asked = new Map<string, number>();

  /** An agent after this one is not to take the end of another question for the one of this. */
  function askPart(argv: readonly string[]): string {
    const digest = Buffer.from(sha512(Buffer.from(argv.join('\0'))).subarray(0, 10));
    const base = inLetters(digest.toString('hex'));
    const before = asked.get(base) ?? 0;
    asked.set(base, before + 1);
    return `ask${base}${inLetters(before.toString(16))}`;
  }

  const show: Hear = (stream, data) => run.write(isAnswer ? 'stderr' : stream, data);

  function hearing() {
    let said = '';
    return {
      hear: (_: string, data: Uint8Array) => {
        said = (said + Buffer.from(data).toString()).slice(-SAID_CHARS);
      },
      said: () => said,
    };
  }

  return {
    ...machine,
    signal: run.signal,
    say: (line) => run.write(isAnswer ? 'stderr' : 'stdout', Buffer.from(`${line}\n`)),
    async ask(command) {
      const pieces = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
      let size = 0;
      const take: Hear = (stream, data) => {
        size += data.length;
        if (size <= ANSWER_BYTES) pieces[stream].push(Buffer.from(data));
      };
      const argv = wordsOf(command);
      const ending = await run.command(askPart(argv), { argv, take, ...stdinOf(command) });
      run.signal.throwIfAborted();
      const [program] = command.argv;
      if (ending.kind !== 'exited')
        throw new Error(`${program}: ${'reason' in ending ? ending.reason : 'was ended'}`);
      if (ending.reason !== undefined) throw new Error(ending.reason);
      if (size > ANSWER_BYTES) throw new Error(`${program} said more than can be read`);
      const [stdout, stderr] = [Buffer.concat(pieces.stdout), Buffer.concat(pieces.stderr)].map(String);
      return { exitCode: ending.exitCode, stdout: stdout ?? '', stderr: stderr ?? '' };
    },
    async run(part, command) {
      const { hear, said } = hearing();
      const take: Hear = (stream, data) => {
        hear(stream, data);
        show(stream, data);
      };
      const ending = await run.command(part, { argv: wordsOf(command), take, ...stdinOf(command) });
      run.signal.throwIfAborted();
      return endedOf(ending, said());
    },
    async runOnce(part, command) {
      const { hear, said } = hearing();
      return endedOf(await run.command(part, { argv: wordsOf(command), hear, ...stdinOf(command) }), said());
    },
    async takeUp(part) {
      const { hear, said } = hearing();
      const ending = await run.takeUp(part, hear);
      return ending && endedOf(ending, said());
    },
  };
}

function wordsOf({ argv, env = {} }: Command): readonly string[] {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return variables.length === 0 ? argv : ['env', ...variables, ...argv];
}

const stdinOf = ({ stdin }: Command) => (stdin === undefined ? {} : { stdin: Buffer.from(stdin) });

function endedOf(ending: CommandEnding, said: string): Ended {
  const reason =
    'reason' in ending
      ? ending.reason
      : ending.kind === 'signalled'
        ? `ended by ${ending.signal}`
        : undefined;
  return {
    exitCode: ending.kind === 'exited' ? ending.exitCode : undefined,
    ...(reason !== undefined && { reason }),
    ...{ isUnknown: ending.kind === 'unknown', said },
  };
}

/** Hexadecimal digits as letters from a to p. */
function inLetters(hex: string): string {
  return [...hex].map((digit) => String.fromCharCode(97 + Number.parseInt(digit, 16))).join('');
}
