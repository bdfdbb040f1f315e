import { type Cause, HostFailure } from '../failure.ts';
import type { ByteSource } from './answer.ts';
import type { SharedSecret, Trial } from './secrets.ts';
import { lastLine } from './told.ts';

export interface SudoPrompt {
  readonly stderr: ByteSource & {
    removeListener(event: 'data', listener: (chunk: Buffer) => void): unknown;
  };
  readonly prompt: string;
  readonly secret: SharedSecret;
  readonly host: string;
  thinking<T>(work: Promise<T>): Promise<T>;
  write(line: string): void;
  /** Aborted, with how it went, when sudo has ended: `worked`, `refused` or `dropped`. */
  readonly signal: AbortSignal;
}

/** Answers sudo's prompt, if one comes. Never resolves; throws HostFailure('sudo-password') where there is no answer or a wrong one. */
export function giveSudoItsPassword(ports: SudoPrompt): Promise<never> {
  const { stderr, prompt, secret, host, thinking, write, signal } = ports;
  return new Promise((_, reject) => {
    let seen = '';
    let trial: Trial | undefined;

    async function answer(): Promise<void> {
      if (trial) {
        trial.refused();
        trial = undefined;
        throw new HostFailure('sudo-password', 'the password was refused');
      }
      const begun = await thinking(secret.begin(host));
      if (begun === 'refused')
        throw new HostFailure('sudo-password', 'it was refused by other hosts, and not tried here');
      if (begun === 'none') throw new HostFailure('sudo-password');
      if (signal.aborted) return begun.dropped();
      trial = begun;
      write(`${begun.value}\n`);
    }
    function onData(chunk: Buffer): void {
      seen += chunk.toString('latin1');
      const at = seen.indexOf(prompt);
      seen = at < 0 ? seen.slice(-prompt.length) : seen.slice(at + prompt.length);
      if (at >= 0) answer().catch(reject);
    }
    stderr.on('data', onData);
    signal.addEventListener('abort', () => {
      stderr.removeListener('data', onData);
      if (signal.reason === 'worked') trial?.worked();
      else if (signal.reason === 'refused') trial?.refused();
      else trial?.dropped();
      trial = undefined;
    });
  });
}

const MEANINGS: readonly (readonly [RegExp, Cause])[] = [
  [/must have a tty|no tty present/i, 'sudo-tty'],
  [/sudo: not found|sudo: command not found/i, 'sudo-missing'],
  [/incorrect password|no password was provided|a password is required/i, 'sudo-password'],
];

/** Why sudo ended, from what it said in English. */
export function sudoFailure(status: string, said: string): HostFailure {
  const cause = MEANINGS.find(([meaning]) => meaning.test(said))?.[1] ?? 'sudo-refused';
  return new HostFailure(cause, lastLine(said) || `status ${status}`);
}
