import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Report } from '../../../../controller/cli/install/report.ts';
import { waitingHost } from '../../../../controller/cli/install/report.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { stage as commandStage } from '../command-stage.ts';
import type { Handlers } from '../fake-api.ts';
import type { FakeTerminalOptions } from '../fake-terminal.ts';
import { entryOf } from './hosts.ts';

/** Nobody listens there: the quickest end that a host can have. */
const CLOSED = 'root@127.0.0.1:1';

function stage(t: TestContext, options: Omit<FakeTerminalOptions, 'home'> = {}, handlers: Handlers = {}) {
  return commandStage(
    t,
    {
      whoami: () => ({ name: 'kim', role: 'admin' }),
      'fleet.trust': () => ({ fleetId: '00', rootKeyId: '00', urls: ['https://c:7443'], documents: [] }),
      ...handlers,
    },
    options,
  );
}

function fileOf(t: TestContext, name: string, text: string): string {
  const path = join(temporaryFolder(t), name);
  writeFileSync(path, text);
  return path;
}

const reportOf = (states: readonly [string, Report['hosts'][number]['state']][]): string =>
  JSON.stringify({
    ...{ version: 1, startedAtMs: 1, endedAtMs: 2, controller: 'https://c:7443' },
    options: { label: { role: 'web' }, service: 'none' },
    hosts: states.map(([host, state]) => {
      const [user = '', address = ''] = host.split('@');
      const [name = '', port = ''] = address.split(':');
      return { ...waitingHost(entryOf(host, { host: name, user, port: Number(port) })), state };
    }),
  } satisfies Report);

const wrong: [string, string[], RegExp][] = [
  ['no host', [], /no host is named/],
  ['a host that is none', ['web 1'], /argument 1: /],
  ['a list that is not there', ['-i', '/nowhere/hosts'], /\/nowhere\/hosts: there is no such file/],
  ['a limit that leaves out nobody', [CLOSED, '--limit', 'web-9'], /the list has no web-9/],
  ['a question without a terminal', [CLOSED, '--ask-password'], /there is no terminal to ask at/],
  ['a policy that asks without a terminal', [CLOSED, '--host-key-policy', 'ask'], /no terminal to ask at/],
  ['a policy that is none', [CLOSED, '--host-key-policy', 'no'], /strict, accept-new, ask/],
  ['two files from standard input', ['-i', '-', '--password-file', '-'], /only one of the files/],
  ['two passwords', [CLOSED, '--ask-sudo-password', '--sudo-password-file', 'x'], /exclude each other/],
  ['a proxy that is none', [CLOSED, '--proxy', 'proxy:3128'], /--proxy is not a URL like http/],
  ['a label that is none', [CLOSED, '--label', 'role=a b'], /--label role=a b: a label value/],
  ['a password as an argument', [CLOSED, '--proxy', 'http://kim:tuna@p:1'], /can be read by everybody/],
  [
    'a file without user and password',
    [CLOSED, '--proxy', 'http://p:1', '--proxy-auth-file', '/etc/hostname'],
    /does not hold one line like user:password/,
  ],
  ['a report that is none', ['--resume', '/etc/hostname'], /\/etc\/hostname is not JSON/],
  ['an empty password', [CLOSED, '--password-file', '/dev/null'], /\/dev\/null is empty/],
  ['a report that cannot be written', [CLOSED, '--report', '/proc/report.json'], /\/proc\/report\.json/],
];
for (const [what, args, message] of wrong)
  test(`${what} is wrong use, told before any host is touched`, async (t) => {
    const { muster, out, err } = await stage(t);
    assert.equal(await muster('install', ...args), 2, err());
    assert.match(err(), message);
    assert.equal(out(), '');
  });

test('all that is wrong with a list is told at once, with its line', async (t) => {
  const list = fileOf(t, 'hosts.txt', 'web-1\nweb 2 x\n\nroot@web-3:99999\n');
  const { muster, api, err } = await stage(t);
  assert.equal(await muster('install', '-i', list), 2);
  assert.match(err(), /hosts\.txt:2: .*\n.*hosts\.txt:4: /);
  assert.equal(api.calls.length, 0);
});

test('what is wrong with a host that is not meant keeps nobody from the others', async (t) => {
  const list = fileOf(
    t,
    'hosts.ini',
    '[a]\ngood ansible_host=127.0.0.1 ansible_port=1 ansible_user=root\nbad ansible_host="{{ x | y }}"\n',
  );
  const { muster, err } = await stage(t);
  assert.equal(await muster('install', '-i', list), 2);
  assert.match(err(), /hosts\.ini:3: ansible_host: a template/);
  assert.equal(await muster('install', '-i', list, '--limit', '1'), 2, 'it may be among the first');
  assert.equal(await muster('install', '-i', list, '--limit', 'bad'), 2);
  assert.equal(await muster('install', '-i', list, '--limit', 'good'), 4);
  assert.equal(await muster('install', '-i', list, '--limit', 'all,!bad'), 4);
});

test('only an admin may let agents in, and everybody may look', async (t) => {
  const runner: Handlers = { whoami: () => ({ name: 'kim', role: 'runner' }) };
  const { muster, err } = await stage(t, {}, runner);
  assert.equal(await muster('install', CLOSED), 5);
  assert.match(err(), /this takes an admin, and the token is of a runner/);
  assert.equal(await muster('install', CLOSED, '--check'), 4);
});

test('a host that gives no answer is status 4, in a report for its owner alone that can be gone on with', async (t) => {
  const { muster, out, terminal } = await stage(t);
  const secret = fileOf(t, 'password', 'swordfish\n');
  const proxy = ['--proxy', 'http://p:1', '--proxy-auth-file', fileOf(t, 'auth', 'kim:tuna\n')];
  const args = [CLOSED, '--label', 'role=web', '--password-file', secret, ...proxy];
  assert.equal(await muster('install', ...args), 4);
  assert.match(out(), /1 host: no connection: .*\n {4}root@127\.0\.0\.1:1\n/);
  const folder = join(terminal.env.MUSTER_HOME ?? '', 'installs');
  const [name = ''] = readdirSync(folder);
  const text = readFileSync(join(folder, name), 'utf8');
  assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600);
  assert.ok(!/swordfish|tuna/.test(text + terminal.stderr.text()));
  const report = JSON.parse(text) as Report;
  assert.deepEqual(report.options, {
    ...{ label: { role: 'web' }, proxy: 'http://p:1', proxyAuthFile: proxy[3] },
  });
  assert.deepEqual(
    report.hosts.map(({ host, state, cause }) => [host, state, cause]),
    [[CLOSED, 'no-answer', 'unreachable']],
  );
  assert.ok(out().includes(`muster install --resume ${join(folder, name)}`));
});

test('more than fifty hosts are asked about once, at a terminal', async (t) => {
  const list = fileOf(t, 'hosts.txt', 'root@127.0.0.[1:51]:1\n');
  const no = await stage(t, { terminal: true, answers: ['n'] });
  assert.equal(await no.muster('install', '-i', list), 2);
  assert.match(no.err(), /This installs agents on 51 hosts: root@127\.0\.0\.1:1,.* and 43 more/);
  assert.equal(no.terminal.asked.length, 1);
  const yes = await stage(t, { terminal: true });
  assert.equal(await yes.muster('install', '-i', list, '--yes'), 4);
  assert.deepEqual(yes.terminal.asked, []);
  const few = await stage(t, { terminal: true });
  assert.equal(await few.muster('install', '-i', list, '--limit', '50'), 4);
  assert.deepEqual(few.terminal.asked, []);
});

test('passwords are asked for once, hidden, and only where they were asked to be', async (t) => {
  const { muster, terminal } = await stage(t, { terminal: true, answers: ['secret', ''] });
  assert.equal(await muster('install', CLOSED, '--sudo', '--ask-password', '--ask-sudo-password'), 4);
  assert.deepEqual(terminal.asked, [
    ['SSH password: ', true],
    ['sudo password (empty: the same): ', true],
  ]);
});

test('--resume goes on with those that are not done, in the same way, and in the same report', async (t) => {
  const path = fileOf(
    t,
    'report.json',
    reportOf([
      ['root@127.0.0.1:1', 'done'],
      ['root@127.0.0.2:1', 'failed'],
      ['root@127.0.0.3:1', 'left'],
    ]),
  );
  const { muster, out } = await stage(t);
  assert.equal(await muster('install', '--resume', path, '--limit', '127.0.0.3', '--json'), 4);
  const hosts = out()
    .split('\n')
    .flatMap((line) => (line === '' ? [] : [JSON.parse(line)]))
    .filter(({ event }) => event === 'host');
  assert.deepEqual(
    hosts.map(({ host }) => host),
    ['root@127.0.0.3:1'],
  );
  const report = JSON.parse(readFileSync(path, 'utf8')) as Report;
  assert.deepEqual(report.options, { label: { role: 'web' }, service: 'none' });
  assert.deepEqual(
    report.hosts.map(({ state }) => state),
    ['done', 'failed', 'no-answer'],
  );
});

test('--resume with a list means those of the list that are not done', async (t) => {
  const path = fileOf(t, 'report.json', reportOf([['root@127.0.0.1:1', 'done']]));
  const { muster, out, err } = await stage(t);
  assert.equal(await muster('install', '--resume', path, 'root@127.0.0.1:1', 'root@127.0.0.9:1'), 4);
  assert.match(out(), /^1 host in/);
  assert.match(err(), /note: the report is of https:\/\/\S+, and this goes on with https:\/\//);
});

test('--resume of what is done is well, and says so', async (t) => {
  const path = fileOf(t, 'report.json', reportOf([['root@127.0.0.1:1', 'done']]));
  const { muster, err } = await stage(t);
  assert.equal(await muster('install', '--resume', path), 0);
  assert.match(err(), /all of them are done already/);
});

test('a report that somebody spoilt is refused, with the place', async (t) => {
  const path = fileOf(
    t,
    'report.json',
    reportOf([['root@127.0.0.1:1', 'done']]).replace('"port":1', '"port":0'),
  );
  const { muster, err } = await stage(t);
  assert.equal(await muster('install', '--resume', path), 2);
  assert.match(err(), /is no report of an install: hosts\.0\.entry\.port/);
});

test('--check keeps no report unless one is asked for', async (t) => {
  const { muster, terminal } = await stage(t);
  assert.equal(await muster('install', CLOSED, '--check'), 4);
  assert.ok(!existsSync(join(terminal.env.MUSTER_HOME ?? '', 'installs')));
  const folder = `${temporaryFolder(t)}/`;
  assert.equal(await muster('install', CLOSED, '--check', '--report', folder), 4);
  assert.equal(readdirSync(folder).length, 1);
});

test('a controller that is not there is status 5, and no host is touched', async (t) => {
  const { muster, api, out } = await stage(t, {}, { whoami: ({ reply }) => void reply.destroy() });
  assert.equal(await muster('install', CLOSED), 5);
  assert.equal(out(), '');
  assert.ok(api.calls.every(({ name }) => name === 'whoami'));
});

test('uninstall --ssh takes hosts and no targets, and is asked about however few they are', async (t) => {
  const { muster, err } = await stage(t);
  assert.equal(await muster('uninstall', '--ssh', CLOSED), 2);
  assert.match(err(), /nobody can be asked here/);
  assert.equal(await muster('uninstall', '--ssh', CLOSED, '-t', 'web-1', '--yes'), 2);
  assert.match(err(), /-t is not for --ssh/);
  assert.equal(await muster('uninstall', '-t', 'web-1', '--sudo', '--yes'), 2);
  assert.match(err(), /--sudo is for --ssh alone/);
  assert.equal(await muster('uninstall', 'web-1', '--yes'), 2);
  assert.match(err(), /hosts by themselves are for --ssh/);
  assert.equal(await muster('uninstall', '--ssh', CLOSED, '--yes'), 4);
  const asked = await stage(t, { terminal: true, answers: ['n'] });
  assert.equal(await asked.muster('uninstall', '--ssh', CLOSED), 2);
  assert.match(asked.err(), /nothing was done/);
});
