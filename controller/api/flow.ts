import { finished, Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { Clock } from '../../proto/clock.ts';
import { MusterError } from '../../proto/errors.ts';
import { API_LIMITS } from './limits.ts';

/** Long answers: how many there are at a time, and that each ends with its reader. */
export interface Flows {
  readonly open: number;
  /**
   * Sends what `begin` makes, as fast as the reader takes it. What `begin` throws is thrown here, before anything was
   * sent. Where there are as many as may be, the one whose reader takes the least gives its place up: it can come back where
   * it was, and readers that hardly read keep nobody out. Throws try-later when all of them read.
   */
  send(
    reply: FastifyReply,
    begin: (gone: AbortSignal) => Promise<AsyncGenerator<string | Uint8Array>>,
  ): Promise<FastifyReply>;
}

interface Flow {
  /** Since when its reader has a piece before it; undefined while it waits for what comes next. */
  offeredMs: number | undefined;
  end(): void;
}

/** At most `places` at a time. */
export function createFlows(clock: Clock, places: number, onFailure: (error: unknown) => void): Flows {
  const flows = new Set<Flow>();

  function makeRoom(): void {
    if (flows.size < places) return;
    let slowest: Flow | undefined;
    for (const flow of flows)
      if (flow.offeredMs !== undefined && flow.offeredMs < (slowest?.offeredMs ?? Number.POSITIVE_INFINITY))
        slowest = flow;
    if (slowest?.offeredMs === undefined || clock.monotonicMs() - slowest.offeredMs < API_LIMITS.slowMs)
      throw new MusterError('try-later', `${places} streams are open already`);
    flows.delete(slowest);
    slowest.end();
  }

  async function send(
    reply: FastifyReply,
    begin: (gone: AbortSignal) => Promise<AsyncGenerator<string | Uint8Array>>,
  ): Promise<FastifyReply> {
    makeRoom();
    const flow: Flow = { offeredMs: undefined, end: () => reply.raw.destroy() };
    flows.add(flow);
    const gone = new AbortController();
    // Exactly once, whether it was sent, its reader leaves, or had left before we came here.
    finished(reply.raw, () => {
      flows.delete(flow);
      gone.abort();
    });
    const pieces = await begin(gone.signal);
    return reply.send(Readable.from(watched(pieces, flow), { objectMode: false }));
  }

  /** A reader that stopped reading gives its place back. */
  async function* watched(pieces: AsyncGenerator<string | Uint8Array>, flow: Flow) {
    try {
      for await (const piece of pieces) {
        const taken = clock.after(API_LIMITS.stallMs, flow.end);
        flow.offeredMs = clock.monotonicMs();
        try {
          yield piece;
        } finally {
          taken();
          flow.offeredMs = undefined;
        }
      }
    } catch (error) {
      // It cannot become an answer any more: the log has it, the connection breaks.
      onFailure(error);
      throw error;
    }
  }

  return {
    get open() {
      return flows.size;
    },
    send,
  };
}
