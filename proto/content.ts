/**
 * Content that is too large for an order: cut into chunks of `contentChunkBytes`, each sealed for itself under the content's
 * key, so that any range of them can be fetched and checked alone. Index and last flag are in the nonce: a chunk that was
 * altered, moved, left out or put behind the end does not open. The key is drawn for one content and seals nothing else.
 */
import { aeadOpen, aeadSeal } from './crypto.ts';
import { LIMITS } from './limits.ts';

/** What the seal adds to a chunk. */
const SEAL_BYTES = 16;
export const SEALED_CHUNK_BYTES = LIMITS.contentChunkBytes + SEAL_BYTES;

/** None for content without a byte: there is nothing to fetch. */
export function chunksOf(lengthBytes: number): number {
  return Math.ceil(lengthBytes / LIMITS.contentChunkBytes);
}

/** Plain bytes of chunk `index` of content of this length. */
export function chunkBytes(lengthBytes: number, index: number): number {
  return Math.max(0, Math.min(LIMITS.contentChunkBytes, lengthBytes - index * LIMITS.contentChunkBytes));
}

/** Bytes of all sealed chunks together. */
export function sealedLength(lengthBytes: number): number {
  return lengthBytes + chunksOf(lengthBytes) * SEAL_BYTES;
}

export function sealChunk(
  key: Uint8Array,
  lengthBytes: number,
  index: number,
  plain: Uint8Array,
): Uint8Array {
  return aeadSeal(key, nonceOf(lengthBytes, index), plain);
}

/** Undefined where this is not chunk `index` of content of this length under this key. */
export function openChunk(
  key: Uint8Array,
  lengthBytes: number,
  index: number,
  sealed: Uint8Array,
): Uint8Array | undefined {
  const plainBytes = chunkBytes(lengthBytes, index);
  if (plainBytes === 0 || sealed.length !== plainBytes + SEAL_BYTES) return undefined;
  return aeadOpen(key, nonceOf(lengthBytes, index), sealed);
}

/** u32be(last?) ‖ u64be(index). */
function nonceOf(lengthBytes: number, index: number): Uint8Array {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32BE(index === chunksOf(lengthBytes) - 1 ? 1 : 0, 0);
  nonce.writeBigUInt64BE(BigInt(index), 4);
  return nonce;
}
