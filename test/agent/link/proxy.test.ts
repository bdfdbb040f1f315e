import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createTlsServer } from 'node:https';
import { createServer, type Server } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { WebSocketServer } from 'ws';
import { type Via, viaOf } from '../../../agent/link/proxy.ts';
import { dialVia, type Transport } from '../../../agent/link/transport.ts';
import { isExcepted } from '../../../agent/link/tunnel.ts';
import { type Certified, issueServer, makeAuthority } from '../../../certs/tls.ts';
import { type ConnectProxy, connectProxy } from '../../support/connect-proxy.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const never = new AbortController().signal;

let made: Promise<Certified> | undefined;
function certificate(): Promise<Certified> {
  const random = seededRandom('proxies');
  const now = Date.now();
  made ??= makeAuthority({ random, now, days: 1, name: 'Another authority' }).then((authority) =>
    issueServer({ random, authority, hosts: ['127.0.0.1'], now, days: 1 }),
  );
  return made;
}

/** A websocket server that sends back what comes: of ws: or, with a certificate that nobody trusts, of wss:. */
async function echo(t: TestContext, secure: boolean): Promise<{ url: string; port: number }> {
  const { certPem: cert, keyPem: key } = await certificate();
  const server = secure ? createTlsServer({ cert, key }) : undefined;
  const sockets = new WebSocketServer(server ? { server } : { host: '127.0.0.1', port: 0 });
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
  server?.listen(0, '127.0.0.1');
  await once(server ?? sockets, 'listening');
  t.after(() => {
    for (const client of sockets.clients) client.terminate();
    sockets.close();
    server?.close();
  });
  const address = (server ?? sockets).address();
  assert.ok(typeof address === 'object' && address);
  return { url: `${secure ? 'wss' : 'ws'}://controller.test:${address.port}/agent`, port: address.port };
}

const via = (proxy: Pick<ConnectProxy, 'port'>, more: Partial<Via> = {}): Via => ({
  ...{ isSecure: false, host: '127.0.0.1', port: proxy.port, credentials: undefined, except: [] },
  ...more,
});

async function echoed(transport: Transport, text: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  transport.receive({ message: (bytes) => resolve(String(Buffer.from(bytes))), closed: resolve });
  transport.send(Buffer.from(text));
  return promise;
}

describe('a link through a proxy', () => {
  for (const secure of [false, true])
    test(`goes by CONNECT to ${secure ? 'wss:' : 'ws:'} and carries whole messages both ways`, async (t) => {
      const { url, port } = await echo(t, secure);
      const proxy = await connectProxy(t);
      const transport = await dialVia(via(proxy))(url, never);
      t.after(() => transport.terminate());
      assert.deepEqual(proxy.asked, [{ to: `controller.test:${port}`, credentials: undefined }]);
      const large = 'x'.repeat(300_000);
      assert.equal(await echoed(transport, large), large);
    });

  test('tells the proxy, and nobody else, the user and the password', async (t) => {
    const { url, port } = await echo(t, false);
    const proxy = await connectProxy(t);
    proxy.credentials = 'robot:s:ecrét';
    const transport = await dialVia(via(proxy, { credentials: 'robot:s:ecrét' }))(url, never);
    t.after(() => transport.terminate());
    assert.equal(await echoed(transport, 'hello'), 'hello');
    assert.deepEqual(proxy.asked, [{ to: `controller.test:${port}`, credentials: 'robot:s:ecrét' }]);
  });

  test('speaks TLS to a proxy of https:, whose certificate has to be one that this machine trusts', async (t) => {
    const { url } = await echo(t, true);
    const { certPem: cert, keyPem: key } = await certificate();
    const proxy = await connectProxy(t, { cert, key });
    await assert.rejects(dialVia(via(proxy, { isSecure: true, credentials: 'a:b' }))(url, never), {
      code: 'unavailable',
      message: /the proxy 127\.0\.0\.1:\d+: .*certificate/,
    });
    assert.deepEqual(proxy.asked, []);
  });

  test('dials by itself what is excepted, and this machine always', async (t) => {
    const { port } = await echo(t, false);
    const proxy = await connectProxy(t);
    for (const host of ['127.0.0.1', 'localhost']) {
      const transport = await dialVia(via(proxy))(`ws://${host}:${port}/agent`, never);
      t.after(() => transport.terminate());
      assert.equal(await echoed(transport, 'hello'), 'hello');
    }
    const excepted = dialVia(via(proxy, { except: ['.test'] }))('ws://controller.test:9/agent', never);
    await assert.rejects(excepted, { code: 'unavailable' });
    assert.deepEqual(proxy.asked, []);
  });

  test('ends at once when the proxy does, with a reason', async (t) => {
    const { url } = await echo(t, true);
    const proxy = await connectProxy(t);
    const transport = await dialVia(via(proxy))(url, never);
    const { promise: closed, resolve } = Promise.withResolvers<string>();
    transport.receive({ message: () => {}, closed: resolve });
    proxy.cut();
    assert.notEqual(await closed, '');
  });

  test('can be cut where the proxy has stopped passing anything on', async (t) => {
    const { url } = await echo(t, true);
    const proxy = await connectProxy(t);
    const transport = await dialVia(via(proxy))(url, never);
    const { promise: closed, resolve } = Promise.withResolvers<string>();
    transport.receive({ message: () => {}, closed: resolve });
    proxy.stall();
    transport.send(Buffer.from('into the void'));
    transport.terminate();
    await closed;
  });

  for (const [status, says] of [
    [407, /wants a user and a password \(407\); see --proxy-auth-file/],
    [403, /does not allow connections to controller\.test:9 \(403\)/],
    [502, /does not reach controller\.test:9 \(502\)/],
    [504, /does not reach controller\.test:9 \(504\)/],
    [400, /does not connect to controller\.test:9 \(400\)/],
  ] as const)
    test(`says what a proxy that answers ${status} did`, async (t) => {
      const proxy = await connectProxy(t);
      proxy.answer = { status };
      await assert.rejects(dialVia(via(proxy))('wss://controller.test:9/agent', never), {
        code: 'unavailable',
        message: says,
      });
    });

  test('says that the credentials are not taken, and does not repeat them', async (t) => {
    const proxy = await connectProxy(t);
    proxy.credentials = 'robot:right';
    const dialled = dialVia(via(proxy, { credentials: 'robot:wrong' }))(
      'wss://controller.test:9/agent',
      never,
    );
    await assert.rejects(dialled, (error: Error) => {
      assert.match(error.message, /does not take the user and the password that it was given \(407\)/);
      assert.doesNotMatch(error.message, /robot|wrong|cm9ib3Q/);
      return true;
    });
  });

  test('says that the proxy itself is not there, or is none', async (t) => {
    const nothing = createServer();
    await listening(nothing);
    const { port } = nothing.address() as { port: number };
    nothing.close();
    await once(nothing, 'close');
    const dial = dialVia(via({ port }));
    await assert.rejects(dial('wss://controller.test:9/agent', never), {
      code: 'unavailable',
      message: new RegExp(`the proxy 127\\.0\\.0\\.1:${port}: .*ECONNREFUSED`),
    });
    const other = createServer((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
    await listening(other);
    t.after(() => other.close());
    const at = other.address() as { port: number };
    await assert.rejects(dialVia(via(at))('wss://controller.test:9/agent', never), {
      code: 'unavailable',
      message: /the proxy .*Parse Error/,
    });
  });

  test('is given up when it is told to stop while the proxy is silent', async (t) => {
    const proxy = await connectProxy(t);
    proxy.mute = true;
    const stop = new AbortController();
    const dialled = dialVia(via(proxy))('wss://controller.test:9/agent', stop.signal);
    dialled.catch(() => {});
    await new Promise<void>((resolve) => {
      const look = (): unknown => (proxy.asked.length > 0 ? resolve() : setImmediate(look));
      look();
    });
    stop.abort(new Error('stopped'));
    await assert.rejects(dialled, /stopped/);
  });
});

async function listening(server: Server): Promise<void> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
}

describe('a proxy as it is configured', () => {
  const settings = { proxy: 'http://proxy.test:3128', proxyAuthFile: '', direct: '' };
  const none = (): undefined => undefined;

  test('is read from its URL, also without a scheme or a port', () => {
    const read = (proxy: string) => viaOf({ ...settings, proxy }, none);
    assert.equal(read(''), undefined);
    assert.deepEqual(read('http://proxy.test:3128'), {
      ...{ isSecure: false, host: 'proxy.test', port: 3128, credentials: undefined, except: [] },
    });
    assert.deepEqual(read('proxy.test:3128'), read('http://proxy.test:3128'));
    assert.equal(read('https://proxy.test')?.port, 443);
    assert.equal(read('http://proxy.test')?.port, 80);
    assert.equal(read('http://[::1]:3128')?.host, '::1');
    assert.equal(read('http://a%40b:p%3Aw@proxy.test')?.credentials, 'a@b:p:w');
  });

  test('has its credentials from a file where one is named', () => {
    const read = (text: string | undefined) =>
      viaOf({ ...settings, proxy: 'http://x:y@proxy.test', proxyAuthFile: '/auth' }, () => text);
    assert.equal(read('robot:pa:ss\n')?.credentials, 'robot:pa:ss');
    for (const wrong of ['', 'robot', ':x', 'robot:x\nmore', undefined])
      assert.throws(() => read(wrong), { code: 'bad-request', message: /\/auth has not one line/ });
  });

  test('leaves out what NO_PROXY means', () => {
    const at = (host: string, port: number, ...except: string[]) => isExcepted({ host, port }, except);
    assert.ok(at('controller.test', 7443, '*'));
    assert.ok(at('controller.test', 7443, 'other.test', 'CONTROLLER.test'));
    assert.ok(at('a.b.test', 7443, 'b.test'));
    assert.ok(at('a.b.test', 7443, '.b.test'));
    assert.ok(at('a.b.test', 7443, '*.b.test'));
    assert.ok(at('controller.test.', 7443, 'controller.test:7443'));
    assert.ok(!at('controller.test', 7443, 'controller.test:443'));
    assert.ok(!at('notb.test', 7443, 'b.test'));
    assert.ok(!at('controller.test', 7443, '', '.', 'test.controller'));
    assert.ok(at('10.1.2.3', 7443, '10.0.0.0/8'));
    assert.ok(at('10.1.2.3', 7443, '10.1.2.3'));
    assert.ok(!at('10.1.2.3', 7443, '10.1.2.0/33', '10.2.0.0/16', '1.2.3', '10.1.2.0/x'));
    assert.ok(at('fd00::1', 7443, 'fd00::/8'));
    assert.ok(at('fd00::1', 7443, '[fd00::1]:7443'));
    assert.ok(!at('fd00::1', 7443, '[fd00::1]:443', '10.0.0.0/8'));
    for (const own of ['localhost', 'a.localhost', '127.9.9.9', '::1']) assert.ok(at(own, 7443), own);
  });
});
