import type { Duplex } from 'node:stream';
import type { Clock } from '../../../proto/clock.ts';
import { HostFailure } from '../failure.ts';
import type { Destination } from '../host.ts';
import type { Session } from './session.ts';
import { lastLine } from './told.ts';
import { unless } from './unless.ts';

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
      const stream = await forward(await unless(signal, session), jump, to, signal);
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

  /** A stream from the jump to a port that it reaches. One that comes too late is closed again. */
  function forward(
    { client, gone }: Session,
    jump: Destination,
    to: Destination,
    signal: AbortSignal,
  ): Promise<Duplex> {
    return new Promise((resolve, reject) => {
      let isOver = false;
      const withinMs = timeoutMs(to);
      const cancel = clock.after(withinMs, () => fail(`timed out after ${withinMs / 1000} s`));
      const onAbort = (): void => giveUp(signal.reason);
      const onGone = (): void => giveUp(gone.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      gone.addEventListener('abort', onGone, { once: true });
      function settle(): void {
        isOver = true;
        cancel();
        signal.removeEventListener('abort', onAbort);
        gone.removeEventListener('abort', onGone);
      }
      function giveUp(reason: unknown): void {
        settle();
        reject(reason);
      }
      const fail = (reason: string): void =>
        giveUp(new HostFailure('unreachable', `from the jump ${jump.host}: ${reason}`));
      if (gone.aborted) return giveUp(gone.reason);
      if (signal.aborted) return giveUp(signal.reason);
      client.forwardOut('127.0.0.1', 0, to.host, to.port, (error, stream) => {
        if (isOver) stream?.close();
        else if (error) fail(isForbidden(error) ? 'it does not forward there' : lastLine(error.message));
        else {
          settle();
          resolve(stream);
        }
      });
    });
  }

  return { wayTo: (to: Destination, signal: AbortSignal) => wayTo(to, to.jumps, signal) };
}

/** RFC 4254, 5.1: administratively prohibited. */
const isForbidden = (error: Error & { reason?: unknown }): boolean => error.reason === 1;
