import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, test } from 'node:test';
import { API_LIMITS } from '../../../controller/api/limits.ts';
import { MusterError } from '../../../proto/errors.ts';
import { virtualClock } from '../../support/virtual-clock.ts';
import { createWorld, requestOf, type World } from './fixture.ts';

const LENGTH = 40 * 1024 * 1024;
const PIECE = Buffer.alloc(128 * 1024, 'x');
const clock = virtualClock();
let world: World;
let url: URL;
const sockets: Socket[] = [];

beforeEach(async () => {
  world = await createWorld({ clock });
  world.verbs.contents.download = async (sha512) => {
    if (sha512 === '00'.repeat(64)) throw new MusterError('not-found');
    return {
      length: LENGTH,
      async *pieces(from) {
        for (let at = from; at < LENGTH; at += PIECE.length) yield PIECE.subarray(0, LENGTH - at);
      },
    };
  };
  url = await world.listen();
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await world.close();
});

const get = (sha512 = 'ab'.repeat(64), headers = {}): Promise<Response> =>
  fetch(new URL(`/install/builds/${sha512}`, url), { headers });

/** Asks for a build and reads nothing. */
async function stuck(): Promise<Socket> {
  const socket = connect(Number(url.port), url.hostname);
  sockets.push(socket.on('error', () => {}));
  await once(socket, 'connect');
  socket.pause();
  socket.write(`GET /install/builds/${'ab'.repeat(64)} HTTP/1.1\r\nhost: x\r\n\r\n`);
  return socket;
}

test('a build comes with its length to whoever asks, without a token', async () => {
  const reply = await get();
  assert.equal(reply.status, 200);
  assert.equal(reply.headers.get('content-length'), String(LENGTH));
  assert.equal((await reply.arrayBuffer()).byteLength, LENGTH);
});

test('who was cut goes on where it was', async () => {
  const reply = await get(undefined, { range: `bytes=${LENGTH - 5}-` });
  assert.equal(reply.status, 206);
  assert.equal(reply.headers.get('content-range'), `bytes ${LENGTH - 5}-${LENGTH - 1}/${LENGTH}`);
  assert.equal(await reply.text(), 'xxxxx');
});

for (const range of [
  `bytes=${LENGTH}-`,
  'bytes=0-5',
  'bytes=-5',
  'bytes=1-2,4-5',
  'bytes=99999999999999999-',
  'x',
])
  test(`all of it is sent where the range is none of a download that goes on: ${range}`, async () => {
    const reply = await get(undefined, { range });
    assert.equal(reply.status, 200);
    assert.equal((await reply.arrayBuffer()).byteLength, LENGTH);
  });

test('what is not public is not found, and what is no digest is refused at the door', async () => {
  const missing = await get('00'.repeat(64));
  assert.equal(missing.status, 404);
  await missing.arrayBuffer();
  const wrong = await get('..%2f..%2fetc');
  assert.equal(wrong.status, 400);
  await wrong.arrayBuffer();
});

test('strangers who do not read keep neither operators nor machines out', async () => {
  await Promise.all(Array.from({ length: API_LIMITS.downloads }, stuck));
  const full = await untilRefused();
  assert.equal(full, 503);
  const operator = await world.api.app.inject(requestOf('jobs.output', 'viewer'));
  assert.equal(operator.statusCode, 200);
  await clock.advance(API_LIMITS.slowMs);
  const machine = await get();
  assert.equal(machine.status, 200);
  assert.equal((await machine.arrayBuffer()).byteLength, LENGTH);
});

/** As soon as all places are taken. */
async function untilRefused(): Promise<number> {
  for (let tries = 0; tries < 100; tries += 1) {
    const reply = await get();
    if (reply.status !== 200) return reply.status;
    await reply.body?.cancel();
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error('never refused');
}
