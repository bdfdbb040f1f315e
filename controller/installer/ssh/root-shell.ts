import type { Clock } from '../../../proto/clock.ts';
import { toHex } from '../../../proto/ids.ts';
import type { RandomBytes } from '../../../proto/random.ts';
import { HostFailure } from '../failure.ts';
import type { Answer, RemoteShell, RunOptions } from '../shell.ts';
import { type AnswerStream, TooLong } from './answer.ts';
import { BEAT, BEAT_MS, chunkHeader, END_OF_ANSWER, END_OF_INPUT, request } from './root-loop.ts';

/** The two-way stream to the far end, as ssh2 has it. */
export interface ShellChannel {
  readonly out: AnswerStream;
  readonly err: AnswerStream;
  /** Calls `taken` once the connection has room for more. */
  write(bytes: Uint8Array | string, taken?: () => void): unknown;
  end(): unknown;
  /** Aborted, with the reason, when nothing comes any more. */
  readonly gone: AbortSignal;
}

const CHUNK_BYTES = 256 * 1024;
/** A script that works on this machine's disk or waits for a service says something within this time, or is given longer. */
const SILENCE_MS = 60_000;

export interface RootShellPorts {
  readonly clock: Clock;
  readonly random: RandomBytes;
  /** Ends the connection, for this reason. */
  fail(failure: HostFailure): void;
}

/** The client's side of root-loop.ts, on a channel whose far end has said its mark. */
export function rootShell(channel: ShellChannel, { clock, random, fail }: RootShellPorts): RemoteShell {
  let last: Promise<unknown> = Promise.resolve();

  function beat(): void {
    channel.write(BEAT);
    stopBeating = clock.after(BEAT_MS, beat);
  }
  let stopBeating = clock.after(BEAT_MS, beat);
  channel.gone.addEventListener('abort', () => stopBeating(), { once: true });

  async function carryOut(script: string, { input, silenceMs = SILENCE_MS, onProgress }: RunOptions) {
    const key = toHex(random(16));
    const watch = startWatch(clock, silenceMs, (why) => fail(new HostFailure('silent', why)));
    try {
      const ended = Promise.all([
        channel.out.next(key, watch.reset),
        channel.err.next(key, watch.reset),
      ]).catch((error: unknown) => {
        if (!(error instanceof TooLong)) throw error;
        const failure = new HostFailure('step', 'the host answers with more than 1 MiB', { cause: error });
        fail(failure);
        throw failure;
      });
      // Its rejection is seen below; until then it must not count as nobody's.
      ended.catch(() => {});
      let isOver = false;
      ended.then(
        () => {
          isOver = true;
        },
        () => {},
      );
      await send(request(key, script, input !== undefined));
      if (input !== undefined) await sendInput(input, () => isOver, watch.advanced, onProgress);
      const [out, err] = await ended;
      channel.write(END_OF_ANSWER);
      return { status: out.status, stdout: out.before.toString(), stderr: err.before.toString() };
    } finally {
      watch.stop();
    }
  }

  /** Resolves when the connection has taken it. */
  function send(bytes: Uint8Array | string): Promise<void> {
    return new Promise((resolve, reject) => {
      if (channel.gone.aborted) return reject(channel.gone.reason);
      const onGone = (): void => reject(channel.gone.reason);
      channel.gone.addEventListener('abort', onGone, { once: true });
      channel.write(bytes, () => {
        channel.gone.removeEventListener('abort', onGone);
        resolve();
      });
    });
  }

  async function sendInput(
    input: AsyncIterable<Uint8Array> | Uint8Array,
    isOver: () => boolean,
    progressed: () => void,
    onProgress: RunOptions['onProgress'],
  ): Promise<void> {
    let sent = 0;
    for await (const piece of input instanceof Uint8Array ? [input] : input) {
      for (let at = 0; at < piece.length; at += CHUNK_BYTES) {
        // A script that has ended reads no more.
        if (isOver()) return;
        const chunk = piece.subarray(at, at + CHUNK_BYTES);
        channel.write(chunkHeader(chunk.length));
        await send(chunk);
        sent += chunk.length;
        progressed();
        onProgress?.(sent);
      }
    }
    if (!isOver()) await send(END_OF_INPUT);
  }

  return {
    run(script, options = {}): Promise<Answer> {
      const answer = last.then(() => carryOut(script, options));
      last = answer.catch(() => {});
      return answer;
    },
  };
}

/** So many times its silence a host may go on saying something and come to no end: it is not to keep a place in the crowd for ever. */
const MOST_SILENCES = 20;

/** Calls `onSilence` once nothing was heard for so long, or what is heard comes to no end. */
export function startWatch(clock: Clock, silenceMs: number, onSilence: (why: string) => void) {
  let cancel = (): void => {};
  let lastMs = 0;
  function wait(): void {
    cancel();
    const leftMs = lastMs - clock.monotonicMs();
    const why =
      leftMs < silenceMs
        ? `no end of its answer within ${(MOST_SILENCES * silenceMs) / 1000} s`
        : `no answer for ${silenceMs / 1000} s`;
    cancel = clock.after(Math.max(0, Math.min(silenceMs, leftMs)), () => onSilence(why));
  }
  function advanced(): void {
    lastMs = clock.monotonicMs() + MOST_SILENCES * silenceMs;
    wait();
  }
  advanced();
  return {
    /** Something was heard. */
    reset: wait,
    /** There is less left to do. */
    advanced,
    stop: (): void => cancel(),
  };
}
