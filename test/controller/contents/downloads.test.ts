import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../../proto/limits.ts';
import { ADMIN, type ControllerWorld, controllerWorld } from '../../support/controller-world.ts';
import { bytesOf, digestOf, pieces, upload } from './world.ts';

const CHUNK = LIMITS.contentChunkBytes;
const DAY_MS = 86_400_000;
const BYTES = bytesOf(5 * CHUNK + 9);

async function download({ controller, clock }: ControllerWorld, sha512: string, from = 0): Promise<Buffer> {
  const found = await controller.verbs.contents.download(sha512);
  const read: Uint8Array[] = [];
  const done = (async () => {
    for await (const piece of found.pieces(from)) read.push(piece);
  })();
  // It takes its time, which is not this test's.
  await Promise.race([done, clock.advance(1_000)]);
  await done;
  return Buffer.concat(read);
}

test('what an operator made public anybody may download, from any byte on, as it was uploaded', async (t) => {
  const world = await controllerWorld(t);
  const { sha512, length } = await upload(world, BYTES);
  const reply = await world.controller.verbs.contents.publish(sha512, DAY_MS, ADMIN);
  assert.deepEqual(reply, { sha512, length, untilMs: world.clock.now() + DAY_MS });
  for (const from of [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, length - 1])
    assert.ok((await download(world, sha512, from)).equals(BYTES.subarray(from)), `from ${from}`);
});

test('what nobody made public is not there, whether it is here or not, nor after its time', async (t) => {
  const world = await controllerWorld(t);
  const { contents } = world.controller.verbs;
  const { sha512 } = await upload(world, BYTES);
  await assert.rejects(contents.download(sha512), { code: 'not-found' });
  await assert.rejects(contents.download('00'.repeat(64)), { code: 'not-found' });
  await contents.publish(sha512, 60_000, ADMIN);
  await contents.publish(sha512, 1, ADMIN);
  await world.clock.advance(59_000);
  assert.ok(await contents.download(sha512), 'a shorter time takes nothing back');
  await world.clock.advance(2_000);
  await assert.rejects(contents.download(sha512), { code: 'not-found' });
});

test('what is not here whole cannot be made public', async (t) => {
  const world = await controllerWorld(t);
  const { contents } = world.controller.verbs;
  await assert.rejects(contents.publish(digestOf(BYTES), DAY_MS, ADMIN), { code: 'no-such-content' });
  const part = {
    sha512: digestOf(BYTES),
    length: BYTES.length,
    offset: 0,
    body: pieces(BYTES.subarray(0, CHUNK)),
  };
  await contents.put(part, ADMIN);
  await assert.rejects(contents.publish(digestOf(BYTES), DAY_MS, ADMIN), { code: 'no-such-content' });
});

test('what is public is kept as long, and pruned a week later', async (t) => {
  const world = await controllerWorld(t);
  const { sha512 } = await upload(world, BYTES);
  await world.controller.verbs.contents.publish(sha512, 20 * DAY_MS, ADMIN);
  const later = async (days: number): Promise<boolean> => {
    world.clock.stepWall(days * DAY_MS);
    await world.restart();
    await world.clock.settle();
    return world.contentDisk.files.has(sha512);
  };
  assert.ok(await later(19));
  assert.ok((await download(world, sha512)).equals(BYTES));
  assert.ok(await later(7));
  assert.ok(!(await later(2)));
});

test('a damaged one is never handed out as if it were whole, and can be uploaded again', async (t) => {
  const world = await controllerWorld(t);
  const { sha512 } = await upload(world, BYTES);
  await world.controller.verbs.contents.publish(sha512, DAY_MS, ADMIN);
  const stored = world.contentDisk.files.get(sha512);
  assert.ok(stored);
  stored[3 * CHUNK] = (stored[3 * CHUNK] ?? 0) ^ 1;
  await assert.rejects(download(world, sha512), { code: 'store-failed' });
  await assert.rejects(download(world, sha512), { code: 'not-found' });
  await upload(world, BYTES);
  assert.ok((await download(world, sha512)).equals(BYTES), 'it is as public as it was');
});

test('that something became public is in the audit log, with who did it', async (t) => {
  const world = await controllerWorld(t);
  const { sha512 } = await upload(world, BYTES);
  await world.controller.verbs.contents.publish(sha512, DAY_MS, ADMIN);
  const entries = await world.controller.verbs.audit.list({ afterSeq: 0, limit: 50 });
  const entry = entries.find(({ action }) => action === 'content.publish');
  assert.equal(entry?.actor, 'admin');
  assert.deepEqual(entry?.detail, { content: sha512, untilMs: world.clock.now() + DAY_MS });
});

test('all downloads together have a pace: strangers do not take the whole process', async (t) => {
  const world = await controllerWorld(t);
  const bytes = bytesOf(4 * 1024 * 1024);
  const { sha512 } = await upload(world, bytes);
  await world.controller.verbs.contents.publish(sha512, DAY_MS, ADMIN);
  let got = 0;
  const read = async (): Promise<void> => {
    const found = await world.controller.verbs.contents.download(sha512);
    for await (const piece of found.pieces(0)) got += piece.length;
  };
  const all = Promise.all(Array.from({ length: 8 }, read));
  await world.clock.advance(100);
  assert.ok(got > 8e6 && got < 16e6, `${got} bytes in a tenth of a second, of 128 MiB a second`);
  await world.clock.advance(1_000);
  await all;
  assert.equal(got, 8 * bytes.length);
});
