import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseUrl, readContext } from '../../../controller/cli/context.ts';
import { Failure } from '../../../controller/cli/failure.ts';
import { homeOf } from '../../../controller/cli/home.ts';
import { testHome } from './fake-api.ts';
import { fakeTerminal } from './fake-terminal.ts';

const stored = { url: 'https://127.0.0.1:7443', ca: 'PEM', token: 'stored' };

test('the context is that of MUSTER_HOME', async (t) => {
  const home = await testHome(t);
  await writeFile(join(home, 'context.json'), JSON.stringify(stored));
  assert.deepEqual(await readContext(fakeTerminal({ home })), stored);
});

test('the environment overrides each part of it', async (t) => {
  const home = await testHome(t);
  await writeFile(join(home, 'context.json'), JSON.stringify(stored));
  await writeFile(join(home, 'token'), 'other\n');
  await writeFile(join(home, 'ca'), 'OTHER PEM');
  const env = (more: Record<string, string>) => readContext(fakeTerminal({ home, env: more }));
  assert.deepEqual(await env({ MUSTER_URL: 'https://c:1' }), { ...stored, url: 'https://c:1' });
  assert.deepEqual(await env({ MUSTER_TOKEN_FILE: join(home, 'token') }), { ...stored, token: 'other' });
  assert.deepEqual(await env({ MUSTER_CA_FILE: join(home, 'ca') }), { ...stored, ca: 'OTHER PEM' });
});

test('with all of it in the environment no file is needed', async (t) => {
  const home = await testHome(t);
  await writeFile(join(home, 'token'), 'other\n');
  const env = { MUSTER_URL: 'https://c:1', MUSTER_TOKEN_FILE: join(home, 'token') };
  assert.deepEqual(await readContext(fakeTerminal({ home, env })), { url: 'https://c:1', token: 'other' });
});

test('without a pinned authority a stored token goes to no other controller', async (t) => {
  const home = await testHome(t);
  await writeFile(join(home, 'context.json'), JSON.stringify({ url: stored.url, token: 'stored' }));
  const other = fakeTerminal({ home, env: { MUSTER_URL: 'https://elsewhere:7443' } });
  await assert.rejects(readContext(other), /names another controller.*whose token it shall not get/);
});

test('what is not there, not JSON or lacks something is said with the file and what to do', async (t) => {
  const home = await testHome(t);
  const read = () => readContext(fakeTerminal({ home }));
  await assert.rejects(
    read(),
    (error) =>
      error instanceof Failure &&
      error.exit === 5 &&
      error.message.includes(`${home}/context.json is not there`),
  );
  for (const text of [
    '',
    '{',
    'null',
    '[]',
    '{"url":"https://c"}',
    '{"url":1,"token":"x"}',
    '{"url":"https://c","token":"x","ca":1}',
  ]) {
    await writeFile(join(home, 'context.json'), text);
    await assert.rejects(
      read(),
      (error) => error instanceof Failure && error.exit === 5 && /login/.test(error.next ?? ''),
      text,
    );
  }
});

test('a token that would break a header is refused', async (t) => {
  const home = await testHome(t);
  for (const token of ['', 'a b', 'a\nX: y', 'ü']) {
    await writeFile(join(home, 'context.json'), JSON.stringify({ ...stored, token }));
    await assert.rejects(readContext(fakeTerminal({ home })), /holds no API token/);
  }
});

test('URLs are https, a host and a port', () => {
  const table: [string, string][] = [
    ['https://c:7443', 'https://c:7443'],
    ['https://c:7443/', 'https://c:7443'],
    ['https://c', 'https://c'],
    ['c', 'https://c:7443'],
    ['c:8443', 'https://c:8443'],
    ['c:443', 'https://c'],
    ['10.0.0.1', 'https://10.0.0.1:7443'],
    ['::1', 'https://[::1]:7443'],
    ['[::1]:8443', 'https://[::1]:8443'],
    ['https://[::1]', 'https://[::1]'],
    ['HTTPS://C.Example', 'https://c.example'],
  ];
  for (const [text, url] of table) assert.equal(parseUrl(text, 'x'), url, text);
  for (const text of [
    '',
    'http://c:7443',
    'https://',
    'https://c:99999',
    'https://u:p@c',
    'https://c/x',
    'https://c?x',
    'ftp://c',
    'a b',
  ])
    assert.throws(
      () => parseUrl(text, 'login'),
      (error) => error instanceof Failure && error.exit === 2 && error.message.startsWith('login: '),
      text,
    );
});

test("state is in MUSTER_HOME, else where root's or the user's is", () => {
  assert.equal(homeOf({ env: { MUSTER_HOME: '/x' }, isRoot: true, homeDirectory: '/root' }), '/x');
  assert.equal(homeOf({ env: {}, isRoot: true, homeDirectory: '/root' }), '/var/lib/muster');
  assert.equal(
    homeOf({ env: { MUSTER_HOME: '' }, isRoot: false, homeDirectory: '/home/kim' }),
    '/home/kim/.muster',
  );
});
