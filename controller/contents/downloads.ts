/**
 * Contents that anybody may download for a while, by their digest: builds of the agent, for machines that have nothing of this fleet
 * yet. An operator says which and how long; what nobody said so of is not there, whoever asks. All downloads together take a share of
 * this process and of its line, and no more.
 */
import { delay } from '../../proto/clock.ts';
import { chunksOf, openChunk, SEALED_CHUNK_BYTES } from '../../proto/content.ts';
import { MusterError } from '../../proto/errors.ts';
import { LIMITS, MIB } from '../../proto/limits.ts';
import { openContentKey } from './keys.ts';
import type { ContentPorts } from './ports.ts';
import { contentByDigest, contentDamaged, contentPublished, publicContent } from './store.ts';

export interface Download {
  /** Of the whole. */
  length: number;
  /** From this byte on. Throws where what is stored is damaged. */
  pieces(from: number): AsyncGenerator<Uint8Array>;
}

export interface Downloads {
  /** Throws no-such-content; bad-request for one that is larger than a build may be. */
  publish(
    sha512: string,
    ttlMs: number,
    by: { name: string },
  ): Promise<{ sha512: string; length: number; untilMs: number }>;
  /** Throws not-found. */
  download(sha512: string): Promise<Download>;
}

/** Chunks that are read at once. */
const TURN_CHUNKS = 2;
/** What all downloads together may take. */
const BYTES_PER_MS = (128 * MIB) / 1000;

export function createDownloads(ports: ContentPorts): Downloads {
  const { clock, db, disk, log, audit } = ports;
  /** When all that was sent so far is sent at that pace. */
  let paidMs = 0;

  async function pace(bytes: number): Promise<void> {
    const nowMs = clock.monotonicMs();
    paidMs = Math.max(paidMs, nowMs) + bytes / BYTES_PER_MS;
    // Timers are of a millisecond or more: what is less comes together.
    if (paidMs - nowMs >= 2) await delay(clock, paidMs - nowMs);
  }

  return {
    async publish(sha512, ttlMs, by) {
      const [row] = await db.read(contentByDigest({ sha512 }));
      if (row?.state !== 'complete') throw new MusterError('no-such-content', 'upload it first');
      if (row.length > LIMITS.buildBytes)
        throw new MusterError('bad-request', `what is public has at most ${LIMITS.buildBytes} bytes`);
      const untilMs = clock.now() + ttlMs;
      await db.write([
        contentPublished({ sha512, untilMs }),
        audit.entry(by, 'content.publish', { content: sha512, untilMs }),
      ]);
      return { sha512, length: row.length, untilMs };
    },

    async download(sha512) {
      const [row] = await db.read(publicContent({ sha512, nowMs: clock.now() }));
      if (!row) throw new MusterError('not-found', 'a build that can be downloaded');
      const { length } = row;
      const key = openContentKey(row.key_box, ports.sealingKey);
      return {
        length,
        async *pieces(from) {
          let skip = from % LIMITS.contentChunkBytes;
          const end = chunksOf(length);
          for (let next = (from - skip) / LIMITS.contentChunkBytes; next < end; next += TURN_CHUNKS) {
            const count = Math.min(TURN_CHUNKS, end - next);
            const sealed = await disk.read(sha512, next * SEALED_CHUNK_BYTES, count * SEALED_CHUNK_BYTES);
            await pace(sealed.length);
            for (let index = next; index < next + count; index += 1) {
              const at = (index - next) * SEALED_CHUNK_BYTES;
              const plain = openChunk(key, length, index, sealed.subarray(at, at + SEALED_CHUNK_BYTES));
              if (!plain) {
                log.error({ content: sha512.slice(0, 16) }, 'stored content is damaged; upload it again');
                await db.write([contentDamaged({ sha512 })]);
                throw new MusterError('store-failed', 'the stored content is damaged');
              }
              yield skip > 0 ? plain.subarray(skip) : plain;
              skip = 0;
            }
          }
        },
      };
    },
  };
}
