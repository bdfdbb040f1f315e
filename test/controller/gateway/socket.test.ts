import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { SERVER_OPTIONS } from '../../../controller/api/limits.ts';
import { AGENT_PATH, openDoor, type Socket } from '../../../controller/gateway/socket.ts';
import { LIMITS } from '../../../proto/limits.ts';

interface Open {
  url: string;
  port: number;
  sockets: Socket[];
  next(): Promise<Socket>;
  connections(): Promise<number>;
}

async function open(t: { after(fn: () => unknown): void }): Promise<Open> {
  const server: Server = createServer(SERVER_OPTIONS, (_, response) => response.writeHead(404).end());
  const sockets: Socket[] = [];
  let arrived: ((socket: Socket) => void) | undefined;
  const door = openDoor(server, (socket) => {
    sockets.push(socket);
    arrived?.(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    door.close();
    server.closeAllConnections();
    // What was upgraded is no connection of the server's any more, yet it waits for it to end.
    for (const socket of sockets) socket.terminate();
    return new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `ws://127.0.0.1:${port}${AGENT_PATH}`,
    port,
    sockets,
    connections: () =>
      new Promise((resolve, reject) =>
        server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
      ),
    next: () =>
      new Promise((resolve) => {
        arrived = resolve;
      }),
  };
}

async function dial(t: { after(fn: () => unknown): void }, world: Open): Promise<[WebSocket, Socket]> {
  const arriving = world.next();
  const client = new WebSocket(world.url, { perMessageDeflate: true });
  client.on('error', () => {});
  t.after(() => client.terminate());
  const [socket] = await Promise.all([arriving, once(client, 'open')]);
  return [client, socket];
}

const messageOn = (socket: Socket): Promise<Uint8Array | undefined> =>
  new Promise((resolve) => {
    socket.onMessage = resolve;
  });
const closeOf = (client: WebSocket): Promise<number> =>
  new Promise((resolve) => client.once('close', (code) => resolve(code)));

test('bytes go both ways, uncompressed even when the other side offers to', async (t) => {
  const world = await open(t);
  const [client, socket] = await dial(t, world);
  assert.equal(client.extensions, '');
  const arriving = messageOn(socket);
  client.send(Buffer.from([1, 2, 3]));
  assert.deepEqual(Buffer.from((await arriving) ?? []), Buffer.from([1, 2, 3]));
  const answered = once(client, 'message');
  socket.send(new Uint8Array([9]));
  assert.deepEqual((await answered)[0], Buffer.from([9]));
});

test('a text message is told apart from bytes', async (t) => {
  const world = await open(t);
  const [client, socket] = await dial(t, world);
  const arriving = messageOn(socket);
  client.send('hello');
  assert.equal(await arriving, undefined);
});

async function refusalOf(world: Open, path: string, headers: Record<string, string>): Promise<number> {
  const client = new WebSocket(`ws://127.0.0.1:${world.port}${path}`, { headers });
  const [, response] = (await once(client, 'unexpected-response')) as [unknown, { statusCode: number }];
  client.on('error', () => {});
  client.terminate();
  return response.statusCode;
}

test('a page of a browser and another path are refused before there is a websocket', async (t) => {
  const world = await open(t);
  assert.equal(await refusalOf(world, AGENT_PATH, { Origin: 'https://evil.example' }), 403);
  assert.equal(await refusalOf(world, '/other', {}), 404);
  assert.equal(world.sockets.length, 0);
});

test('a stranger is cut off before a large message of his is put together, in one frame or many', async (t) => {
  const world = await open(t);
  for (const pieces of [1, 16]) {
    const [client, socket] = await dial(t, world);
    const arrived = messageOn(socket);
    const closed = closeOf(client);
    for (let piece = 1; piece <= pieces; piece++)
      client.send(Buffer.alloc((256 * 1024) / pieces), { fin: piece === pieces });
    assert.equal(await Promise.race([closed, arrived]), 1006);
  }
});

test('what a stranger needs to prove himself and to enrol fits, and a session may send what it likes', async (t) => {
  const world = await open(t);
  const [client, socket] = await dial(t, world);
  for (const bytes of [LIMITS.preProofBytes, LIMITS.preProofBytes]) {
    const arrived = messageOn(socket);
    client.send(Buffer.alloc(bytes));
    assert.equal((await arrived)?.length, bytes);
  }
  socket.trust();
  const arrived = messageOn(socket);
  client.send(Buffer.alloc(LIMITS.frameBytes));
  assert.equal((await arrived)?.length, LIMITS.frameBytes);
});

test('a frame past the cap closes the socket, and is never handed on', async (t) => {
  const world = await open(t);
  const [client, socket] = await dial(t, world);
  socket.trust();
  let got = 0;
  socket.onMessage = () => {
    got += 1;
  };
  const closed = closeOf(client);
  client.send(Buffer.alloc(LIMITS.frameBytes + 1_000));
  await closed;
  assert.equal(got, 0);
});

test('fragments without end are cut off at the cap', async (t) => {
  const world = await open(t);
  const [client, socket] = await dial(t, world);
  socket.trust();
  let got = 0;
  socket.onMessage = () => {
    got += 1;
  };
  const closed = closeOf(client);
  for (let sent = 0; sent <= LIMITS.frameBytes + 64 * 1024; sent += 64 * 1024)
    client.send(Buffer.alloc(64 * 1024), { fin: false });
  await closed;
  assert.equal(got, 0);
});

test('a flood of pings is not answered', async (t) => {
  const world = await open(t);
  const [client, socket] = await dial(t, world);
  let pongs = 0;
  client.on('pong', () => {
    pongs += 1;
  });
  for (let i = 0; i < 1_000; i++) client.ping();
  const arriving = messageOn(socket);
  client.send(Buffer.from([1]));
  await arriving;
  const answered = once(client, 'message');
  socket.send(new Uint8Array([1]));
  await answered;
  assert.equal(pongs, 0);
});

/** What a raw connection is answered with until it is closed. */
async function raw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.on('data', (data: Buffer) => {
    answer += data.toString('latin1');
  });
  socket.on('error', () => {});
  socket.write(text);
  await once(socket, 'close');
  return answer;
}

const UPGRADE = `GET ${AGENT_PATH} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n`;

// Shorter than the wait for the other side's goodbye.
const AT_ONCE = { timeout: 2_000 };

test('a stranger who is turned away reads why, and is gone without saying goodbye', AT_ONCE, async (t) => {
  const world = await open(t);
  const arriving = world.next();
  const key = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n';
  const answer = raw(world.port, `${UPGRADE}${key}`);
  const socket = await arriving;
  const closed = new Promise<void>((resolve) => {
    socket.onClose = resolve;
  });
  socket.send(Buffer.from('the refusal'));
  socket.close(1008, 'try-later');
  await closed;
  assert.match(await answer, /the refusal.*try-later$/s);
});

test(
  'a refused upgrade leaves no connection behind, though the other side keeps its end open',
  AT_ONCE,
  async (t) => {
    const world = await open(t);
    const client = connect({ port: world.port, host: '127.0.0.1', allowHalfOpen: true });
    client.on('error', () => {});
    t.after(() => client.destroy());
    client.write(UPGRADE.replace(AGENT_PATH, '/other').concat('\r\n'));
    client.resume();
    await once(client, 'end');
    while ((await world.connections()) > 0) await new Promise((resolve) => setImmediate(resolve));
  },
);

const BROKEN: [string, string, RegExp][] = [
  ['no key', `${UPGRADE}Sec-WebSocket-Version: 13\r\n\r\n`, /^HTTP\/1.1 400/],
  [
    'another version',
    `${UPGRADE}Sec-WebSocket-Version: 7\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
    /^HTTP\/1.1 4\d\d/,
  ],
  [
    '2,000 headers',
    `${UPGRADE}${Array.from({ length: 2_000 }, (_, i) => `X-${i}: 1\r\n`).join('')}\r\n`,
    /^HTTP\/1.1 431/,
  ],
  ['no HTTP at all', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', /^HTTP\/1.1 400/],
];

for (const [what, text, answer] of BROKEN) {
  test(`an upgrade with ${what} is refused, and the door stays open for others`, async (t) => {
    const world = await open(t);
    assert.match(await raw(world.port, text), answer);
    assert.equal(world.sockets.length, 0);
    await dial(t, world);
  });
}
