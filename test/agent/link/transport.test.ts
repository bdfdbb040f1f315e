import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createTlsServer } from 'node:https';
import { createServer, type Server } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { type WebSocket, WebSocketServer } from 'ws';
import { dialWebSocket, type Transport } from '../../../agent/link/transport.ts';
import { issueServer, makeAuthority } from '../../../certs/tls.ts';
import { LIMITS } from '../../../proto/limits.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const never = new AbortController().signal;

async function server(t: TestContext): Promise<{ url: string; sockets: WebSocketServer }> {
  const sockets = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(sockets, 'listening');
  t.after(() => {
    for (const client of sockets.clients) client.terminate();
    sockets.close();
  });
  const address = sockets.address();
  assert.ok(typeof address === 'object' && address);
  return { url: `ws://127.0.0.1:${address.port}/agent`, sockets };
}

async function connected(
  t: TestContext,
): Promise<{ transport: Transport; far: WebSocket; request: { headers: object } }> {
  const { url, sockets } = await server(t);
  const coming = once(sockets, 'connection') as Promise<[WebSocket, { headers: object }]>;
  const transport = await dialWebSocket(url, never);
  const [far, request] = await coming;
  return { transport, far, request };
}

function received(transport: Transport): {
  messages: Buffer[];
  closed: Promise<string>;
  message(): Promise<void>;
} {
  const messages: Buffer[] = [];
  const { promise: closed, resolve } = Promise.withResolvers<string>();
  let wake = (): void => {};
  transport.receive({
    message(bytes) {
      messages.push(Buffer.from(bytes));
      wake();
    },
    closed: resolve,
  });
  return {
    messages,
    closed,
    message: () =>
      new Promise((done) => {
        wake = done;
      }),
  };
}

describe('the websocket transport', () => {
  it('carries whole binary messages both ways, without compression or an origin', async (t) => {
    const { transport, far, request } = await connected(t);
    const taken = received(transport);
    assert.equal('origin' in request.headers, false);
    assert.equal('sec-websocket-extensions' in request.headers, false);
    transport.send(Buffer.from('up'));
    const [data, isBinary] = await once(far, 'message');
    assert.deepEqual([String(data), isBinary], ['up', true]);
    const coming = taken.message();
    far.send(Buffer.from('down'));
    await coming;
    assert.deepEqual(taken.messages.map(String), ['down']);
  });

  it('keeps what comes before somebody takes it, also a close', async (t) => {
    const { transport, far } = await connected(t);
    await new Promise((resolve) => far.send(Buffer.from('early'), resolve));
    far.close(1000, 'bye');
    // What is here already would be told now.
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
    const taken = received(transport);
    assert.equal(await taken.closed, '1000 bye');
    assert.deepEqual(taken.messages.map(String), ['early']);
  });

  it('ends at a text message', async (t) => {
    const { transport, far } = await connected(t);
    const taken = received(transport);
    far.send('text');
    assert.equal(await taken.closed, 'a text message');
    assert.deepEqual(taken.messages, []);
  });

  it('ends at a message that is larger than a sealed frame', async (t) => {
    const { transport, far } = await connected(t);
    const taken = received(transport);
    const coming = taken.message();
    far.send(Buffer.alloc(LIMITS.frameBytes + 16));
    await coming;
    far.send(Buffer.alloc(LIMITS.frameBytes + 17));
    assert.match(await taken.closed, /size/i);
    assert.equal(taken.messages.length, 1);
  });

  it('tells that it closed, whichever side did, and takes no more', async (t) => {
    const { transport, far } = await connected(t);
    const taken = received(transport);
    const gone = once(far, 'close');
    transport.close();
    assert.match(await taken.closed, /1000|1005/);
    await gone;
    transport.send(Buffer.from('late'));
    const other = await connected(t);
    const cut = received(other.transport);
    other.far.terminate();
    assert.match(await cut.closed, /1006/);
  });

  it('says how much waits in the socket', async (t) => {
    const { transport, far } = await connected(t);
    far.pause();
    for (let i = 0; i < 16; i++) transport.send(Buffer.alloc(1 << 20));
    assert.ok(transport.bufferedAmount > 1 << 20);
    transport.terminate();
  });

  it('does not wait for a far end that never agrees to a close', async (t) => {
    const { transport, far } = await connected(t);
    far.pause();
    const taken = received(transport);
    const begin = performance.now();
    transport.close();
    await taken.closed;
    assert.ok(performance.now() - begin < 5_000);
  });
});

describe('a transport over TLS', () => {
  it('takes whatever certificate there is: the handshake inside proves the controller', async (t) => {
    const random = seededRandom('tls');
    const now = Date.now();
    const authority = await makeAuthority({ random, now, days: 1, name: 'nobody we know' });
    const made = await issueServer({ random, authority, hosts: ['another.test'], now, days: 1 });
    const https = createTlsServer({ cert: made.certPem, key: made.keyPem }).listen(0, '127.0.0.1');
    await once(https, 'listening');
    const sockets = new WebSocketServer({ server: https });
    t.after(() => {
      for (const client of sockets.clients) client.terminate();
      https.close();
    });
    const address = https.address();
    assert.ok(typeof address === 'object' && address);
    const coming = once(sockets, 'connection');
    const transport = await dialWebSocket(`wss://127.0.0.1:${address.port}/agent`, never);
    const [far] = (await coming) as [WebSocket];
    const taken = once(far, 'message');
    transport.send(Buffer.from('up'));
    assert.equal(String((await taken)[0]), 'up');
    transport.terminate();
  });
});

describe('dialling', () => {
  async function deaf(t: TestContext): Promise<{ port: number; server: Server }> {
    const server = createServer(() => {}).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(typeof address === 'object' && address);
    t.after(() => server.close());
    return { port: address.port, server };
  }

  it('fails as unavailable where nobody listens', async (t) => {
    const { port, server } = await deaf(t);
    server.close();
    await once(server, 'close');
    await assert.rejects(dialWebSocket(`ws://127.0.0.1:${port}/agent`, never), {
      code: 'unavailable',
      message: /ECONNREFUSED/,
    });
  });

  it('fails as unavailable where something else answers', async (t) => {
    const { url, sockets } = await server(t);
    sockets.shouldHandle = () => false;
    await assert.rejects(dialWebSocket(url, never), { code: 'unavailable', message: /400/ });
  });

  it('can be given up', async (t) => {
    const { port } = await deaf(t);
    const giveUp = new AbortController();
    const dialling = dialWebSocket(`ws://127.0.0.1:${port}/agent`, giveUp.signal);
    giveUp.abort(new Error('enough'));
    await assert.rejects(dialling, /enough/);
    await assert.rejects(dialWebSocket(`ws://127.0.0.1:${port}/agent`, giveUp.signal), /enough/);
  });
});
