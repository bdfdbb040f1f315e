import type { FrameInput, FrameKind } from '../../proto/codec.ts';
import { type ErrorCode, MusterError } from '../../proto/errors.ts';
import { fromHex } from '../../proto/ids.ts';
import { LIMITS } from '../../proto/limits.ts';
import type { Admission } from './admission.ts';
import { createHandshake, type Handshake, type Proved, type Step } from './handshake.ts';
import { createLink, type Link } from './link.ts';
import type { GatewayPorts } from './ports.ts';
import type { Socket } from './socket.ts';

export interface Gateway {
  /** Takes up a new socket of an agent. */
  accept(socket: Socket): void;
  send<K extends FrameKind>(agentId: string, kind: K, value: FrameInput<K>): boolean;
  /** Bytes that wait to be sent to this agent; 0 where it has no session. */
  buffered(agentId: string): number;
  drop(agentId: string, code: ErrorCode, why?: string): void;
  /** The store can be written again: agents whose word was not stored come back with it. */
  sendAgain(): void;
  /** Pushes a newer trust document to everybody. */
  pushTrust(document: Uint8Array): void;
  start(): void;
  /** Ends every session; agents come back by themselves. */
  stop(): Promise<void>;
}

const CHECK_ALIVE_MS = 5_000;
const CLOSE_POLICY = 1008;
const CLOSE_DONE = 1000;

/** The agents' door: sockets come in, sessions come out, frames go to the features. */
export function createGateway(ports: GatewayPorts, admission: Admission): Gateway {
  const { clock, log } = ports;
  const links = new Map<string, { link: Link; socket: Socket }>();
  const sockets = new Set<Socket>();
  let cancelCheck: (() => void) | undefined;
  let stopping = false;

  function accept(socket: Socket): void {
    const handshake = createHandshake(ports, socket.send);
    const retryAfterMs = stopping ? 1_000 : admission.ask();
    if (retryAfterMs > 0) return turnAway(socket, handshake, new MusterError('try-later'), retryAfterMs);
    sockets.add(socket);
    const release = once(() => {
      cancelTimeout();
      admission.done();
    });
    const cancelTimeout = clock.after(LIMITS.preProofMs, () =>
      fail(new MusterError('malformed', 'no proof in time')),
    );
    const fail = (error: unknown): void => {
      release();
      const known = error instanceof MusterError ? error : new MusterError('internal');
      const who = { address: socket.address, claimedId: handshake.claimedId };
      if (known.code === 'internal') log.error({ err: error, ...who }, 'handshake failed');
      else log.info({ code: known.code, detail: known.detail, ...who }, 'agent refused');
      turnAway(socket, handshake, known, 0);
    };
    const onStep = (step: Step): void => {
      if (step.kind === 'more') return;
      release();
      if (step.kind === 'enrolled') {
        log.info({ agent: step.agentId }, 'agent enrolled');
        return socket.close(CLOSE_DONE, 'enrolled');
      }
      socket.trust();
      begin(socket, step.proved).catch(fail);
    };
    socket.onClose = () => {
      sockets.delete(socket);
      release();
    };
    socket.onMessage = (bytes) => {
      try {
        if (!bytes) throw new MusterError('malformed', 'a text message');
        const step = handshake.take(bytes);
        if (step instanceof Promise) step.then(onStep, fail);
        else onStep(step);
      } catch (error) {
        fail(error);
      }
    };
  }

  function turnAway(socket: Socket, handshake: Handshake, error: MusterError, retryAfterMs: number): void {
    socket.onMessage = () => {};
    socket.send(handshake.refusal(error, retryAfterMs));
    socket.close(CLOSE_POLICY, error.code);
  }

  async function begin(socket: Socket, proved: Proved): Promise<void> {
    const { agentId, proof } = proved;
    const presence = { sinceMs: clock.now(), address: socket.address, clockSkewMs: proved.clockSkewMs };
    const runs = await ports.jobs.cursors(agentId);
    // Last: nothing may come between its verdict and the session.
    const { receipt, factsDigest } = await ports.agents.begin(agentId, proof, presence);
    if (!sockets.has(socket)) {
      // It left while its session was stored.
      if (!links.has(agentId)) await ports.agents.end(agentId);
      return;
    }
    const link = createLink(ports, socket, proved);
    // The newer session fences the older one off.
    links.get(agentId)?.link.close(new MusterError('stale-session'));
    links.set(agentId, { link, socket });
    ports.contents.forget(agentId);
    socket.onClose = () => {
      sockets.delete(socket);
      if (links.get(agentId)?.socket !== socket) return;
      links.delete(agentId);
      ports.contents.forget(agentId);
      ports.agents
        .end(agentId)
        .catch((error: unknown) => log.error({ err: error }, 'could not store an absence'));
      log.info({ agent: agentId }, 'agent offline');
    };
    socket.onMessage = (bytes) => {
      const failed = (error: unknown): void => {
        if (links.get(agentId)?.socket !== socket) return;
        const known = error instanceof MusterError ? error : new MusterError('internal');
        log.warn({ agent: agentId, err: error }, 'session ended');
        link.close(known);
      };
      if (bytes) link.take(bytes).catch(failed);
      else failed(new MusterError('malformed', 'a text message'));
    };
    const epoch = fromHex(proof.epoch, LIMITS.keyIdBytes) ?? new Uint8Array(0);
    link.send('ready', {
      factsDigest: factsDigest ?? new Uint8Array(0),
      receipt: receipt && { epoch, reportSeq: receipt.seq, chain: receipt.chain },
      runs,
    });
    log.info({ agent: agentId, address: socket.address, version: proof.agentVersion }, 'agent online');
    ports.agents.online(agentId);
    await ports.jobs.resume(agentId);
  }

  function checkAlive(): void {
    for (const { link } of links.values()) link.checkAlive();
    cancelCheck = clock.after(CHECK_ALIVE_MS, checkAlive);
  }

  return {
    accept,
    send(agentId, kind, value) {
      const entry = links.get(agentId);
      if (!entry) return false;
      entry.link.send(kind, value);
      return true;
    },
    buffered: (agentId) => links.get(agentId)?.socket.buffered() ?? 0,
    drop(agentId, code, why) {
      links.get(agentId)?.link.close(new MusterError(code, why));
    },
    sendAgain() {
      for (const { link } of links.values())
        if (link.isUnheard()) link.close(new MusterError('try-later', 'what was said could not be stored'));
    },
    pushTrust(document) {
      for (const { link } of links.values()) link.send('trust', document);
    },
    start: () => {
      cancelCheck = clock.after(CHECK_ALIVE_MS, checkAlive);
    },
    async stop() {
      stopping = true;
      cancelCheck?.();
      // Since when they are away is stored now: the store may be closed before the last socket is.
      // A disk that does not take it must not keep the rest from being stopped.
      const ends = [...links.keys()].map((agentId) =>
        ports.agents
          .end(agentId)
          .catch((error: unknown) => log.error({ err: error }, 'could not store an absence')),
      );
      links.clear();
      for (const socket of sockets) socket.close(CLOSE_DONE, 'shutting-down');
      await Promise.all(ends);
    },
  };
}

function once(fn: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    fn();
  };
}
