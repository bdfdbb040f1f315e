import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { incrementalSha512, sha512 } from '../../../proto/crypto.ts';
import { MusterError } from '../../../proto/errors.ts';
import { equalBytes } from '../../../proto/ids.ts';

/** Content that an order names and does not hold. */
export interface ContentName {
  /** 64 bytes, of the plain bytes. */
  readonly sha512: Uint8Array;
  readonly length: number;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

/** Where named content comes from; declared here, and brought by whoever has a cache and a link. */
export interface Contents {
  /**
   * A plain file with this content, whose digest was checked; it stays until `release`. Throws MusterError
   * content-refused, content-corrupt, disk-reserve; and the signal's reason.
   */
  readonly fetch: (
    content: ContentName,
    options: { readonly jobId: string; readonly signal: AbortSignal },
  ) => Promise<{ readonly path: string; release(): void }>;
}

/** What a file is to hold. */
export interface Content {
  readonly size: number;
  readonly sha512: Uint8Array;
  /** Brings it piece by piece; a piece is good until `take` settles. Throws what its source throws. */
  read(take: (piece: Uint8Array) => Promise<void>): Promise<void>;
}

/** Read at once. Hashing one of these takes less than a millisecond of everybody's time. */
const PIECE_BYTES = 256 * 1024;

export function contentOfBytes(bytes: Uint8Array): Content {
  return { size: bytes.length, sha512: sha512(bytes), read: (take) => take(bytes) };
}

export function namedContent(
  name: ContentName,
  contents: Contents,
  run: { readonly jobId: string; readonly signal: AbortSignal },
): Content {
  return {
    size: name.length,
    sha512: name.sha512,
    async read(take) {
      const fetched = await contents.fetch(name, run);
      try {
        const file = await open(fetched.path, constants.O_RDONLY | constants.O_NOFOLLOW);
        try {
          await readPieces(file, run.signal, take);
        } finally {
          await file.close();
        }
      } finally {
        fetched.release();
      }
    },
  };
}

/** Brings a file to its end, whatever its size; it is never in memory as a whole. */
export async function readPieces(
  file: FileHandle,
  signal: AbortSignal,
  take: (piece: Uint8Array) => void | Promise<void>,
): Promise<void> {
  const buffer = Buffer.allocUnsafe(PIECE_BYTES);
  for (;;) {
    signal.throwIfAborted();
    const { bytesRead } = await file.read(buffer, 0, buffer.length);
    if (bytesRead === 0) return;
    await take(buffer.subarray(0, bytesRead));
  }
}

export async function hasContent(file: FileHandle, content: Content, signal: AbortSignal): Promise<boolean> {
  const hash = incrementalSha512();
  await readPieces(file, signal, (piece) => hash.update(piece));
  return equalBytes(hash.digest(), content.sha512);
}

/** Writes it whole. Throws MusterError('content-corrupt') where it is not what its name says. */
export async function writeContent(file: FileHandle, content: Content, signal: AbortSignal): Promise<void> {
  const hash = incrementalSha512();
  let size = 0;
  await content.read(async (piece) => {
    signal.throwIfAborted();
    hash.update(piece);
    size += piece.length;
    if (size > content.size) throw new MusterError('content-corrupt', 'it is longer than its name says');
    for (let at = 0; at < piece.length; ) at += (await file.write(piece, at)).bytesWritten;
  });
  if (size !== content.size || !equalBytes(hash.digest(), content.sha512))
    throw new MusterError('content-corrupt', `${size} bytes came, with another digest`);
}
