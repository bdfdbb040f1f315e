import type { Clock } from '../../proto/clock.ts';
import { decodeFrame, encodeFrame, type Frame, type FrameKind, type Message } from '../../proto/codec.ts';
import { type ErrorCode, MusterError } from '../../proto/errors.ts';
import { firstFrame, type Greeter, type Opened, Refused, shakeHands } from './handshake.ts';
import { keepAlive } from './keep-alive.ts';
import type { LinkEnd } from './state.ts';
import type { Transport } from './transport.ts';

/** An open session. Frames go out numbered and sealed; ping, pong and refusal are dealt with in here. */
export interface Session {
  /** The controller's first frame: what it holds of this agent. */
  readonly ready: Message<'Ready'>;
  readonly controllerKeyId: Uint8Array;
  readonly bufferedAmount: number;
  send: SendFrame;
  /** Once; frames that came before are told first. A throw ends the session with its reason. */
  receive(handler: (frame: Frame) => void): void;
  /** Asks the far end, and calls back once it has answered this. */
  ping(answered: () => void): void;
  /** Told each time the controller says what time it is, and how many ms ago at most that was. */
  onTime(handler: (controllerTimeMs: number, ageMs: number) => void): void;
  end(reason: LinkEnd): void;
  readonly ended: Promise<LinkEnd>;
}

export type SendFrame = <K extends FrameKind>(kind: K, value: Parameters<typeof encodeFrame<K>>[1]) => void;

/**
 * Handshake and the controller's `ready`. Throws MusterError; the caller terminates the transport then. `onRefused` is told
 * what this controller refuses, which has proved itself by then: before the keys anybody on the way could say it.
 */
export async function openSession(
  transport: Transport,
  greeter: Greeter & { onRefused(code: ErrorCode): void },
  clock: Clock,
): Promise<Session> {
  const opened = await shakeHands(transport, 'session', greeter);
  const first = await firstFrame(opened).catch((cause: unknown) => {
    if (cause instanceof Refused) greeter.onRefused(cause.code);
    throw cause;
  });
  if (first.kind !== 'ready') throw new MusterError('malformed', `${first.kind} in place of ready`);
  return sessionOver(transport, opened, first.value, clock);
}

function sessionOver(transport: Transport, opened: Opened, ready: Message<'Ready'>, clock: Clock): Session {
  const { channel, inbox } = opened;
  const { promise: ended, resolve } = Promise.withResolvers<LinkEnd>();
  let over = false;
  let asked = { id: 0, atMs: 0 };
  /** By the ping that they wait for. */
  const awaited = new Map<number, () => void>();
  let tellTime = (_controllerTimeMs: number, _ageMs: number): void => {};

  const send: SendFrame = (kind, value) => {
    if (!over) transport.send(channel.seal(encodeFrame(kind, value)));
  };
  function end(reason: LinkEnd, close: () => void): void {
    if (over) return;
    over = true;
    alive.stop();
    close();
    resolve(reason);
  }
  const cut = (reason: LinkEnd): void => end(reason, () => transport.terminate());
  const alive = keepAlive(clock, {
    ask,
    dead: () => cut({ reason: 'nothing was heard of the controller any more' }),
  });

  function ask(): void {
    asked = { id: asked.id + 1, atMs: clock.uptimeMs() };
    send('ping', { id: asked.id });
  }

  function answered(id: number): void {
    const tell = awaited.get(id);
    awaited.delete(id);
    tell?.();
  }

  /** 0 is what a controller says that does not tell. */
  function takeTime(timeMs: number, answers?: number): void {
    const ageMs = answers === asked.id ? clock.uptimeMs() - asked.atMs : Number.POSITIVE_INFINITY;
    if (timeMs > 0) tellTime(timeMs, ageMs);
  }

  function take(bytes: Uint8Array, handler: (frame: Frame) => void): void {
    if (over) return;
    alive.heard();
    try {
      const frame = decodeFrame(channel.open(bytes));
      if (frame.kind === 'ping') {
        send('pong', { id: frame.value.id });
        takeTime(frame.value.timeMs);
      } else if (frame.kind === 'pong') {
        takeTime(frame.value.timeMs, frame.value.id);
        answered(frame.value.id);
      } else if (frame.kind === 'refusal') throw new Refused(frame.value);
      else handler(frame);
    } catch (cause) {
      cut(linkEnd(cause));
    }
  }

  return {
    ready,
    controllerKeyId: opened.controllerKeyId,
    get bufferedAmount() {
      return transport.bufferedAmount;
    },
    send,
    ping(tell) {
      ask();
      awaited.set(asked.id, tell);
    },
    onTime(handler) {
      tellTime = handler;
    },
    receive: (handler) =>
      inbox.pipe({
        message: (bytes) => take(bytes, handler),
        closed: (reason) => end({ reason: `the connection closed: ${reason}` }, () => {}),
      }),
    end: (reason) => end(reason, () => transport.close()),
    ended,
  };
}

/** Any failure as a link's end. */
export function linkEnd(cause: unknown): LinkEnd {
  if (!(cause instanceof MusterError))
    return { reason: cause instanceof Error ? cause.message : String(cause) };
  const retryAfterMs = cause instanceof Refused ? cause.retryAfterMs : undefined;
  return { reason: cause.message, code: cause.code, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}
