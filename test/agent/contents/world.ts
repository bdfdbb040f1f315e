import { type Ask, type Contents, createContents } from '../../../agent/contents/engine.ts';
import type { CacheLimits, ContentName } from '../../../agent/contents/ports.ts';
import { chunksOf, sealChunk } from '../../../proto/content.ts';
import { sha512 } from '../../../proto/crypto.ts';
import { toHex } from '../../../proto/ids.ts';
import { LIMITS, MIB } from '../../../proto/limits.ts';
import { type MemoryCache, memoryCache } from '../../support/memory-cache.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { type VirtualClock, virtualClock } from '../../support/virtual-clock.ts';

export const CHUNK = LIMITS.contentChunkBytes;
export const JOB = '10'.repeat(16);
export const OTHER_JOB = '20'.repeat(16);

export interface Sealed {
  readonly name: ContentName;
  readonly hex: string;
  readonly plain: Buffer;
  readonly chunks: Uint8Array[];
}

export function contentOf(length: number, seed = 'content'): Sealed {
  const random = seededRandom(seed);
  const plain = Buffer.alloc(length, length > 0 ? Buffer.from(random(Math.min(length, 1000))) : 0);
  const name = { sha512: sha512(plain), length, key: random(32) };
  const chunks = Array.from({ length: chunksOf(length) }, (_, index) =>
    sealChunk(name.key, length, index, plain.subarray(index * CHUNK, (index + 1) * CHUNK)),
  );
  return { name, hex: toHex(name.sha512), plain, chunks };
}

export type Asked = Parameters<Ask>[0];

export interface CacheWorld {
  readonly clock: VirtualClock;
  readonly cache: MemoryCache;
  contents: Contents;
  /** Every range that was asked for. */
  readonly asked: Asked[];
  /** A session, to a controller that does what the test says; see `serves`. */
  connect(answer?: (request: Asked) => void): void;
  /** Answers each request with what it asks for. */
  serves(...all: Sealed[]): (request: Asked) => void;
  fetch(content: Sealed, more?: { jobId?: string; signal?: AbortSignal }): ReturnType<Contents['fetch']>;
  /** Another agent on the same disk, after a kill. */
  restart(): void;
  settle(): Promise<void>;
}

export function cacheWorld(limits: Partial<CacheLimits> = {}): CacheWorld {
  const clock = virtualClock();
  const cache = memoryCache(clock.now);
  const silent = { debug() {}, info() {}, warn() {}, error() {} };
  const make = (): Contents =>
    createContents({
      clock,
      log: silent,
      disk: cache,
      limits: { quotaBytes: 1024 * MIB, reserveBytes: 0, ...limits },
    });
  const at: CacheWorld = {
    clock,
    cache,
    contents: make(),
    asked: [],
    connect(answer = () => {}) {
      at.contents.open((request) => {
        at.asked.push(request);
        answer(request);
      });
    },
    serves:
      (...all) =>
      ({ sha512: digest, from, count }) => {
        const { chunks = [] } = all.find(({ hex }) => hex === toHex(digest)) ?? {};
        const { contents } = at;
        for (let index = from; index < from + count; index++) {
          const data = chunks[index] ?? new Uint8Array(0);
          setImmediate(() => contents.chunk({ sha512: digest, index, data }));
        }
      },
    fetch: ({ name }, { jobId = JOB, signal = new AbortController().signal } = {}) =>
      at.contents.fetch(name, { jobId, signal }),
    restart() {
      at.contents = make();
    },
    async settle() {
      for (let turn = 0; turn < 40; turn++) await clock.settle();
    },
  };
  return at;
}
