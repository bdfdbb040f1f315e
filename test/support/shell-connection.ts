import { spawn } from 'node:child_process';
import { HostFailure } from '../../controller/installer/failure.ts';
import type { Connection } from '../../controller/installer/shell.ts';
import { answersIn } from '../../controller/installer/ssh/answer.ts';
import { rootLoop } from '../../controller/installer/ssh/root-loop.ts';
import { rootShell, type ShellChannel } from '../../controller/installer/ssh/root-shell.ts';
import { toHex } from '../../proto/ids.ts';
import { systemClock, systemRandom } from '../../proto/system.ts';

/** A connection to a host that is reached by starting a program: the root shell of ssh/ without SSH. */
export interface ShellConnection extends Connection {
  /** Of the shell, or of what leads to it. */
  readonly pid: number;
  /** It breaks, as a network does: the far end is told nothing. */
  cut(): void;
}

/**
 * `enter` are words that carry out what follows them on the host, such as `nsenter …`; none: on this machine. `shell` takes the place of
 * its /bin/sh, and `path` of its PATH. Ends with the test.
 */
export async function shellConnection(
  t: { after(fn: () => unknown): void },
  enter: readonly string[] = [],
  shell = '/bin/sh',
  path = '',
): Promise<ShellConnection> {
  const mark = toHex(systemRandom(16));
  const asIs = `exec ${shell} -c '${rootLoop(mark).trim()}'`;
  const line = path === '' ? asIs : asIs.replace(/PATH=\S+/, `PATH=${path}`);
  const [program = 'sh', ...words] = [...enter, 'sh', '-c', line];
  // A group of its own: what is cut ends its whole group.
  const child = spawn(program, words, {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    // What is set for this machine has no meaning on a host. Without SHLVL a bash takes itself for rshd's, and reads .bashrc.
    env: { PATH: process.env.PATH, HOME: '/root', SHLVL: '1' },
  });
  const over = new AbortController();
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  closed.then(() => over.abort(new HostFailure('cut', 'its shell ended')));
  child.on('error', (cause) => over.abort(cause));
  child.stdin.on('error', () => {});
  const channel: ShellChannel = {
    out: answersIn(child.stdout, over.signal),
    err: answersIn(child.stderr, over.signal),
    write: (bytes, taken) => child.stdin.write(bytes, () => taken?.()),
    end: () => child.stdin.end(),
    gone: over.signal,
  };
  await Promise.all([channel.out.next(mark), channel.err.next(mark)]);
  const fail = (failure: HostFailure): void => {
    over.abort(failure);
    child.kill('SIGKILL');
  };
  const opened = rootShell(channel, { clock: systemClock, random: systemRandom, fail });
  async function close(): Promise<void> {
    child.stdin.end();
    await closed;
  }
  t.after(close);
  return {
    pid: child.pid ?? 0,
    fingerprint: 'SHA256:none',
    user: 'root',
    gone: over.signal,
    rootShell: async () => opened,
    close,
    cut() {
      over.abort(new HostFailure('cut', 'cut by the test'));
      child.stdin.destroy();
    },
  };
}
