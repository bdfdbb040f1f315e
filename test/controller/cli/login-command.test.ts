import assert from 'node:assert/strict';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fingerprintOf } from '../../../certs/tls.ts';
import { commandLine } from '../../../controller/cli/command-line.ts';
import { type FakeApiOptions, fakeApi, TOKEN, testAuthorities, testHome } from './fake-api.ts';
import { type FakeTerminalOptions, fakeTerminal } from './fake-terminal.ts';

async function stage(t: TestContext, options: Omit<FakeTerminalOptions, 'home'> & FakeApiOptions = {}) {
  const api = await fakeApi(t, { whoami: () => ({ name: 'kim', role: 'runner' as const }) }, options);
  const home = await testHome(t);
  const terminal = fakeTerminal({ home, ...options });
  const login = (...argv: string[]) => commandLine(['login', api.url, ...argv], terminal);
  const kept = async () => JSON.parse(await readFile(join(home, 'context.json'), 'utf8'));
  return { api, home, terminal, login, kept, fingerprint: await fingerprintOf(api.authority.certPem) };
}

test('at a terminal the fingerprint is shown and confirmed, and the token is asked for unseen', async (t) => {
  const { api, terminal, login, kept, fingerprint } = await stage(t, {
    terminal: true,
    answers: ['yes', TOKEN],
  });
  assert.equal(await login(), 0);
  assert.ok(terminal.stderr.text().includes(`"CN=Muster test fleet", SHA-256:\n  ${fingerprint}\n`));
  assert.deepEqual(terminal.asked, [
    ['Does "muster status" on the controller show the same? [y/N] ', false],
    ['API token: ', true],
  ]);
  const context = await kept();
  assert.deepEqual([context.url, context.token], [api.url, TOKEN]);
  assert.equal(await fingerprintOf(context.ca), fingerprint);
  assert.ok(!terminal.stdout.text().includes(TOKEN));
});

test('a fingerprint that is not confirmed keeps nothing and sends no token', async (t) => {
  const { api, home, login } = await stage(t, { terminal: true, answers: ['', TOKEN] });
  assert.equal(await login(), 2);
  assert.deepEqual(await readdir(home), []);
  assert.equal(api.calls.length, 0);
});

test('a script gives the fingerprint and the token by file; the context is readable by nobody else', async (t) => {
  const { home, terminal, login, fingerprint } = await stage(t);
  await writeFile(join(home, 'api.token'), `${TOKEN}\n`);
  assert.equal(
    await login(
      '--fingerprint',
      fingerprint.toLowerCase(),
      '--token-file',
      join(home, 'api.token'),
      '--json',
    ),
    0,
  );
  assert.equal((await stat(join(home, 'context.json'))).mode & 0o777, 0o600);
  assert.deepEqual((await readdir(home)).sort(), ['api.token', 'context.json']);
  const { name, role, fingerprint: shown } = JSON.parse(terminal.stdout.text());
  assert.deepEqual([name, role, shown], ['kim', 'runner', fingerprint]);
});

test('the token can come from standard input', async (t) => {
  const { login, kept, fingerprint } = await stage(t, { stdin: Buffer.from(`${TOKEN}\n`) });
  assert.equal(await login('--fingerprint', fingerprint, '--token-file', '-'), 0);
  assert.equal((await kept()).token, TOKEN);
});

test('another authority than that of --fingerprint is refused before the token is read', async (t) => {
  const { foreign } = await testAuthorities();
  const { api, home, terminal, login } = await stage(t, { stdin: Buffer.from(TOKEN) });
  assert.equal(await login('--fingerprint', await fingerprintOf(foreign.certPem), '--token-file', '-'), 5);
  assert.match(terminal.stderr.text(), /not the one of --fingerprint\n.*somebody stands between/);
  assert.deepEqual(await readdir(home), []);
  assert.equal(api.calls.length, 0);
});

test('without a terminal nobody can confirm, so the fingerprint has to be given', async (t) => {
  const { api, terminal, login } = await stage(t, { stdin: Buffer.from(TOKEN) });
  assert.equal(await login('--token-file', '-'), 2);
  assert.match(terminal.stderr.text(), /--fingerprint HEX/);
  assert.equal(api.calls.length, 0);
});

test('a wrong token keeps the context that was there', async (t) => {
  const { home, login, fingerprint } = await stage(t, { stdin: Buffer.from('wrong') });
  await writeFile(join(home, 'context.json'), '{"before":1}');
  assert.equal(await login('--fingerprint', fingerprint, '--token-file', '-'), 5);
  assert.equal(await readFile(join(home, 'context.json'), 'utf8'), '{"before":1}');
});

test('a malformed fingerprint, an http URL and a token as an argument are wrong use', async (t) => {
  const { api, terminal, login } = await stage(t);
  assert.equal(await login('--fingerprint', 'abc'), 2);
  assert.equal(await commandLine(['login', 'http://127.0.0.1:7443'], terminal), 2);
  assert.equal(await login(TOKEN), 2);
  assert.equal(await login('--token', TOKEN), 2);
  assert.equal(api.connections(), 0);
});

test('a controller that cannot be reached is said', async (t) => {
  const { terminal } = await stage(t);
  assert.equal(await commandLine(['login', 'https://127.0.0.1:1'], terminal), 5);
  assert.match(terminal.stderr.text(), /not reachable: https:\/\/127.0.0.1:1 refuses the connection/);
});
