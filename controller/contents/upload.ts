/**
 * Uploads. Plain bytes come in, are hashed and sealed chunk by chunk, and go to the content's file; nothing else of them is
 * kept. What was cut goes on from the last whole chunk: `have` says where. Until the digest is known to be right the
 * content can be named by no job, and nothing of it leaves this machine; a wrong one is removed with its key.
 */
import {
  chunkBytes,
  chunksOf,
  openChunk,
  SEALED_CHUNK_BYTES,
  sealChunk,
  sealedLength,
} from '../../proto/content.ts';
import { type IncrementalHash, incrementalSha512 } from '../../proto/crypto.ts';
import { MusterError } from '../../proto/errors.ts';
import { toHex } from '../../proto/ids.ts';
import { LIMITS } from '../../proto/limits.ts';
import { isTaken } from '../db/database.ts';
import { makeContentKey, openContentKey } from './keys.ts';
import type { ContentFile, ContentPorts } from './ports.ts';
import {
  type ContentRow,
  contentByDigest,
  contentCompleted,
  contentUsed,
  deleteUnnamed,
  insertContents,
} from './store.ts';

export interface Upload {
  sha512: string;
  /** Of the whole content. */
  length: number;
  /** Where `body` begins; has to be what `have` was. */
  offset: number;
  body: AsyncIterable<Uint8Array>;
}

/** `key` in hex once the content is complete, which is when a task may name it. */
export interface ContentState {
  sha512: string;
  length: number | null;
  have: number;
  complete: boolean;
  key: string | null;
}

export interface Uploads {
  show(sha512: string): Promise<ContentState>;
  /**
   * Throws bad-request (the wrong place), content-mismatch, store-full, try-later (somebody else uploads the same),
   * store-failed.
   */
  put(upload: Upload, by: { name: string }): Promise<ContentState>;
  /** Keeps uploads of this digest away meanwhile. False, without calling it, where one is under way. */
  alone(sha512: string, action: () => Promise<void>): Promise<boolean>;
}

/** How far an unfinished upload is. It can be lost: it is read again from the file then. */
interface Progress {
  length: number;
  key: Uint8Array;
  /** Whole chunks in the file. */
  chunks: number;
  hash: IncrementalHash;
}

const haveOf = ({ chunks, length }: Progress): number => Math.min(length, chunks * LIMITS.contentChunkBytes);

const REMEMBERED = 64;

export function createUploads(ports: ContentPorts): Uploads {
  const { db, disk, clock } = ports;
  const remembered = new Map<string, Progress>();
  const busy = new Set<string>();
  const writing = new Set<Progress>();

  /** What all uploads that are under way will still take of the disk: room that two were promised is there once. */
  function toWriteBytes(): number {
    let sum = 0;
    for (const progress of writing) sum += sealedLength(progress.length - haveOf(progress));
    return sum;
  }

  async function alone<T>(sha512: string, action: () => Promise<T>): Promise<{ value: T } | undefined> {
    if (busy.has(sha512)) return undefined;
    busy.add(sha512);
    try {
      return { value: await action() };
    } finally {
      busy.delete(sha512);
    }
  }

  function remember(sha512: string, progress: Progress): void {
    remembered.delete(sha512);
    remembered.set(sha512, progress);
    for (const oldest of remembered.keys()) {
      if (remembered.size <= REMEMBERED) return;
      if (!busy.has(oldest)) remembered.delete(oldest);
    }
  }

  async function rowOf(sha512: string): Promise<ContentRow | undefined> {
    const [row] = await db.read(contentByDigest({ sha512 }));
    return row;
  }

  const complete = (row: ContentRow): ContentState => ({
    sha512: row.sha512,
    length: row.length,
    have: row.length,
    complete: true,
    key: toHex(openContentKey(row.key_box, ports.sealingKey)),
  });

  const unfinished = (sha512: string, progress: Progress | undefined): ContentState => ({
    sha512,
    length: progress?.length ?? null,
    have: progress ? haveOf(progress) : 0,
    complete: false,
    key: null,
  });

  /** How far the file is good: what does not open was not written whole. */
  async function progressOf(row: ContentRow): Promise<Progress> {
    const known = remembered.get(row.sha512);
    if (known) return known;
    const key = openContentKey(row.key_box, ports.sealingKey);
    const progress: Progress = { length: row.length, key, chunks: 0, hash: incrementalSha512() };
    const size = (await disk.size(row.sha512)) ?? 0;
    // The last chunk comes with the end of the upload: a file that has it may be whole and not said to be.
    const whole = Math.min(Math.floor(size / SEALED_CHUNK_BYTES), chunksOf(row.length) - 1);
    for (; progress.chunks < whole; progress.chunks += 1) {
      const { chunks } = progress;
      const sealed = await disk.read(row.sha512, chunks * SEALED_CHUNK_BYTES, SEALED_CHUNK_BYTES);
      const plain = openChunk(key, row.length, chunks, sealed);
      if (!plain) break;
      progress.hash.update(plain);
    }
    remember(row.sha512, progress);
    return progress;
  }

  /** The row is there before the file is: a file without a row is nobody's. */
  async function begin({ sha512, length }: Upload): Promise<Progress> {
    const { key, box } = makeContentKey(ports.random, ports.sealingKey);
    const nowMs = clock.now();
    const row = {
      sha512,
      length,
      key_box: box,
      state: 'partial',
      created_at_ms: nowMs,
      used_at_ms: nowMs,
    } as const;
    await remove(sha512);
    await db.write(insertContents([row])).catch((cause: unknown) => {
      // Jobs name it: what it is to be is known then, and this is something else.
      throw isTaken(cause, 'contents.sha512')
        ? new MusterError('content-mismatch', 'its length is another')
        : cause;
    });
    const progress: Progress = { length, key, chunks: 0, hash: incrementalSha512() };
    remember(sha512, progress);
    return progress;
  }

  /** The row stays where jobs name it: they hold its key. */
  async function remove(sha512: string): Promise<void> {
    remembered.delete(sha512);
    await disk.remove(sha512);
    await db.write([deleteUnnamed({ sha512 })]);
  }

  async function put(upload: Upload, by: { name: string }): Promise<ContentState> {
    const { sha512, length } = upload;
    const row = await rowOf(sha512);
    if (row?.state === 'complete') {
      if (row.length !== length) throw new MusterError('content-mismatch', `it has ${row.length} bytes`);
      return complete(row);
    }
    const isKnown = row !== undefined && row.length === length;
    const progress = isKnown ? await progressOf(row) : await begin(upload);
    const have = haveOf(progress);
    if (upload.offset !== have)
      throw new MusterError('bad-request', `query.offset: ${have} bytes are here, go on from there`);
    const freeBytes = await disk.freeBytes();
    if (freeBytes - toWriteBytes() - sealedLength(length - have) < ports.reserveBytes)
      throw new MusterError('store-full', `the content has ${length} bytes`);
    writing.add(progress);
    try {
      if (isKnown) await db.write([contentUsed({ sha512, nowMs: clock.now() })]);
      await write(sha512, progress, upload.body);
    } finally {
      writing.delete(progress);
    }
    if (progress.chunks < chunksOf(length)) return unfinished(sha512, progress);
    if (toHex(progress.hash.digest()) !== sha512) {
      await remove(sha512);
      throw new MusterError('content-mismatch', 'it was removed; upload it again');
    }
    remembered.delete(sha512);
    await db.write([
      contentCompleted({ sha512, nowMs: clock.now() }),
      ports.audit.entry(by, 'content.store', { content: sha512, length }),
    ]);
    return { sha512, length, have: length, complete: true, key: toHex(progress.key) };
  }

  /** Durable once all of it is there. */
  async function write(sha512: string, progress: Progress, body: AsyncIterable<Uint8Array>): Promise<void> {
    const file = await disk.open(sha512);
    try {
      await file.truncate(progress.chunks * SEALED_CHUNK_BYTES);
      await take(file, progress, body);
      if (progress.chunks === chunksOf(progress.length)) await file.sync();
    } finally {
      await file.close();
    }
  }

  /** Takes whole chunks off the body; what is left of it at the end comes again. Throws bad-request where it has too much. */
  async function take(file: ContentFile, progress: Progress, body: AsyncIterable<Uint8Array>): Promise<void> {
    const { length, key } = progress;
    const chunk = Buffer.allocUnsafeSlow(LIMITS.contentChunkBytes);
    let filled = 0;
    for await (const piece of uncut(body)) {
      for (let at = 0; at < piece.length; ) {
        const wanted = chunkBytes(length, progress.chunks);
        if (wanted === 0)
          throw new MusterError('bad-request', `the body has more than the ${length} bytes announced`);
        const part = piece.subarray(at, at + wanted - filled);
        chunk.set(part, filled);
        at += part.length;
        filled += part.length;
        if (filled < wanted) continue;
        filled = 0;
        const plain = chunk.subarray(0, wanted);
        await file.write(
          progress.chunks * SEALED_CHUNK_BYTES,
          sealChunk(key, length, progress.chunks, plain),
        );
        progress.hash.update(plain);
        progress.chunks += 1;
      }
    }
  }

  return {
    async show(sha512) {
      const row = await rowOf(sha512);
      if (row?.state === 'complete') return complete(row);
      if (!row) return unfinished(sha512, undefined);
      const read = await alone(sha512, () => progressOf(row).catch(diskFailed));
      return unfinished(sha512, read?.value ?? remembered.get(sha512));
    },
    async put(upload, by) {
      const done = await alone(upload.sha512, () => put(upload, by).catch(diskFailed));
      if (!done) throw new MusterError('try-later', 'this content is being uploaded already');
      return done.value;
    },
    alone: async (sha512, action) => (await alone(sha512, action)) !== undefined,
  };
}

/** The uploader left: the rest comes again. */
async function* uncut(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (cause) {
    throw new MusterError('bad-request', 'the upload was cut', { cause });
  }
}

function diskFailed(cause: unknown): never {
  if (!(cause instanceof Error) || !('code' in cause) || cause instanceof MusterError) throw cause;
  const code = cause.code === 'ENOSPC' || cause.code === 'EDQUOT' ? 'store-full' : 'store-failed';
  throw new MusterError(code, `contents: ${cause.message}`, { cause });
}
