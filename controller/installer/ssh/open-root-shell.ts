import type { ClientChannel } from 'ssh2';
import type { Clock } from '../../../proto/clock.ts';
import { toHex } from '../../../proto/ids.ts';
import type { RandomBytes } from '../../../proto/random.ts';
import { HostFailure } from '../failure.ts';
import type { RemoteShell } from '../shell.ts';
import { answersIn, TooLong } from './answer.ts';
import { loginCommand, rootLoop, sudoLine } from './root-loop.ts';
import { rootShell, type ShellChannel, startWatch } from './root-shell.ts';
import type { Secrets } from './secrets.ts';
import type { Session } from './session.ts';
import { giveSudoItsPassword, sudoFailure } from './sudo.ts';
import { lastLine } from './told.ts';

/** A login shell with its start-up files, then sudo: each says something within this time. */
const START_MS = 30_000;
const END_MS = 1_000;
/** Of what came before the shell was there, for messages. */
const TOLD_BYTES = 4096;

export interface RootShell extends RemoteShell {
  /** What it runs is ended; never rejects. */
  end(): Promise<void>;
}

export interface RootShellOptions {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly user: string;
  readonly host: string;
  /** Whether a user who is not root may become it by sudo. */
  readonly sudo: boolean;
  readonly secrets: Secrets;
}

/** Throws HostFailure: shell, not-root, sudo-…, cut. */
export async function openRootShell(session: Session, options: RootShellOptions): Promise<RootShell> {
  const { clock, random, user, sudo } = options;
  const newMark = (): string => toHex(random(16));
  const mark = newMark();
  const stream = await exec(session, loginCommand(mark));
  const told = tail(stream);
  const { channel, closed } = channelOf(stream, session);
  let step: 'shell' | 'sudo-refused' = 'shell';
  const watch = startWatch(clock, START_MS, () => {
    const last = lastLine(told.err());
    session.fail(new HostFailure(step, `it waits for something${last && `: ${last}`}`));
  });
  const start: Start = { stream, channel, closed, told, watch };
  try {
    const { status: uid } = await channel.out.next(mark, watch.reset);
    if (uid !== 0) {
      if (!sudo) throw new HostFailure('not-root', user);
      step = 'sudo-refused';
      await becomeRoot(session, start, newMark, options);
    }
    const rootMark = newMark();
    channel.write(rootLoop(rootMark));
    await Promise.all([channel.out.next(rootMark, watch.reset), channel.err.next(rootMark, watch.reset)]);
  } catch (error) {
    stream.close();
    if (error instanceof TooLong) throw new HostFailure('shell', 'it prints without end', { cause: error });
    if (session.gone.aborted || error !== channel.gone.reason) throw error;
    const last = lastLine(told.err()) || lastLine(told.out());
    throw new HostFailure('shell', last || `it ended with ${await closed}`);
  } finally {
    watch.stop();
    told.stop();
  }
  return {
    ...rootShell(channel, { clock, random, fail: session.fail }),
    end: () =>
      new Promise((resolve) => {
        if (channel.gone.aborted) return resolve();
        const cancel = clock.after(END_MS, resolve);
        channel.gone.addEventListener('abort', () => {
          cancel();
          resolve();
        });
        channel.end();
      }),
  };
}

/** A root shell on its way. */
interface Start {
  readonly stream: ClientChannel;
  readonly channel: ShellChannel;
  readonly closed: Promise<string>;
  readonly told: ReturnType<typeof tail>;
  readonly watch: ReturnType<typeof startWatch>;
}

async function becomeRoot(
  session: Session,
  { stream, channel, closed, told, watch }: Start,
  newMark: () => string,
  { user, host, secrets }: RootShellOptions,
): Promise<void> {
  const mark = newMark();
  const prompt = `[${newMark()}]`;
  const over = new AbortController();
  const password = giveSudoItsPassword({
    stderr: stream.stderr,
    prompt,
    secret: secrets.sudoPassword(user),
    host,
    // The operator takes his time.
    thinking: (work) => {
      watch.stop();
      return work.finally(watch.advanced);
    },
    write: (line) => channel.write(line),
    signal: over.signal,
  });
  channel.write(sudoLine(mark, prompt));
  try {
    await Promise.race([channel.out.next(mark, watch.reset), password]);
    over.abort('worked');
  } catch (error) {
    const hasEnded = channel.gone.aborted && !session.gone.aborted;
    const failure = hasEnded ? sudoFailure(await closed, told.err()) : error;
    const isWrong = failure instanceof HostFailure && failure.because === 'sudo-password';
    over.abort(isWrong ? 'refused' : 'dropped');
    throw failure;
  }
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

/** `closed` resolves to how the far end ended, once it has. */
function channelOf(
  stream: ClientChannel,
  session: Session,
): { channel: ShellChannel; closed: Promise<string> } {
  const over = new AbortController();
  const end = (reason: unknown): void => {
    if (!over.signal.aborted) over.abort(reason);
  };
  let status = '';
  stream.once('exit', (code: number | null, signal?: string) => {
    status = String(code ?? signal);
  });
  const closed = new Promise<string>((resolve) => {
    stream.once('close', () => {
      end(new HostFailure('cut', `its shell ended with ${status || 'no status'}`));
      resolve(status);
    });
  });
  stream.on('error', () => {});
  session.gone.addEventListener('abort', () => end(session.gone.reason), { once: true });
  if (session.gone.aborted) end(session.gone.reason);
  const channel: ShellChannel = {
    out: answersIn(stream.stdout, over.signal),
    err: answersIn(stream.stderr, over.signal),
    write: (bytes, taken) => stream.write(bytes, taken),
    end: () => stream.end(),
    gone: over.signal,
  };
  return { channel, closed };
}

/** The last of both streams, until it is stopped. */
function tail(stream: ClientChannel) {
  const kept = { out: '', err: '' };
  const onOut = (chunk: Buffer): void => {
    kept.out = (kept.out + chunk.toString('latin1')).slice(-TOLD_BYTES);
  };
  const onErr = (chunk: Buffer): void => {
    kept.err = (kept.err + chunk.toString('latin1')).slice(-TOLD_BYTES);
  };
  stream.stdout.on('data', onOut);
  stream.stderr.on('data', onErr);
  return {
    out: () => kept.out,
    err: () => kept.err,
    stop(): void {
      stream.stdout.removeListener('data', onOut);
      stream.stderr.removeListener('data', onErr);
    },
  };
}
