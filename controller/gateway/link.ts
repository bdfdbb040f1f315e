/** One agent's session after the handshake: opens its frames, hands them on, seals what goes out. */

import type { Clock } from '../../proto/clock.ts';
import { decodeFrame, encodeFrame, type Frame, type FrameInput, type FrameKind } from '../../proto/codec.ts';
import { MusterError } from '../../proto/errors.ts';
import { LIMITS, MIB } from '../../proto/limits.ts';
import type { Proved } from './handshake.ts';
import type { GatewayPorts, Speaker } from './ports.ts';
import type { Socket } from './socket.ts';

export interface Link {
  readonly agentId: string;
  send<K extends FrameKind>(kind: K, value: FrameInput<K>): void;
  /** Takes a message of the socket. Throws MusterError where the agent breaks the protocol. */
  take(bytes: Uint8Array): Promise<void>;
  /** Whether something that it said could not be stored. It stays connected, and is not listened to, until `close`. */
  isUnheard(): boolean;
  /** Asks or gives up: called every few seconds. */
  checkAlive(): void;
  close(error: MusterError): void;
}

/** Frames that are being stored; past it the socket is not read until some are done. */
const UNDER_WAY_MAX = 256;
/** A reader so slow that this much waits for it is cut off; it comes back and goes on where it was. */
const BUFFERED_MAX_BYTES = 16 * MIB;
const CLOSE_POLICY = 1008;

export function createLink(
  ports: Pick<GatewayPorts, 'agents' | 'jobs' | 'contents'> & { clock: Clock },
  socket: Socket,
  proved: Proved,
): Link {
  const from: Speaker = { agentId: proved.agentId, epoch: proved.proof.epoch };
  const { channel } = proved;
  let heardMs = ports.clock.monotonicMs();
  let askedMs = heardMs;
  let underWay = 0;
  let pings = 0;
  let unheard = false;
  let sentBytes = 0;
  /** Of them the other side had taken so many, when it last took some. */
  let takenBytes = 0;
  let tookMs = heardMs;

  /** What waits for a reader that takes nothing waits at the cost of all others: room for them together has an end. */
  function isStuck(nowMs: number): boolean {
    const waiting = socket.buffered();
    const taken = sentBytes - waiting;
    if (waiting === 0 || taken > takenBytes) {
      takenBytes = taken;
      tookMs = nowMs;
    }
    return nowMs - tookMs >= LIMITS.keepAliveDeadMs;
  }

  const link: Link = {
    agentId: proved.agentId,
    send(kind, value) {
      if (socket.buffered() > BUFFERED_MAX_BYTES) return socket.terminate();
      const sealed = channel.seal(encodeFrame(kind, value));
      sentBytes += sealed.length;
      socket.send(sealed);
    },
    async take(bytes) {
      heardMs = ports.clock.monotonicMs();
      const frame = decodeFrame(channel.open(bytes));
      underWay += 1;
      if (underWay === UNDER_WAY_MAX) socket.pause();
      try {
        await hear(frame);
      } finally {
        underWay -= 1;
        if (underWay === UNDER_WAY_MAX / 2) socket.resume();
      }
    },
    isUnheard: () => unheard,
    checkAlive() {
      const nowMs = ports.clock.monotonicMs();
      if (nowMs - heardMs >= LIMITS.keepAliveDeadMs || isStuck(nowMs)) return socket.terminate();
      if (nowMs - heardMs < LIMITS.keepAliveMs || nowMs - askedMs < LIMITS.keepAliveMs) return;
      askedMs = nowMs;
      pings += 1;
      link.send('ping', { id: pings, timeMs: ports.clock.now() });
    },
    close(error) {
      // What still comes until the far end has agreed is of a session that is over.
      socket.onMessage = () => {};
      link.send('refusal', { code: error.code, detail: error.detail ?? '' });
      socket.close(CLOSE_POLICY, error.code);
    },
  };
  return link;

  /**
   * A word that the store did not take is not answered, so its agent keeps it; what follows makes no sense without it. The session
   * goes on for keep-alive, cancels and contents, and when the store takes words again it ends: the next one begins where the
   * store is. So a full disk neither cuts agents off nor makes them dial again and again.
   */
  async function hear(frame: Frame): Promise<void> {
    if (!isWord(frame)) return handle(frame);
    if (unheard) return;
    try {
      await handle(frame);
    } catch (error) {
      if (!unheard && !(error instanceof MusterError && error.code === 'store-failed')) throw error;
      unheard = true;
    }
  }

  async function handle(frame: Frame): Promise<void> {
    switch (frame.kind) {
      case 'status':
        return ports.jobs.words.status(from, frame.value);
      case 'output':
        return ports.jobs.words.output(from, frame.value);
      case 'report':
        return ports.jobs.words.report(from, frame.value);
      case 'facts':
        return ports.agents.learn(from.agentId, frame.value.digest, frame.value.json);
      case 'contentRequest':
        return ports.contents.request(from, frame.value);
      case 'ping':
        return link.send('pong', { id: frame.value.id, timeMs: ports.clock.now() });
      case 'pong':
        return;
      default:
        throw new MusterError('malformed', `an agent does not send ${frame.kind}`);
    }
  }
}

/** What has to be stored. */
function isWord({ kind }: Frame): boolean {
  return kind === 'status' || kind === 'output' || kind === 'report' || kind === 'facts';
}
