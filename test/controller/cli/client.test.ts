import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createClient, wasCut } from '../../../controller/cli/client.ts';
import type { Context } from '../../../controller/cli/context.ts';
import { explain } from '../../../controller/cli/failure.ts';
import { isOwnAuthority, parseFingerprint } from '../../../controller/cli/pinning.ts';
import { connectionError, replyError } from '../../../controller/cli/reply-error.ts';
import { MusterError } from '../../../proto/errors.ts';
import { fakeApi, TOKEN, testAuthorities } from './fake-api.ts';

const handlers = { whoami: () => ({ name: 'kim', role: 'admin' as const }) };

async function whoami(t: TestContext, context: Omit<Context, 'token'>) {
  const client = createClient({ ...context, token: TOKEN });
  t.after(() => client.close());
  return client.call('whoami', {});
}

const refusal =
  (message: RegExp, exit = 5) =>
  (error: unknown) => {
    const failure = explain(error);
    assert.match(`${failure.message}\n${failure.next ?? ''}`, message);
    assert.equal(failure.exit, exit);
    return true;
  };

test("a controller's own authority is enough, whatever name it is reached by", async (t) => {
  const api = await fakeApi(t, handlers, { hosts: ['controller.example.net'] });
  assert.deepEqual(await whoami(t, { url: api.url, ca: api.authority.certPem }), {
    name: 'kim',
    role: 'admin',
  });
});

test('a server that the pinned authority did not sign is refused, even for the right name', async (t) => {
  const { own, foreign } = await testAuthorities();
  const api = await fakeApi(t, handlers, { authority: foreign });
  await assert.rejects(
    whoami(t, { url: api.url, ca: own.certPem }),
    refusal(/not the pinned controller's[\s\S]*"muster login URL" again/),
  );
  assert.equal(api.calls.length, 0, 'the token was not sent');
});

test("with another's authority pinned the host's name counts", async (t) => {
  const { foreign } = await testAuthorities();
  const right = await fakeApi(t, handlers, { authority: foreign });
  assert.deepEqual(await whoami(t, { url: right.url, ca: foreign.certPem }), { name: 'kim', role: 'admin' });
  const other = await fakeApi(t, handlers, { authority: foreign, hosts: ['intranet.example.net'] });
  await assert.rejects(
    whoami(t, { url: other.url, ca: foreign.certPem }),
    refusal(/ERR_TLS_CERT_ALTNAME_INVALID/),
  );
  assert.equal(other.calls.length, 0, 'the token was not sent');
});

test('with nothing pinned a self-made authority is refused', async (t) => {
  const api = await fakeApi(t, handlers);
  await assert.rejects(whoami(t, { url: api.url }), refusal(/not the pinned controller's/));
});

test('only a self-signed authority of a controller counts as its own', async () => {
  const { own, foreign } = await testAuthorities();
  assert.equal(isOwnAuthority(own.certPem), true);
  assert.equal(isOwnAuthority(foreign.certPem), false);
  assert.equal(isOwnAuthority('nonsense'), false);
});

test('calls share one kept connection', async (t) => {
  const api = await fakeApi(t, handlers);
  const client = createClient({ url: api.url, ca: api.authority.certPem, token: TOKEN });
  t.after(() => client.close());
  for (let i = 0; i < 5; i += 1) await client.call('whoami', {});
  assert.equal(api.connections(), 1);
});

test('a kept connection that was closed meanwhile is replaced', async (t) => {
  const api = await fakeApi(t, handlers);
  const client = createClient({ url: api.url, ca: api.authority.certPem, token: TOKEN });
  t.after(() => client.close());
  await client.call('whoami', {});
  api.cut();
  assert.equal((await client.call('whoami', {})).name, 'kim');
});

test('a change whose answer was lost is not sent again by itself', async (t) => {
  const api = await fakeApi(t, {
    'tokens.revoke': ({ reply }) => {
      reply.socket?.destroy();
      return { ok: true as const };
    },
  });
  const client = createClient({ url: api.url, ca: api.authority.certPem, token: TOKEN });
  t.after(() => client.close());
  await assert.rejects(client.call('tokens.revoke', { params: { id: 'x' } }), refusal(/cut the connection/));
  assert.equal(api.calls.length, 1);
});

test('nobody listens: the URL, and what to do', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  await assert.rejects(
    whoami(t, { url: `https://127.0.0.1:${port}` }),
    refusal(
      new RegExp(
        `not reachable: https://127.0.0.1:${port} refuses the connection\nis it running\\? "muster serve"`,
      ),
    ),
  );
});

test('a port that speaks no TLS is named as that', async (t) => {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.end('SSH-2.0-OpenSSH_9.2\r\n');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as { port: number };
  await assert.rejects(
    whoami(t, { url: `https://127.0.0.1:${port}` }),
    refusal(/does not speak TLS as it should[\s\S]*check the port/),
  );
});

const body = (value: unknown): Buffer =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));

test('what the controller refuses keeps its code, sentence and detail', () => {
  const error = replyError(
    404,
    body({ error: { code: 'no-such-agent', message: 'x', detail: 'web-7', retryable: false } }),
    'https://c',
  );
  assert.ok(error instanceof MusterError && error.code === 'no-such-agent');
  const { message, next, exit } = explain(error);
  assert.deepEqual(
    [message, next, exit],
    ['no agent has this name or id: web-7', 'see who there is with "muster agents"', 2],
  );
});

test("a newer controller's code is shown in its own words", () => {
  const error = replyError(
    409,
    body({ error: { code: 'moon-phase', message: 'the moon is wrong', retryable: false } }),
    'https://c',
  );
  assert.equal(explain(error).message, 'the moon is wrong');
});

test('the request behind an internal error is named', () => {
  const error = replyError(
    500,
    body({ error: { code: 'internal', message: 'x', requestId: 'req-9', retryable: false } }),
    'https://c',
  );
  assert.match(explain(error).message, /its log has the detail: request req-9/);
});

test("a load balancer's page is not taken for a controller's answer", () => {
  assert.match(
    explain(replyError(502, body('<html>'), 'https://c')).message,
    /not reachable: https:\/\/c answers HTTP 502/,
  );
  assert.match(
    explain(replyError(200, body('<html>'), 'https://c')).message,
    /does not answer like a Muster controller/,
  );
  assert.match(
    explain(replyError(404, body('null'), 'https://c')).message,
    /does not answer like a Muster controller/,
  );
});

test('every way in which a connection fails is a sentence with the URL in it', () => {
  for (const code of [
    'ECONNREFUSED',
    'ECONNRESET',
    'ENOTFOUND',
    'EHOSTUNREACH',
    'CERT_HAS_EXPIRED',
    'EPROTO',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'EWHATEVER',
    '',
  ]) {
    const failure = explain(connectionError(Object.assign(new Error('raw'), { code }), 'https://c:7443'));
    assert.match(failure.message, /https:\/\/c:7443 /, code);
    assert.equal(failure.exit, 5);
  }
});

test('a fingerprint is read as openssl, browsers and people write it', () => {
  const colons = Array.from({ length: 32 }, (_, i) =>
    (i * 7).toString(16).padStart(2, '0').toUpperCase(),
  ).join(':');
  for (const text of [
    colons,
    colons.toLowerCase(),
    colons.replaceAll(':', ''),
    `sha256:${colons.replaceAll(':', '')}`,
    `SHA256=${colons}`,
    `sha256 Fingerprint=${colons}`,
    ` ${colons.replaceAll(':', ' ')} `,
  ])
    assert.equal(parseFingerprint(text), colons, text);
  for (const text of ['', colons.slice(3), `${colons}:00`, colons.replace('0', 'g')])
    assert.equal(parseFingerprint(text), undefined, text);
});

test('a controller that is silent is given up, before and after it has shown its certificate', async (t) => {
  const sockets: Socket[] = [];
  const mute = createServer((socket) => void sockets.push(socket));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    mute.close();
  });
  mute.listen(0, '127.0.0.1');
  await once(mute, 'listening');
  const { port } = mute.address() as AddressInfo;
  const patience = { connectMs: 50, silentMs: 60_000, streamSilentMs: 60_000 };
  const unheard = createClient({ url: `https://127.0.0.1:${port}` }, patience);
  t.after(() => unheard.close());
  await assert.rejects(unheard.call('whoami', {}), refusal(/does not answer/));

  const api = await fakeApi(t, { whoami: () => new Promise<never>(() => {}) });
  const { url, authority } = api;
  const context = { url, ca: authority.certPem, token: TOKEN };
  const unanswered = createClient(context, { ...patience, connectMs: 60_000, silentMs: 200 });
  t.after(() => unanswered.close());
  await assert.rejects(unanswered.call('whoami', {}), (error) => {
    assert.ok(wasCut(error), 'it may have been taken');
    return refusal(/does not answer/)(error);
  });
  // What can do no harm is asked once more.
  assert.equal(api.calls.length, 2);
});
