import assert from 'node:assert/strict';
import { mkdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { writePrivate } from '../../../../controller/cli/files.ts';
import { carryOut } from '../../../../controller/cli/install/carry-out.ts';
import { openReport, waitingHost } from '../../../../controller/cli/install/report.ts';
import { readReport } from '../../../../controller/cli/install/report-shape.ts';
import { createScreen } from '../../../../controller/cli/output/screen.ts';
import { type Cause, HostFailure } from '../../../../controller/installer/failure.ts';
import type { HostEntry } from '../../../../controller/installer/host.ts';
import type { HostResult, HostWork } from '../../../../controller/installer/work.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { type FakeTerminalOptions, fakeTerminal } from '../fake-terminal.ts';
import { entryOf, resultOf } from './hosts.ts';

type Install = (entry: HostEntry, work: HostWork) => Promise<HostResult>;

interface Options extends Omit<FakeTerminalOptions, 'home'> {
  concurrency?: number;
  check?: boolean;
  json?: boolean;
}

/** A whole install on made-up hosts. */
async function stage(t: TestContext, names: readonly string[], install: Install, options: Options = {}) {
  const home = temporaryFolder(t);
  const terminal = fakeTerminal({ home, ...options });
  const { stdout, stderr, clock } = terminal;
  const screen = createScreen({ stdout, stderr, clock, live: options.terminal ?? false });
  const entries = names.map((name) => entryOf(name));
  const path = join(home, 'report.json');
  const refused = new AbortController();
  const report = await openReport({
    ...{ path, clock, write: writePrivate, broken: (error: unknown) => assert.fail(String(error)) },
    head: { version: 1, startedAtMs: 0, controller: 'https://c:7443', options: { user: 'root' } },
    hosts: entries.map(waitingHost),
  });
  const status = carryOut(terminal, screen, {
    dids: ['installed', 'upgraded', 'repaired', 'unchanged'],
    ...{ entries, concurrency: options.concurrency ?? 20, check: options.check ?? false },
    ...{ json: options.json ?? false, report, one: install, refused: refused.signal, interrupted: () => {} },
  });
  const lines = () =>
    stdout
      .text()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  return { terminal, status, path, lines, refuse: (error: unknown) => refused.abort(error) };
}

const fails = (because: Cause, detail = '') => Promise.reject(new HostFailure(because, detail));
const well: Install = async ({ written }) => resultOf(written);

test('all done: status 0, and nothing to be done again', async (t) => {
  const { terminal, status } = await stage(t, ['web-1', 'web-2'], well);
  assert.equal(await status, 0);
  const out = terminal.stdout.text();
  assert.match(out, /^2 hosts in 0 ms, 2 KiB sent\n {2}2 hosts installed 0\.1\.0\n {4}web-1 web-2\n$/);
});

test('the end groups hosts by their cause, with what to do next and how to go on', async (t) => {
  const denied = 'root, by publickey';
  const { terminal, status, path } = await stage(t, ['a', 'b', 'c', 'd', 'e'], ({ written }) => {
    if (written === 'a') return fails('disk-full', '/opt');
    if (written === 'b') return fails('unreachable', 'ECONNREFUSED');
    return written === 'c' ? Promise.resolve(resultOf('c')) : fails('permission-denied', denied);
  });
  assert.equal(await status, 1);
  assert.equal(
    terminal.stdout.text(),
    `5 hosts in 0 ms, 1 KiB sent
  1 host installed 0.1.0
    c
  2 hosts: permission denied: root, by publickey
    d e
    check the user and the keys that it lets in
  1 host: the disk is full: /opt
    a
    make room, then run this again
  1 host: no connection: ECONNREFUSED
    b
    check that the host is up, its address, port and firewall
Again, those that are not done: muster install --resume ${path}
`,
  );
});

test('hosts of one cause with details of their own are told each with its own', async (t) => {
  const { terminal, status } = await stage(t, ['a', 'b'], ({ written }) =>
    fails('step', `${written} said no`),
  );
  assert.equal(await status, 1);
  assert.match(terminal.stdout.text(), /2 hosts: a step failed\n {4}a: a said no\n {4}b: b said no\n/);
});

test('hosts that gave no answer alone are status 4', async (t) => {
  const { status } = await stage(t, ['a', 'b'], ({ written }) =>
    written === 'a' ? well(entryOf('a'), {} as HostWork) : fails('unreachable'),
  );
  assert.equal(await status, 4);
});

test('without a terminal each host that ends is a line, and nothing is drawn', async (t) => {
  const { terminal, status } = await stage(t, ['a', 'b'], ({ written }) =>
    written === 'a' ? well(entryOf('a'), {} as HostWork) : fails('locked', 'by kim'),
  );
  await status;
  assert.equal(terminal.stderr.text(), 'a: installed 0.1.0\nb: another install is at work on it: by kim\n');
});

test('what a host says reaches no terminal as it is', async (t) => {
  const evil = '\x1b]0;owned\x07\u202e';
  const { terminal, status } = await stage(
    t,
    ['a', 'b'],
    async ({ written }, work) => {
      work.tell({ what: 'warning', text: evil });
      if (written === 'a') throw new HostFailure('step', evil);
      return resultOf(evil, { version: evil, plan: [evil] });
    },
    { check: true },
  );
  await status;
  const all = terminal.stdout.text() + terminal.stderr.text();
  assert.ok(!/[\x07\x1b\u202e]/.test(all), all);
  assert.match(all, /\\x1b\]0;owned/);
});

test('what is worth knowing is told once at the end, with the hosts that it is of', async (t) => {
  const { terminal, status } = await stage(t, ['a', 'b', 'c'], async ({ written }, work) => {
    if (written !== 'b') work.tell({ what: 'warning', text: 'its clock is 40 seconds behind' });
    return resultOf(written);
  });
  assert.equal(await status, 0);
  assert.match(terminal.stdout.text(), / {2}note, 2 hosts: its clock is 40 seconds behind\n {4}a c\n$/);
});

test('--check says for each host what would be done', async (t) => {
  const { terminal, status } = await stage(
    t,
    ['a'],
    async () => resultOf('a', { did: 'upgraded', previous: '0.0.9', plan: ['send 240 KB', 'restart it'] }),
    { check: true },
  );
  assert.equal(await status, 0);
  assert.equal(terminal.stderr.text(), 'a: would be upgraded from 0.0.9 to 0.1.0: send 240 KB; restart it\n');
});

test('--json is an object for each step and each host, and one for all', async (t) => {
  const { status, lines, path } = await stage(
    t,
    ['a', 'b'],
    async ({ written }, work) => {
      work.tell({ what: 'step', step: 'probe' });
      return written === 'a' ? resultOf('a') : fails('no-space', '3 MiB are free');
    },
    { json: true },
  );
  assert.equal(await status, 1);
  const [step, , done, failed, summary] = lines();
  assert.deepEqual(step, { event: 'step', host: 'a', step: 'probe' });
  assert.deepEqual(done, {
    ...{ event: 'host', host: 'a', state: 'done', did: 'installed', name: 'a', agentId: 'id-a' },
    ...{ version: '0.1.0', previous: null, form: 'bundle', cause: null, detail: null, step: null },
    ...{ durationMs: 0, sentBytes: 1024, warnings: [], labels: {}, plan: [], retryable: false },
  });
  assert.deepEqual(
    [failed.host, failed.state, failed.cause, failed.detail, failed.step, failed.retryable],
    ['b', 'failed', 'no-space', '3 MiB are free', 'probe', false],
  );
  assert.deepEqual(summary, {
    ...{ event: 'summary', check: false, hosts: 2, durationMs: 0, sentBytes: 1024, report: path },
    counts: { installed: 1, upgraded: 0, repaired: 0, unchanged: 0, failed: 1, 'no-answer': 0, left: 0 },
    causes: { 'no-space': 1 },
  });
});

test('the report has every host, for its owner alone, and is there before the first one ends', async (t) => {
  const at = Promise.withResolvers<string>();
  let early = '';
  const { status, path } = await stage(t, ['a', 'b'], async ({ written }) => {
    early = await readFile(await at.promise, 'utf8');
    return written === 'a' ? resultOf('a') : fails('locked');
  });
  at.resolve(path);
  await status;
  const report = await readReport(path);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.deepEqual(
    report.hosts.map(({ host, state, cause }) => [host, state, cause]),
    [
      ['a', 'done', null],
      ['b', 'failed', 'locked'],
    ],
  );
  assert.deepEqual(report.hosts[1]?.entry, entryOf('b'));
  assert.notEqual(report.endedAtMs, null);
  assert.match(early, /"state":"waiting"/);
});

test('a report that cannot be written at the end is told, and takes nothing from what was done', async (t) => {
  const at = Promise.withResolvers<string>();
  const { terminal, status, path } = await stage(t, ['a', 'b'], async ({ written }) => {
    if (written === 'b') throw new HostFailure('locked');
    await rm(await at.promise);
    await mkdir(join(await at.promise, 'in-its-way'), { recursive: true });
    return resultOf('a');
  });
  at.resolve(path);
  assert.equal(await status, 1);
  assert.match(terminal.stderr.text(), /the report cannot be written: /);
  assert.ok(!terminal.stdout.text().includes('--resume'));
});

test('Ctrl-C finishes what is at hand and says so; the rest is told as not begun, with status 130', async (t) => {
  let finish = (): void => {};
  const { terminal, status, path } = await stage(
    t,
    ['a', 'b', 'c'],
    ({ written }) => new Promise((resolve) => (finish = () => resolve(resultOf(written)))),
    { concurrency: 1 },
  );
  terminal.pressCtrlC();
  finish();
  assert.equal(await status, 130);
  assert.match(terminal.stderr.text(), /finishing 1 host and beginning no other; Ctrl-C again undoes them/);
  assert.match(terminal.stdout.text(), /2 hosts: not begun\n {4}b c\n/);
  const states = (await readReport(path)).hosts.map(({ state }) => state);
  assert.deepEqual(states, ['done', 'left', 'left']);
});

test('Ctrl-C after which nothing was left undone is no failure', async (t) => {
  let finish = (): void => {};
  const { terminal, status } = await stage(
    t,
    ['a'],
    ({ written }) => new Promise((resolve) => (finish = () => resolve(resultOf(written)))),
  );
  terminal.pressCtrlC();
  finish();
  assert.equal(await status, 0);
});

test('the second Ctrl-C undoes, the third leaves at once', async (t) => {
  const stops: AbortSignal[] = [];
  const { terminal, status } = await stage(t, ['a', 'b'], ({ written }, { stop }) => {
    stops.push(stop);
    return new Promise((_, reject) => {
      if (written === 'a') stop.addEventListener('abort', () => reject(new HostFailure('stopped')));
    });
  });
  terminal.pressCtrlC();
  assert.ok(stops.every(({ aborted }) => !aborted));
  terminal.pressCtrlC();
  await terminal.clock.settle();
  terminal.pressCtrlC();
  assert.equal(await status, 130);
  const err = terminal.stderr.text();
  assert.match(err, /undoing 2 hosts; Ctrl-C again leaves them as they are/);
  assert.match(err, /1 host left in the middle/);
});

test('a controller that refuses everything ends it with status 5, after those at hand', async (t) => {
  let finish = (): void => {};
  const { terminal, status, refuse } = await stage(
    t,
    ['a', 'b'],
    ({ written }) => new Promise((resolve) => (finish = () => resolve(resultOf(written)))),
    { concurrency: 1 },
  );
  refuse(new Error('gone'));
  finish();
  assert.equal(await status, 5);
  assert.match(terminal.stderr.text(), /gone; no further host is begun/);
});

test('on a terminal the hosts at hand and the totals are shown, and failures as they come', async (t) => {
  const ends: (() => void)[] = [];
  const { terminal, status } = await stage(
    t,
    ['web-1', 'web-2'],
    ({ written }, work) => {
      work.tell({ what: 'step', step: 'place' });
      work.tell({ what: 'sent', bytes: 1024, of: 4096 });
      return new Promise((resolve, reject) =>
        ends.push(() =>
          written === 'web-1' ? resolve(resultOf(written)) : reject(new HostFailure('cut', 'at byte 7')),
        ),
      );
    },
    { terminal: true, env: { NO_COLOR: '' } },
  );
  await terminal.clock.advance(1100);
  const drawn = stripVTControlCharacters(terminal.stderr.text());
  assert.match(drawn, /web-1 {2}copying 1 KiB of 4 KiB, 100 ms/);
  assert.match(drawn, /0\/2 hosts · 2 KiB sent · 1\.1 s/);
  for (const end of ends) end();
  assert.equal(await status, 4);
  assert.match(stripVTControlCharacters(terminal.stderr.text()), /web-2: the connection broke: at byte 7\n/);
  assert.ok(!terminal.stderr.text().includes('web-1: installed'));
  assert.equal(terminal.clock.pending, 0);
});
