/** An adapter: the programs that make builds, without a shell. */
import { spawn } from 'node:child_process';
import type { Clock } from '../../../proto/clock.ts';

export interface ProcessOptions {
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  /** A descriptor that its standard output goes to. */
  stdout?: number;
  clock: Clock;
  /** Ends it. */
  signal: AbortSignal;
  maxMs: number;
}

const SAID_CHARS = 4_000;

/** Resolves once it ended well. Throws an Error with the last that it said; `code` is ENOENT where there is no such program. */
export async function runProgram(
  program: string,
  args: readonly string[],
  { env, cwd, stdout, clock, signal, maxMs }: ProcessOptions,
): Promise<void> {
  signal.throwIfAborted();
  const child = spawn(program, args, {
    cwd,
    env: { ...env },
    // In a session of its own: Ctrl-C at the terminal is for who installs, who finishes first what is at hand.
    detached: true,
    stdio: ['ignore', stdout ?? 'ignore', 'pipe'],
  });
  const end = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It ended by itself meanwhile.
    }
  };
  signal.addEventListener('abort', end, { once: true });
  // Node's own timeout would outlive a program that is not there.
  const inTime = clock.after(maxMs, end);
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-SAID_CHARS);
  });
  const [status, by] = await new Promise<[number | null, string | null]>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, name) => resolve([code, name]));
  }).finally(() => {
    inTime();
    signal.removeEventListener('abort', end);
  });
  if (status === 0) return;
  const last = said.trim().split('\n').slice(-3).join(' ');
  throw new Error(`${program} ended with ${by ?? `status ${status}`}${last ? `: ${last}` : ''}`);
}
