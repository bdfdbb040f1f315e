/** An adapter: the programs that make builds, without a shell. */
import { spawn } from 'node:child_process';
import type { Clock } from '../../../proto/clock.ts';

export interface ProcessOptions {
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  /** A descriptor that its standard output goes to. */
  stdout?: number;
  clock: Clock;
  maxMs: number;
}

const SAID_CHARS = 4_000;

/** Resolves once it ended well. Throws an Error with the last that it said; `code` is ENOENT where there is no such program. */
export async function runProgram(
  program: string,
  args: readonly string[],
  { env, cwd, stdout, clock, maxMs }: ProcessOptions,
): Promise<void> {
  const child = spawn(program, args, {
    cwd,
    env: { ...env },
    // In a session of its own: Ctrl-C at the terminal is for who installs, who finishes first what is at hand.
    detached: true,
    stdio: ['ignore', stdout ?? 'ignore', 'pipe'],
  });
  // Node's own timeout would outlive a program that is not there.
  const inTime = clock.after(maxMs, () => child.kill('SIGKILL'));
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-SAID_CHARS);
  });
  const [status, signal] = await new Promise<[number | null, string | null]>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, by) => resolve([code, by]));
  }).finally(inTime);
  if (status === 0) return;
  const last = said.trim().split('\n').slice(-3).join(' ');
  throw new Error(`${program} ended with ${signal ?? `status ${status}`}${last ? `: ${last}` : ''}`);
}
