import assert from 'node:assert/strict';
import { createDecipheriv } from 'node:crypto';
import { test } from 'node:test';
import {
  chunkBytes,
  chunksOf,
  openChunk,
  SEALED_CHUNK_BYTES,
  sealChunk,
  sealedLength,
} from '../../proto/content.ts';
import { sha512 } from '../../proto/crypto.ts';
import { toHex } from '../../proto/ids.ts';
import { LIMITS } from '../../proto/limits.ts';
import { ascii, counting } from './fixture.ts';

const KEY = counting(0x80, 32);
const CHUNK = LIMITS.contentChunkBytes;
/** Three chunks, the last of them short. */
const PLAIN = Buffer.alloc(2 * CHUNK + 5, 'muster ');
const part = (index: number): Uint8Array => PLAIN.subarray(index * CHUNK, (index + 1) * CHUNK);
const sealed = [0, 1, 2].map((index) => sealChunk(KEY, PLAIN.length, index, part(index)));
const at = (index: number): Uint8Array => sealed[index] ?? new Uint8Array(0);

test('the bytes of a sealed chunk are golden', () => {
  assert.equal(toHex(sealChunk(KEY, 5, 0, ascii('hello'))), '947c4e1af93c77023d622c9eab4575bb4b104a1851');
  assert.equal(toHex(sha512(at(0)).subarray(0, 16)), '8ba18d5685ade54695fb618936981122');
});

test('a chunk is ChaCha20-Poly1305 with the nonce u32be(last) and u64be(index)', () => {
  for (const [index, nonce] of [
    '000000000000000000000000',
    '000000000000000000000001',
    '000000010000000000000002',
  ].entries()) {
    const decipher = createDecipheriv('chacha20-poly1305', KEY, Buffer.from(nonce, 'hex'), {
      authTagLength: 16,
    });
    decipher.setAuthTag(at(index).subarray(-16));
    const plain = Buffer.concat([decipher.update(at(index).subarray(0, -16)), decipher.final()]);
    assert.ok(plain.equals(part(index)));
  }
});

test('every chunk opens at its place, and the lengths are those of the file', () => {
  for (const index of [0, 1, 2])
    assert.ok(
      Buffer.from(part(index)).equals(openChunk(KEY, PLAIN.length, index, at(index)) ?? Buffer.alloc(0)),
    );
  assert.equal(
    sealed.reduce((sum, one) => sum + one.length, 0),
    sealedLength(PLAIN.length),
  );
  assert.equal(at(0).length, SEALED_CHUNK_BYTES);
});

test('content is cut into whole chunks and a rest', () => {
  const cases = [
    [0, 0],
    [1, 1],
    [CHUNK - 1, 1],
    [CHUNK, 1],
    [CHUNK + 1, 2],
    [3 * CHUNK, 3],
  ] as const;
  for (const [length, chunks] of cases) {
    assert.equal(chunksOf(length), chunks, `${length}`);
    let sum = 0;
    for (let index = 0; index < chunks; index++) sum += chunkBytes(length, index);
    assert.equal(sum, length);
    assert.equal(chunkBytes(length, chunks), 0);
  }
});

const flipped = (bytes: Uint8Array, bit: number): Uint8Array => {
  const copy = Buffer.from(bytes);
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
};

const HOSTILE: Record<string, () => Uint8Array | undefined> = {
  'another chunk in its place': () => openChunk(KEY, PLAIN.length, 0, at(1)),
  'a chunk moved forward': () => openChunk(KEY, PLAIN.length, 1, at(0)),
  'a chunk in the middle as the last one': () => openChunk(KEY, 2 * CHUNK, 1, at(1)),
  'the last one as one in the middle': () => openChunk(KEY, PLAIN.length + CHUNK, 2, at(2)),
  'content that was cut behind a whole chunk': () => openChunk(KEY, CHUNK, 0, at(0)),
  'content that was extended': () => openChunk(KEY, PLAIN.length + 1, 2, at(2)),
  'a chunk that was cut': () => openChunk(KEY, PLAIN.length, 2, at(2).subarray(0, -1)),
  'a chunk with a byte more': () => openChunk(KEY, PLAIN.length, 2, Buffer.concat([at(2), Buffer.of(0)])),
  'a chunk behind the end': () =>
    openChunk(KEY, PLAIN.length, 3, sealChunk(KEY, PLAIN.length, 3, new Uint8Array(0))),
  'an empty one': () => openChunk(KEY, PLAIN.length, 0, new Uint8Array(0)),
  'another key': () => openChunk(counting(1, 32), PLAIN.length, 0, at(0)),
};
for (const [what, attempt] of Object.entries(HOSTILE))
  test(`not opened: ${what}`, () => {
    assert.equal(attempt(), undefined);
  });

test('no single flipped bit of a chunk goes unnoticed', () => {
  for (let bit = 0; bit < at(2).length * 8; bit++)
    assert.equal(openChunk(KEY, PLAIN.length, 2, flipped(at(2), bit)), undefined, `bit ${bit}`);
});
