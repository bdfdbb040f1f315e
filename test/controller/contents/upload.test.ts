import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openChunk, SEALED_CHUNK_BYTES } from '../../../proto/content.ts';
import { LIMITS } from '../../../proto/limits.ts';
import { ADMIN, controllerWorld } from '../../support/controller-world.ts';
import { bytesOf, digestOf, pieces, upload } from './world.ts';

const CHUNK = LIMITS.contentChunkBytes;
const BYTES = bytesOf(3 * CHUNK + 100);
const DIGEST = digestOf(BYTES);

test('what was uploaded is on the disk in sealed chunks, and nothing of it in the clear', async (t) => {
  const world = await controllerWorld(t);
  const { key } = await upload(world, BYTES);
  const stored = world.contentDisk.files.get(DIGEST) ?? Buffer.alloc(0);
  assert.ok(!stored.includes(BYTES.subarray(0, 32)));
  const opened = [0, 1, 2, 3].map((index) =>
    openChunk(
      Buffer.from(key, 'hex'),
      BYTES.length,
      index,
      stored.subarray(index * SEALED_CHUNK_BYTES, (index + 1) * SEALED_CHUNK_BYTES),
    ),
  );
  assert.ok(Buffer.concat(opened.map((one) => one ?? Buffer.alloc(0))).equals(BYTES));
});

test('contents of every awkward length are taken', async (t) => {
  const world = await controllerWorld(t);
  for (const length of [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK]) {
    const bytes = bytesOf(length, `of ${length}`);
    const { sha512 } = await upload(world, bytes);
    assert.deepEqual(
      { ...(await world.controller.verbs.contents.show(sha512)), key: '' },
      { sha512, length, have: length, complete: true, key: '' },
    );
  }
});

test('an upload that was cut goes on from its last whole chunk, also in another controller', async (t) => {
  const world = await controllerWorld(t);
  const cut = async function* () {
    yield BYTES.subarray(0, 2 * CHUNK + 77);
    throw new Error('socket hang up');
  };
  const put = (offset: number, body: AsyncIterable<Uint8Array>) =>
    world.controller.verbs.contents.put({ sha512: DIGEST, length: BYTES.length, offset, body }, ADMIN);
  await assert.rejects(put(0, cut()), { code: 'bad-request' });
  assert.equal((await world.controller.verbs.contents.show(DIGEST)).have, 2 * CHUNK);
  await world.restart();
  const state = await world.controller.verbs.contents.show(DIGEST);
  assert.deepEqual([state.have, state.complete, state.key], [2 * CHUNK, false, null]);
  assert.ok((await put(state.have, pieces(BYTES.subarray(state.have)))).complete);
});

test('chunks that a crash left half written are taken again', async (t) => {
  const world = await controllerWorld(t);
  await world.controller.verbs.contents.put(
    { sha512: DIGEST, length: BYTES.length, offset: 0, body: pieces(BYTES.subarray(0, 2 * CHUNK)) },
    ADMIN,
  );
  const file = world.contentDisk.files.get(DIGEST) ?? Buffer.alloc(0);
  file.fill(0, SEALED_CHUNK_BYTES + 10, SEALED_CHUNK_BYTES + 20);
  await world.restart();
  assert.equal((await world.controller.verbs.contents.show(DIGEST)).have, CHUNK);
  await upload(world, BYTES);
});

const REFUSED: Record<
  string,
  { sha512?: string; length?: number; offset?: number; body?: Buffer; code: string }
> = {
  'bytes of another digest': { body: bytesOf(BYTES.length, 'other'), code: 'content-mismatch' },
  'an offset past what is here': { offset: CHUNK, code: 'bad-request' },
  'more bytes than were announced': { body: Buffer.concat([BYTES, BYTES]), code: 'bad-request' },
  'another length than the bytes have': { length: 2 * CHUNK, code: 'bad-request' },
};
for (const [what, { code, body = BYTES, ...asked }] of Object.entries(REFUSED))
  test(`an upload is refused: ${what}`, async (t) => {
    const { controller } = await controllerWorld(t);
    const put = { sha512: DIGEST, length: BYTES.length, offset: 0, body: pieces(body), ...asked };
    await assert.rejects(controller.verbs.contents.put(put, ADMIN), { code });
    assert.ok(!(await controller.verbs.contents.show(DIGEST)).complete);
  });

test('wrong bytes leave nothing behind, and the right ones are taken afterwards', async (t) => {
  const world = await controllerWorld(t);
  const body = pieces(bytesOf(BYTES.length, 'other'));
  const put = { sha512: DIGEST, length: BYTES.length, offset: 0, body };
  await assert.rejects(world.controller.verbs.contents.put(put, ADMIN), { code: 'content-mismatch' });
  assert.equal(world.contentDisk.files.size, 0);
  assert.equal((await world.controller.verbs.contents.show(DIGEST)).have, 0);
  await upload(world, BYTES);
});

test('an unfinished upload with another length begins anew', async (t) => {
  const world = await controllerWorld(t);
  const put = (length: number, offset: number, body: Buffer) =>
    world.controller.verbs.contents.put({ sha512: DIGEST, length, offset, body: pieces(body) }, ADMIN);
  await put(10 * CHUNK, 0, BYTES.subarray(0, CHUNK));
  await assert.rejects(put(BYTES.length, CHUNK, BYTES.subarray(CHUNK)), { code: 'bad-request' });
  assert.ok((await put(BYTES.length, 0, BYTES)).complete);
});

test('the same digest twice is stored once, and the second upload needs no bytes', async (t) => {
  const world = await controllerWorld(t);
  const first = await upload(world, BYTES);
  const { calls } = world.contentDisk;
  assert.deepEqual(await upload(world, BYTES), first);
  assert.equal(world.contentDisk.calls, calls);
});

test('of two uploads of one digest at once the second is told to wait', async (t) => {
  const { controller } = await controllerWorld(t);
  const gate = Promise.withResolvers<void>();
  const slow = async function* () {
    yield BYTES.subarray(0, CHUNK);
    await gate.promise;
    yield BYTES.subarray(CHUNK);
  };
  const put = (body: AsyncIterable<Uint8Array>) =>
    controller.verbs.contents.put({ sha512: DIGEST, length: BYTES.length, offset: 0, body }, ADMIN);
  const first = put(slow());
  await assert.rejects(put(pieces(BYTES)), { code: 'try-later' });
  gate.resolve();
  assert.ok((await first).complete);
});

test('a disk with too little room takes no new content', async (t) => {
  const world = await controllerWorld(t);
  world.contentDisk.free = 1000;
  await assert.rejects(upload(world, BYTES), { code: 'store-full' });
  world.contentDisk.free = Number.POSITIVE_INFINITY;
  world.contentDisk.failure = Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' });
  await assert.rejects(upload(world, BYTES), { code: 'store-full' });
  await upload(world, BYTES);
});

test('content that is gone from the disk at the start is not here, and can be uploaded again under its key', async (t) => {
  const world = await controllerWorld(t);
  const first = await upload(world, BYTES);
  world.contentDisk.files.clear();
  world.contentDisk.files.set('ab'.repeat(64), Buffer.alloc(3));
  await world.restart();
  await world.clock.settle();
  assert.equal(world.contentDisk.files.size, 0, 'a file that no row knows goes');
  assert.equal((await world.controller.verbs.contents.show(DIGEST)).complete, false);
  assert.deepEqual(await upload(world, BYTES), first);
});

test('room on the disk is promised to one upload only, however many begin at once', async (t) => {
  const world = await controllerWorld(t, { keeping: { reserveBytes: 1000 } });
  const gate = Promise.withResolvers<void>();
  const slow = async function* (bytes: Buffer) {
    await gate.promise;
    yield bytes;
  };
  const put = (bytes: Buffer, body: AsyncIterable<Uint8Array> = pieces(bytes)) =>
    world.controller.verbs.contents.put(
      { sha512: digestOf(bytes), length: bytes.length, offset: 0, body },
      ADMIN,
    );
  // Enough for one and a half of them.
  world.contentDisk.free = 1000 + 3 * CHUNK;
  const [one, other] = [bytesOf(2 * CHUNK, 'one'), bytesOf(2 * CHUNK, 'other')];
  const first = put(one, slow(one));
  await assert.rejects(put(other), { code: 'store-full' });
  gate.resolve();
  assert.ok((await first).complete);
  assert.ok((await put(other)).complete);
});
