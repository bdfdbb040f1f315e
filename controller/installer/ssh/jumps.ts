import type { Duplex } from 'node:stream';
import type { Clock } from '../../../proto/clock.ts';
import { HostFailure } from '../failure.ts';
import type { Destination } from '../host.ts';
import type { Session } from './session.ts';
import { lastLine } from './told.ts';

/** The way to a host: a stream to its port, and what is to be done when nobody needs it any more. */
export interface Way {
  readonly stream: Duplex;
  release(): void;
}

export interface JumpsPorts {
  readonly clock: Clock;
  /** A way to a host that needs no jump. */
  openSocket(to: Destination, signal: AbortSignal): Promise<Duplex>;
  login(to: Destination, way: () => Promise<Way>, signal: AbortSignal): Promise<Session>;
  timeoutMs(to: Destination): number;
}

interface Shared {
  readonly session: Promise<Session>;
  users: number;
  readonly over: AbortController;
}

/**
 * Ways through jump hosts. All who go the same way share one connection to each jump: three hundred logins at one bastion would meet its
 * MaxStartups, and whoever looks at its log.
 */
export function createJumps({ clock, openSocket, login, timeoutMs }: JumpsPorts) {
  const shared = new Map<string, Shared>();

  async function wayTo(to: Destination, jumps: readonly Destination[], signal: AbortSignal): Promise<Way> {
    const jump = jumps.at(-1);
    if (!jump) return { stream: await openSocket(to, signal), release: () => {} };
    const { session, release } = join(jump, jumps.slice(0, -1));
    try {
      const stream = await unless(signal, forward(await unless(signal, session), jump, to));
      return { stream, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  function join(
    jump: Destination,
    before: readonly Destination[],
  ): { session: Promise<Session>; release(): void } {
    const key = JSON.stringify([...before, jump]);
    const known = shared.get(key) ?? start(key, jump, before);
    known.users += 1;
    let isReleased = false;
    return {
      session: known.session,
      release() {
        if (isReleased) return;
        isReleased = true;
        known.users -= 1;
        if (known.users > 0) return;
        forget(key, known);
        known.over.abort(new HostFailure('stopped'));
        known.session.then(({ close }) => close()).catch(() => {});
      },
    };
  }

  function start(key: string, jump: Destination, before: readonly Destination[]): Shared {
    const over = new AbortController();
    const one: Shared = { session: open(jump, before, over.signal), users: 0, over };
    shared.set(key, one);
    // Whoever comes later tries anew.
    one.session.then(
      ({ gone }) => gone.addEventListener('abort', () => forget(key, one), { once: true }),
      () => forget(key, one),
    );
    return one;
  }

  function forget(key: string, one: Shared): void {
    if (shared.get(key) === one) shared.delete(key);
  }

  async function open(
    jump: Destination,
    before: readonly Destination[],
    signal: AbortSignal,
  ): Promise<Session> {
    try {
      return await login(jump, () => wayTo(jump, before, signal), signal);
    } catch (error) {
      if (!(error instanceof HostFailure)) throw error;
      throw new HostFailure(error.because, `the jump ${jump.host}: ${error.detail}`, { cause: error });
    }
  }

  /** A stream from the jump to a port that it reaches. */
  function forward({ client, gone }: Session, jump: Destination, to: Destination): Promise<Duplex> {
    return new Promise((resolve, reject) => {
      if (gone.aborted) return reject(gone.reason);
      const fail = (reason: string): void =>
        reject(new HostFailure('unreachable', `from the jump ${jump.host}: ${reason}`));
      const withinMs = timeoutMs(to);
      let isLate = false;
      const cancel = clock.after(withinMs, () => {
        isLate = true;
        fail(`timed out after ${withinMs / 1000} s`);
      });
      client.forwardOut('127.0.0.1', 0, to.host, to.port, (error, stream) => {
        cancel();
        if (isLate) stream?.close();
        else if (!error) resolve(stream);
        else if (gone.aborted) reject(gone.reason);
        else fail(isForbidden(error) ? 'it does not forward there' : lastLine(error.message));
      });
    });
  }

  return { wayTo: (to: Destination, signal: AbortSignal) => wayTo(to, to.jumps, signal) };
}

/** RFC 4254, 5.1: administratively prohibited. */
const isForbidden = (error: Error & { reason?: unknown }): boolean => error.reason === 1;

/** The promise, or the signal's reason, whichever is first. */
function unless<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
