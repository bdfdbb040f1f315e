import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { unreachable } from '../../../controller/rollouts/reach.ts';
import { probeSockets } from '../../../proto/probe-socket.ts';

const REFUSED: [string, string | null][] = [
  ['169.254.169.254', '10.0.0.1'],
  ['169.254.169.254', '169.254.169.254'],
  ['::ffff:169.254.169.254', '10.0.0.1'],
  ['64:ff9b::a9fe:a9fe', '10.0.0.1'],
  ['fe80::1%eth0', '10.0.0.1'],
  ['fd00:ec2::254', null],
  ['100.100.100.200', '127.0.0.1'],
  ['168.63.129.16', '10.0.0.1'],
  ['224.0.0.1', '10.0.0.1'],
  ['127.0.0.1', '10.0.0.1'],
  ['127.0.0.1', null],
  ['::1', '10.0.0.1'],
  ['::ffff:127.0.0.1', '2001:db8::1'],
  ['0.0.0.0', '10.0.0.1'],
  ['::', '10.0.0.1'],
];
for (const [address, host] of REFUSED)
  test(`the controller does not probe ${address} for a host that came from ${host}`, () => {
    assert.match(unreachable(address, host) ?? '', /never probed|own machine/);
  });

for (const [address, host] of [
  ['10.0.0.1', '10.0.0.1'],
  ['192.168.1.5', null],
  ['2001:db8::1', '10.0.0.1'],
  ['127.0.0.1', '127.0.0.1'],
  ['::1', '::ffff:127.0.0.1'],
  ['100.64.0.1', '10.0.0.1'],
] as const)
  test(`the controller probes ${address} for a host that came from ${host}`, () => {
    assert.equal(unreachable(address, host), undefined);
  });

/** A server on loopback that says what was asked of it. */
async function server(t: { after(fn: () => unknown): void }, answer: Parameters<typeof createServer>[1]) {
  const asked: string[] = [];
  const made = createServer((request, response) => {
    asked.push(request.url ?? '');
    answer?.(request, response as never);
  });
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    made.closeAllConnections();
    made.close();
  });
  return { port: (made.address() as AddressInfo).port, asked };
}
const http = (url: string, more = {}) => ({ url, status: 0, contains: '', insecure: false, ...more });
const never = new AbortController().signal;
const refuses = (address: string) => unreachable(address, '10.0.0.1');
const allows = (address: string) => unreachable(address, '127.0.0.1');

test('no connection is made to what is refused, whatever it is called', async (t) => {
  const { port, asked } = await server(t, (_, response) => void response.end('ok'));
  for (const host of ['127.0.0.1', 'localhost', '2130706433', '0x7f.1', '0.0.0.0', '[::ffff:127.0.0.1]'])
    await assert.rejects(
      probeSockets.http(http(`http://${host}:${port}/`), never, refuses),
      /own machine/,
      host,
    );
  for (const host of ['127.0.0.1', 'localhost', '0.0.0.0', '::ffff:127.0.0.1', '2130706433'])
    await assert.rejects(probeSockets.tcp({ host, port }, never, refuses), /own machine/, host);
  assert.deepEqual(asked, []);
  await probeSockets.http(http(`http://localhost:${port}/`), never, allows);
  await probeSockets.tcp({ host: 'localhost', port }, never, allows);
  assert.deepEqual(asked, ['/']);
});

test('a redirect is an answer, and is not followed', async (t) => {
  const { port, asked } = await server(t, (_, response) => {
    response.writeHead(302, { location: `http://127.0.0.1:${port}/secret` });
    response.end();
  });
  await probeSockets.http(http(`http://127.0.0.1:${port}/`), never, allows);
  assert.deepEqual(asked, ['/']);
});

test('of an answer without end no more is read than it takes, and one that says nothing is given up', async (t) => {
  let sent = 0;
  const { port } = await server(t, (request, response) => {
    if (request.url === '/silent') return;
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(16_384, 'x'))) sent += 16_384;
    };
    response.on('drain', more);
    more();
  });
  const url = `http://127.0.0.1:${port}`;
  await assert.rejects(probeSockets.http(http(url, { contains: 'ok' }), never, allows), /first 64 KiB/);
  assert.ok(sent < 32 * 1024 * 1024, `${sent} bytes`);
  const late = new AbortController();
  const silent = probeSockets.http(http(`${url}/silent`), late.signal, allows);
  late.abort(new Error('no answer within 5 ms'));
  await assert.rejects(silent, /no answer within 5 ms/);
});
