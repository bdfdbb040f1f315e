import type { Message } from '../../proto/codec.ts';
import { equalBytes, fromHex, toHex } from '../../proto/ids.ts';
import { LIMITS } from '../../proto/limits.ts';
import { checkContentChunk } from '../../proto/validate.ts';
import { createCache } from './cache.ts';
import type { ContentName, ContentPorts, Fetched } from './ports.ts';
import { createTransfer, type Transfer } from './transfer.ts';

/** Puts a request for a range on the session that is up. */
export type Ask = (request: { jobId: Uint8Array; sha512: Uint8Array; from: number; count: number }) => void;

/** Large contents, as the session moves them. */
export interface ContentLink {
  /** A session is up: whatever was under way is asked for again. */
  open(ask: Ask): void;
  close(): void;
  /** Throws MusterError('malformed'). */
  chunk(message: Message<'ContentChunk'>): void;
  refused(message: Message<'ContentRefusal'>): void;
}

export interface Contents extends ContentLink {
  /**
   * The content as a plain file, whose digest was checked. Several that want the same share one transfer; without a session it
   * waits for one. Throws MusterError content-refused, content-corrupt, disk-reserve; and the signal's reason.
   */
  readonly fetch: (
    content: ContentName,
    run: { readonly jobId: string; readonly signal: AbortSignal },
  ) => Promise<Fetched>;
}

interface Waiter {
  readonly jobId: string;
  resolve(fetched: Fetched): void;
  reject(cause: unknown): void;
}

interface UnderWay {
  readonly content: ContentName;
  readonly transfer: Transfer;
  readonly waiters: Set<Waiter>;
  /** Nobody waits any longer. */
  readonly abandoned: AbortController;
  ended: Promise<void>;
}

/** Contents that are fetched at the same time; others wait. */
const AT_ONCE = 4;
/**
 * A range should take about this long: what the controller has to say besides waits behind one at most, on a slow line as on a
 * fast one.
 */
const QUICK_MS = 250;
const SLOW_MS = 1_000;
const FIRST_WINDOW = 4;

export function createContents(ports: ContentPorts): Contents {
  const cache = createCache(ports);
  const underWay = new Map<string, UnderWay>();
  const queue: (() => void)[] = [];
  let active = 0;
  let session: Ask | undefined;
  let window = FIRST_WINDOW;

  function took(ms: number): void {
    if (ms < QUICK_MS) window = Math.min(LIMITS.contentWindowChunks, window * 2);
    else if (ms > SLOW_MS) window = Math.max(1, window >> 1);
  }

  function begin(name: string, content: ContentName): UnderWay {
    const waiters = new Set<Waiter>();
    /** In whose name the last range was asked for. */
    let asker: string | undefined;
    const transfer = createTransfer({
      ports,
      cache,
      content,
      window: () => window,
      took,
      send(from, count) {
        const [first] = waiters;
        const jobId = first && fromHex(first.jobId, LIMITS.jobIdBytes);
        if (!session || !jobId) return false;
        asker = first.jobId;
        session({ jobId, sha512: content.sha512, from, count });
        return true;
      },
      refusedFor(error) {
        if (error.code !== 'content-refused') return false;
        const own = [...waiters].filter(({ jobId }) => jobId === asker);
        if (own.length === waiters.size) return false;
        for (const waiter of own) {
          waiters.delete(waiter);
          waiter.reject(error);
        }
        return true;
      },
    });
    const abandoned = new AbortController();
    const made: UnderWay = { content, transfer, waiters, abandoned, ended: Promise.resolve() };
    underWay.set(name, made);
    made.ended = carry(name, made);
    return made;
  }

  async function carry(name: string, { transfer, waiters, abandoned }: UnderWay): Promise<void> {
    let settle: (waiter: Waiter) => void;
    let held: Fetched | undefined;
    try {
      await turn(abandoned.signal);
      try {
        held = await transfer.run(abandoned.signal);
      } finally {
        active -= 1;
        queue.shift()?.();
      }
      settle = (waiter) => waiter.resolve(cache.hold(name));
    } catch (cause) {
      settle = (waiter) => waiter.reject(cause);
    }
    underWay.delete(name);
    for (const waiter of waiters) settle(waiter);
    held?.release();
  }

  async function turn(signal: AbortSignal): Promise<void> {
    while (active >= AT_ONCE) {
      const { promise, resolve } = Promise.withResolvers<void>();
      queue.push(resolve);
      await promise;
    }
    if (signal.aborted) {
      queue.shift()?.();
      throw signal.reason;
    }
    active += 1;
  }

  /** In one step, so that no transfer ends between being found and being waited for. */
  async function join(content: ContentName, waiter: Waiter, signal: AbortSignal): Promise<void> {
    const name = toHex(content.sha512);
    for (;;) {
      if (signal.aborted) return;
      const found = underWay.get(name) ?? begin(name, content);
      const isSame = found.content.length === content.length && equalBytes(found.content.key, content.key);
      if (isSame && !found.abandoned.signal.aborted) {
        found.waiters.add(waiter);
        const onAbort = (): void => {
          found.waiters.delete(waiter);
          if (found.waiters.size === 0) found.abandoned.abort(signal.reason);
        };
        signal.addEventListener('abort', onAbort, { once: true });
        found.ended.finally(() => signal.removeEventListener('abort', onAbort));
        return found.transfer.ask();
      }
      await found.ended;
    }
  }

  return {
    fetch: (content, { jobId, signal }) =>
      new Promise((resolve, reject) => {
        signal.throwIfAborted();
        const onAbort = (): void => reject(signal.reason);
        signal.addEventListener('abort', onAbort, { once: true });
        const over = (): void => signal.removeEventListener('abort', onAbort);
        const waiter: Waiter = {
          jobId,
          resolve(fetched) {
            over();
            resolve(fetched);
          },
          reject(cause) {
            over();
            reject(cause);
          },
        };
        join(content, waiter, signal).catch(waiter.reject);
      }),
    open(ask) {
      session = ask;
      for (const { transfer } of underWay.values()) {
        transfer.lost();
        transfer.ask();
      }
    },
    close() {
      session = undefined;
    },
    chunk(message) {
      checkContentChunk(message);
      underWay.get(toHex(message.sha512))?.transfer.chunk(message);
    },
    refused: ({ sha512, code, detail }) => underWay.get(toHex(sha512))?.transfer.refused(code, detail),
  };
}
