import type { Clock } from '../../proto/clock.ts';
import { delay } from '../../proto/clock.ts';
import { MusterError } from '../../proto/errors.ts';
import type { RandomBytes } from '../../proto/random.ts';
import type { Log } from '../log.ts';
import { agentAddress } from './address.ts';
import { linkEnd, type Session } from './session.ts';
import {
  applyLink,
  type LinkEnd,
  type LinkEvent,
  type LinkState,
  lasted,
  needsSomebody,
  waitMs,
} from './state.ts';
import type { Dial, Transport } from './transport.ts';

export interface LoopPorts {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Log;
  readonly dial: Dial;
  /** Where to try, best first; asked before each round. */
  urls(): readonly string[];
  /** The handshake, up to the controller's `ready`. */
  greet(transport: Transport): Promise<Session>;
  /** Uses the session until it ended. */
  serve(session: Session): Promise<LinkEnd>;
  onState(state: LinkState): void;
}

export interface Loop {
  start(): void;
  /** Closes the link; resolves when nothing of the loop is left. */
  stop(): Promise<void>;
  state(): LinkState;
}

/** The controller may let a socket queue for a while; but not for ever. */
const GREETING_MS = 45_000;

/** The one writer of the link's state: dials, greets, serves, waits, forever. */
export function createLoop(ports: LoopPorts): Loop {
  const { clock, log } = ports;
  const stopping = new AbortController();
  let link: LinkState = { state: 'idle', round: 0 };
  let told: LinkEnd | undefined;
  let session: Session | undefined;
  let running: Promise<void> = Promise.resolve();

  function move(change: LinkEvent): void {
    link = applyLink(link, change);
    ports.onState(link);
  }

  async function connect(url: string): Promise<LinkEnd> {
    move({ event: 'dial', url });
    let transport: Transport | undefined;
    try {
      transport = await ports.dial(agentAddress(url), stopping.signal);
      move({ event: 'opened' });
      session = await inTime(ports.greet(transport));
      move({ event: 'ready', nowMs: clock.monotonicMs() });
    } catch (cause) {
      transport?.terminate();
      return linkEnd(cause);
    }
    log.info({ url }, 'connected');
    told = undefined;
    try {
      return await ports.serve(session);
    } catch (cause) {
      const end = linkEnd(cause);
      session.end(end);
      return end;
    } finally {
      session = undefined;
    }
  }

  async function inTime(greeting: Promise<Session>): Promise<Session> {
    const tooLong = Promise.withResolvers<never>();
    const cancel = clock.after(GREETING_MS, () =>
      tooLong.reject(new MusterError('unavailable', 'it did not answer the handshake')),
    );
    const onAbort = (): void => tooLong.reject(stopping.signal.reason);
    stopping.signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([greeting, tooLong.promise]);
    } finally {
      cancel();
      stopping.signal.removeEventListener('abort', onAbort);
    }
  }

  /** Says a lasting reason once, and an unreachable controller each time it is waited for. */
  function tell(end: LinkEnd, wait: number): void {
    const fields = { reason: end.reason, code: end.code, nextTryMs: Math.round(wait) };
    if (needsSomebody(end)) {
      if (told?.code === end.code) log.debug(fields, 'still refused');
      else log.error(fields, 'refused by the controller; trying again slowly');
    } else log.warn(fields, 'not connected');
    told = end;
  }

  /** The epoch is a new one now, so what was refused is no more. Once: a controller that wants one after the other is waited for. */
  const isAtOnce = (end: LinkEnd): boolean => end.code === 'epoch-renew' && told?.code !== 'epoch-renew';

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      let end: LinkEnd = { reason: 'no address of a controller is known' };
      for (const url of ports.urls()) {
        end = await connect(url);
        if (link.state === 'online' || stopping.signal.aborted || isAtOnce(end)) break;
      }
      if (stopping.signal.aborted) break;
      const nowMs = clock.monotonicMs();
      const wait = isAtOnce(end) ? 0 : waitMs(end, lasted(link, nowMs) ? 0 : link.round, ports.random);
      tell(end, wait);
      move({ event: 'ended', end, nowMs, waitMs: wait });
      await delay(clock, wait, stopping.signal).catch(() => {});
    }
    move({ event: 'stop' });
  }

  return {
    start() {
      running = run();
    },
    async stop() {
      stopping.abort(new MusterError('agent-stopping'));
      session?.end({ reason: 'the agent stops', code: 'agent-stopping' });
      await running;
    },
    state: () => link,
  };
}
