import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, test } from 'node:test';
import { API_LIMITS } from '../../../controller/api/limits.ts';
import { virtualClock } from '../../support/virtual-clock.ts';
import { createWorld, outputEvent, requestOf, type World } from './fixture.ts';
import { openReader, type Reader } from './reader.ts';

const clock = virtualClock();
const PIECE = Buffer.alloc(64 * 1024, 'x');
let world: World;
let url: URL;
beforeEach(async () => {
  world = await createWorld({ clock });
  world.history.events = Array.from({ length: 120 }, (_, index) => outputEvent(index + 1, PIECE));
  world.history.over = false;
  url = await world.listen();
});
afterEach(() => world.close());

/** Readers that take nothing, when all that the kernel takes for them is taken. */
async function stuck(count: number): Promise<Reader[]> {
  const readers = await Promise.all(Array.from({ length: count }, () => openReader(url, { paused: true })));
  let before = -1;
  while (before !== world.history.reads) {
    before = world.history.reads;
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
  return readers;
}

test('readers that hardly read keep nobody out: the slowest gives its place to the next', async () => {
  const sockets: Socket[] = [];
  world.server.on('connection', (socket: Socket) => sockets.push(socket));
  const readers = await stuck(API_LIMITS.streams);
  const early = await world.api.app.inject(requestOf('jobs.events', 'viewer'));
  assert.equal(early.statusCode, 503, 'they may still be reading');
  await clock.advance(API_LIMITS.slowMs);
  const newcomers = await Promise.all(Array.from({ length: 4 }, () => openReader(url)));
  assert.deepEqual(
    newcomers.map(({ status }) => status),
    newcomers.map(() => 200),
  );
  await Promise.all(newcomers.map((reader) => reader.until(world.history.events.length)));
  assert.equal(sockets.filter(({ destroyed }) => destroyed).length, newcomers.length, 'as many have gone');
  for (const reader of [...readers, ...newcomers]) reader.leave();
});

test('who waits for a quiet job is not slow, however long it takes', async () => {
  world.history.events = [];
  const readers = await Promise.all(Array.from({ length: API_LIMITS.streams }, () => openReader(url)));
  await clock.advance(60_000);
  const refused = await world.api.app.inject(requestOf('jobs.events', 'viewer'));
  assert.deepEqual([refused.statusCode, refused.json().error.code], [503, 'try-later']);
  assert.ok(readers.every(({ closed }) => !closed));
  for (const reader of readers) reader.leave();
});
