/**
 * One content on its way. The plain bytes of chunks that opened are appended to a file, so that after a new session, another agent or
 * a kill the file's own length says where to go on. One range is asked for at a time.
 *
 *   looking ──▶ waiting for a session ──▶ asked ──▶ … ──▶ whole ──▶ checked ──▶ in the cache
 */
import type { Message } from '../../proto/codec.ts';
import { chunksOf, openChunk } from '../../proto/content.ts';
import { type IncrementalHash, incrementalSha512 } from '../../proto/crypto.ts';
import { type ErrorCode, isErrorCode, MusterError } from '../../proto/errors.ts';
import { equalBytes, toHex } from '../../proto/ids.ts';
import { LIMITS } from '../../proto/limits.ts';
import type { Cache } from './cache.ts';
import type { CacheFile, ContentName, ContentPorts, Fetched } from './ports.ts';

const CHUNK_BYTES = LIMITS.contentChunkBytes;

export interface Transfer {
  /**
   * Resolves once the whole content is in the cache, and held there. Throws MusterError content-corrupt, disk-reserve, what the
   * controller refuses with; and the signal's reason.
   */
  run(signal: AbortSignal): Promise<Fetched>;
  /** A session began, or there is another job to ask for: asks for what is missing. */
  ask(): void;
  /** What was asked for will not come. */
  lost(): void;
  chunk(message: Message<'ContentChunk'>): void;
  refused(code: string, detail: string): void;
}

export interface TransferParts {
  readonly ports: Pick<ContentPorts, 'clock' | 'log' | 'disk'>;
  readonly cache: Cache;
  readonly content: ContentName;
  /** Chunks that may be asked for now. */
  window(): number;
  /** Told of each range how long it took. */
  took(ms: number): void;
  /** Puts a request on the session; false where there is none. */
  send(from: number, count: number): boolean;
  /** True where there is another job in whose name to ask. */
  refusedFor(error: MusterError): boolean;
}

export const partOf = (name: string): string => `${name}.part`;

export function createTransfer(parts: TransferParts): Transfer {
  const { cache, content } = parts;
  const { clock, log, disk } = parts.ports;
  const name = toHex(content.sha512);
  const chunks = chunksOf(content.length);
  let hash: IncrementalHash = incrementalSha512();
  let file: CacheFile | undefined;
  /** Chunks that came, and those of them that are in the file. */
  let arrived = 0;
  let written = 0;
  let askedEnd = 0;
  let askedMs = 0;
  let writing: Promise<void> = Promise.resolve();
  let settle: { done(): void; fail(cause: unknown): void } | undefined;

  /** Nothing that comes later changes the file. */
  function fail(cause: unknown): void {
    settle?.fail(cause);
    settle = undefined;
  }

  function ask(): void {
    if (!settle || askedEnd > arrived || arrived > written) return;
    if (written === chunks) return settle.done();
    const count = Math.min(parts.window(), chunks - written);
    if (!parts.send(written, count)) return;
    askedEnd = written + count;
    askedMs = clock.monotonicMs();
  }

  async function append(index: number, plain: Uint8Array): Promise<void> {
    if (!settle) return;
    await file?.write(index * CHUNK_BYTES, plain);
    hash.update(plain);
    written = index + 1;
    cache.has(partOf(name), Math.min(content.length, written * CHUNK_BYTES));
    if (written < askedEnd) return;
    parts.took(clock.monotonicMs() - askedMs);
    ask();
  }

  /** Reads what an earlier transfer left: whole chunks, whose digest is checked with all the others. */
  async function resume(signal: AbortSignal): Promise<void> {
    const there = Math.min((await cache.bytesOf(partOf(name))) ?? 0, content.length);
    const whole = Math.min(Math.floor(there / CHUNK_BYTES), chunks);
    for (; written < whole; written += 1) {
      signal.throwIfAborted();
      const plain = await disk.read(partOf(name), written * CHUNK_BYTES, CHUNK_BYTES);
      if (plain.length < CHUNK_BYTES) break;
      hash.update(plain);
    }
    arrived = written;
    askedEnd = written;
    if (written > 0) log.info({ content: name.slice(0, 16), chunks: written, of: chunks }, 'content goes on');
  }

  async function fetchAll(signal: AbortSignal): Promise<void> {
    const opened = await disk.open(partOf(name));
    file = opened;
    try {
      await opened.truncate(written * CHUNK_BYTES);
      cache.has(partOf(name), written * CHUNK_BYTES);
      await new Promise<void>((resolve, reject) => {
        settle = { done: resolve, fail: reject };
        const onAbort = (): void => fail(signal.reason);
        signal.addEventListener('abort', onAbort, { once: true });
        if (signal.aborted) onAbort();
        ask();
      });
    } finally {
      settle = undefined;
      await writing.catch(() => {});
      await opened.close();
    }
  }

  async function isWhole(): Promise<boolean> {
    if (equalBytes(hash.digest(), content.sha512)) {
      await cache.rename(partOf(name), name);
      return true;
    }
    await cache.remove(partOf(name));
    [hash, arrived, written, askedEnd] = [incrementalSha512(), 0, 0, 0];
    return false;
  }

  /** Held, where it is in the cache as it should be. What was damaged there goes. */
  async function cached(signal: AbortSignal): Promise<Fetched | undefined> {
    const bytes = await cache.bytesOf(name);
    if (bytes === undefined) return undefined;
    const held = cache.hold(name);
    try {
      const digest = incrementalSha512();
      for (let at = 0; bytes === content.length && at < bytes; at += CHUNK_BYTES) {
        signal.throwIfAborted();
        digest.update(await disk.read(name, at, CHUNK_BYTES));
      }
      if (bytes === content.length && equalBytes(digest.digest(), content.sha512)) return held;
    } catch (cause) {
      held.release();
      throw cause;
    }
    log.warn({ content: name.slice(0, 16) }, 'cached content was damaged; it is fetched again');
    held.release();
    await cache.remove(name);
    return undefined;
  }

  return {
    async run(signal) {
      const here = await cached(signal);
      if (here) return here;
      // Before it is held, so that what the folder has is known.
      await cache.bytesOf(partOf(name));
      const part = cache.hold(partOf(name));
      try {
        await resume(signal);
        const isResumed = written > 0;
        await cache.makeRoom(content.length - Math.min(content.length, written * CHUNK_BYTES));
        await fetchAll(signal);
        if (await isWhole()) return part;
        // What was left here may have been damaged, which says nothing of what the controller sends.
        if (isResumed) {
          log.warn(
            { content: name.slice(0, 16) },
            'what was left of a content was damaged; it is fetched anew',
          );
          await fetchAll(signal);
          if (await isWhole()) return part;
        }
        throw new MusterError('content-corrupt', `sha512 ${name.slice(0, 16)}…`);
      } catch (cause) {
        const failure = signal.aborted ? signal.reason : await diskFailure(cause);
        part.release();
        throw failure;
      }
    },
    ask,
    lost() {
      askedEnd = arrived;
    },
    chunk({ index, data }) {
      if (index !== arrived || index >= askedEnd)
        return log.debug({ content: name.slice(0, 16), index }, 'a chunk that was not asked for');
      const plain = openChunk(content.key, content.length, index, data);
      if (!plain) return fail(new MusterError('content-corrupt', `chunk ${index} does not open`));
      arrived += 1;
      writing = writing.then(() => append(index, plain)).catch(fail);
    },
    refused(code, detail) {
      if (askedEnd <= arrived) return;
      const known: ErrorCode = isErrorCode(code) ? code : 'content-refused';
      askedEnd = arrived;
      const error = new MusterError(known, detail || undefined);
      if (parts.refusedFor(error)) ask();
      else fail(error);
    },
  };

  /** A disk that is full gets back what it was filled with. */
  async function diskFailure(cause: unknown): Promise<unknown> {
    if (!(cause instanceof Error) || !('code' in cause) || cause instanceof MusterError) return cause;
    if (cause.code !== 'ENOSPC' && cause.code !== 'EDQUOT')
      return new MusterError('agent-failed', `the cache: ${cause.message}`, { cause });
    await cache.remove(partOf(name)).catch(() => {});
    return new MusterError('disk-reserve', cause.message, { cause });
  }
}
