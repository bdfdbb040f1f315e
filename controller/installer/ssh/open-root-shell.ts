import type { ClientChannel } from 'ssh2';
import type { Clock } from '../../../proto/clock.ts';
import { toHex } from '../../../proto/ids.ts';
import type { RandomBytes } from '../../../proto/random.ts';
import { HostFailure } from '../failure.ts';
import type { RemoteShell } from '../shell.ts';
import { becomeRoot, loginCommand } from './root-loop.ts';
import { answersOf, rootShell, type ShellChannel, startWatch } from './root-shell.ts';
import type { Session } from './session.ts';

const START_MS = 30_000;
const END_MS = 1_000;

export interface RootShell extends RemoteShell {
  /** What it runs is ended; never rejects. */
  end(): Promise<void>;
}

export async function openRootShell(
  session: Session,
  { clock, random }: { clock: Clock; random: RandomBytes },
): Promise<RootShell> {
  const mark = toHex(random(16));
  const stream = await exec(session, loginCommand(mark));
  const over = new AbortController();
  session.gone.addEventListener('abort', () => over.abort(session.gone.reason), { once: true });
  stream.once('close', () => over.abort(new HostFailure('cut', 'its shell ended')));
  stream.on('error', () => {});
  const channel: ShellChannel = {
    stdout: stream.stdout,
    stderr: stream.stderr,
    write: (bytes, taken) => stream.write(bytes, taken),
    end: () => stream.end(),
    gone: over.signal,
  };
  const watch = startWatch(clock, START_MS, () => session.fail(new HostFailure('shell', 'it says nothing')));
  const answers = answersOf(channel);
  channel.write(becomeRoot(mark));
  await answers.next(mark, watch.reset);
  watch.stop();
  return {
    ...rootShell(channel, answers, { clock, random, fail: session.fail }),
    end: () =>
      new Promise((resolve) => {
        const cancel = clock.after(END_MS, resolve);
        const ended = (): void => {
          cancel();
          resolve();
        };
        if (over.signal.aborted) return ended();
        over.signal.addEventListener('abort', ended, { once: true });
        channel.end();
      }),
  };
}

function exec({ client, gone }: Session, command: string): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    if (gone.aborted) return reject(gone.reason);
    client.exec(command, (error, stream) => {
      if (error) reject(gone.aborted ? gone.reason : new HostFailure('shell', error.message));
      else resolve(stream);
    });
  });
}
