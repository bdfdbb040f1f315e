import { finished, Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { Clock } from '../../proto/clock.ts';
import { MusterError } from '../../proto/errors.ts';
import { API_LIMITS } from './limits.ts';

/** Long answers: how many there are at a time, and that each ends with its reader. */
export interface Flows {
  readonly open: number;
  /**
   * Sends what `begin` makes, as fast as the reader takes it. What begin throws is thrown here, before anything was
   * sent. Throws try-later when there are too many.
   */
  send(
    reply: FastifyReply,
    begin: (gone: AbortSignal) => Promise<AsyncGenerator<string | Uint8Array>>,
  ): Promise<FastifyReply>;
}

export function createFlows(clock: Clock, onFailure: (error: unknown) => void): Flows {
  let open = 0;

  async function send(
    reply: FastifyReply,
    begin: (gone: AbortSignal) => Promise<AsyncGenerator<string | Uint8Array>>,
  ): Promise<FastifyReply> {
    if (open >= API_LIMITS.streams)
      throw new MusterError('try-later', `${API_LIMITS.streams} streams are open already`);
    open++;
    const gone = new AbortController();
    // Exactly once, whether it was sent, its reader leaves, or had left before we came here.
    finished(reply.raw, () => {
      open--;
      gone.abort();
    });
    const pieces = await begin(gone.signal);
    return reply.send(Readable.from(watched(pieces, reply), { objectMode: false }));
  }

  /** A reader that stopped reading gives its place back. */
  async function* watched(pieces: AsyncGenerator<string | Uint8Array>, reply: FastifyReply) {
    try {
      for await (const piece of pieces) {
        const taken = clock.after(API_LIMITS.stallMs, () => reply.raw.destroy());
        try {
          yield piece;
        } finally {
          taken();
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
      return open;
    },
    send,
  };
}
