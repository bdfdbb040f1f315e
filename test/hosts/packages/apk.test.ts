/** The engine and a real agent over a program that behaves as apk: see fake-apk.ts. It never ran on an Alpine. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { PackageScan } from '../../../proto/packages.ts';
import { startFleet, type TestFleet } from '../../e2e/fleet.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { requires } from '../../support/requires.ts';
import { until } from '../../support/until.ts';
import { packageOrders } from './orders.ts';
import { joinOverlayHost, type OverlayHost, startOverlayHost } from './overlay-host.ts';

const FAKE = join(import.meta.dirname, 'fake-apk.ts');
const PREPARE = `mkdir -p root/etc/apk/cache root/lib/apk/db
echo 'ID=alpine' >root/etc/os-release
printf '#!/bin/sh\\nexec ${process.execPath} --disable-warning=ExperimentalWarning ${FAKE} "$@"\\n' >root/sbin/apk
chmod 755 root/sbin/apk
: >root/lib/apk/db/lock
: >root/etc/apk/world`;

const change = (name: string, from: string, to: string) => ({ name, arch: '', from, to });
const APP = change('app', '1-r0', '2-r0');
const NEED = change('need', '', '1-r0');
const ONE = { name: 'app', version: '1-r0' };

describe('packages by apk', requires('root', 'mounts', 'nsenter', 'setpriv', 'flock'), () => {
  const ends: (() => unknown)[] = [];
  const suite = { after: (fn: () => unknown) => void ends.push(fn) };
  let fleet: TestFleet;
  let orders: ReturnType<typeof packageOrders>;
  let started = 0;

  before(async () => {
    fleet = await startFleet(suite);
    orders = packageOrders(fleet, 'apk');
  });
  after(async () => {
    for (const end of ends.reverse()) await end();
  });

  async function host(): Promise<OverlayHost & { readonly repo: string; world(): string[] }> {
    const repo = temporaryFolder(suite);
    const publish = (version: string) => {
      const two = { name: 'app', version: '2-r0', depends: ['need'] };
      const pinned = { name: 'pinned', version };
      const sick = { name: 'sick', version, isSick: version === '2-r0' };
      const index = [version === '1-r0' ? ONE : two, pinned, sick, { name: 'need', version: '1-r0' }];
      writeFileSync(join(repo, 'index.json'), JSON.stringify(index));
    };
    publish('1-r0');
    const one = await startOverlayHost(suite, fleet, repo, `k${started++}`, PREPARE);
    await one.run(['apk', 'add', 'app', 'pinned', 'sick']);
    publish('2-r0');
    await joinOverlayHost(fleet, one.name, one.entry);
    const world = () => readFileSync(one.see('/etc/apk/world'), 'utf8').trim().split('\n').sort();
    return { ...one, repo, world };
  }

  test('what waits is planned exactly and done, the world stays as it was, and the way back is from the cache', async () => {
    const one = await host();
    const held = await orders.carryOut(one.name, { action: 'hold', names: ['pinned'] });
    assert.equal(held.change, 'changed', held.reason ?? '');
    assert.deepEqual(one.world(), ['app', 'pinned=1-r0', 'sick']);
    const scanned = await orders.carryOut(one.name, { action: 'scan' });
    assert.equal(scanned.state, 'succeeded', `${scanned.reason}\n${scanned.stderr}`);
    const { manager, pending } = JSON.parse(scanned.stdout) as PackageScan;
    assert.equal(manager, 'apk');
    assert.deepEqual(
      pending.map(({ sinceMs: _, ...rest }) => rest),
      [
        { ...APP, security: false, held: false },
        { ...change('pinned', '1-r0', '2-r0'), security: false, held: true },
        { ...change('sick', '1-r0', '2-r0'), security: false, held: false },
      ],
    );

    // Its repository has one version of each, so that there is no way back but from the cache.
    const planned = () => orders.plan(one.name, { names: ['app'] });
    const { changes } = await planned();
    assert.deepEqual(
      changes.map(({ wayBack, security: _, ...rest }) => [rest, wayBack]),
      [
        [APP, false],
        [NEED, true],
      ],
    );
    const apply = { action: 'apply', changes, wayBack: 'required' } as const;
    assert.equal((await orders.carryOut(one.name, apply)).code, 'no-way-back');
    writeFileSync(one.see('/etc/apk/cache/app-1-r0.0123abcd.apk'), JSON.stringify(ONE));
    assert.equal((await planned()).changes[0]?.wayBack, true);

    const partial = await orders.carryOut(one.name, { action: 'apply', changes: [APP] });
    assert.deepEqual([partial.code, partial.change], ['drifted', 'unchanged']);
    const done = await orders.carryOut(one.name, apply);
    assert.deepEqual([done.state, done.change], ['succeeded', 'changed'], `${done.reason}\n${done.stdout}`);
    assert.deepEqual(one.world(), ['app', 'pinned=1-r0', 'sick']);
    assert.equal((await orders.carryOut(one.name, apply)).change, 'unchanged');

    rmSync(one.see('/etc/apk/cache/app-1-r0.0123abcd.apk'));
    const back = await orders.carryOut(one.name, { action: 'revert', changes });
    assert.deepEqual([back.state, back.change], ['succeeded', 'changed'], `${back.reason}\n${back.stdout}`);
    assert.deepEqual(one.world(), ['app', 'pinned=1-r0', 'sick']);
    assert.match(await one.run(['cat', '/lib/apk/db/installed']), /^P:app\nV:1-r0$/m);

    const free = await orders.carryOut(one.name, { action: 'unhold', names: ['pinned'] });
    assert.equal(free.change, 'changed', free.reason ?? '');
    assert.deepEqual(one.world(), ['app', 'pinned', 'sick']);
  });

  test('a script that fails is told, what was cut off is mended, what is asked for stays in the world', async () => {
    const one = await host();
    const ensure = (names: string[], state: 'present' | 'absent') =>
      orders.carryOut(one.name, { action: 'ensure', names, state });
    assert.equal((await ensure(['need'], 'present')).change, 'changed');
    assert.deepEqual(one.world(), ['app', 'need', 'pinned', 'sick']);
    assert.equal((await ensure(['need', 'pinned'], 'absent')).change, 'changed');
    assert.deepEqual(one.world(), ['app', 'sick']);

    const changes = [change('sick', '1-r0', '2-r0')];
    const sick = await orders.carryOut(one.name, { action: 'apply', changes });
    assert.equal(sick.state, 'failed');
    assert.match(
      sick.reason ?? '',
      /^sick-2-r0\.post-upgrade: script exited with error 3; .*sick is not set up/,
    );
    assert.deepEqual(one.world(), ['app', 'sick']);

    // What a power cut in mid-change leaves; the program of the test mends nothing.
    writeFileSync(one.see('/etc/apk/world.muster'), 'app\nsick\n');
    writeFileSync(one.see('/etc/apk/world'), 'app=2-r0\nsick\n');
    const cut = await orders.carryOut(one.name, { action: 'apply', changes: [APP, NEED] });
    assert.match(cut.reason ?? '', /fix/);
    assert.deepEqual(one.world(), ['app', 'sick']);
  });

  test('the lock is waited for and its holder named', async (t) => {
    const one = await host();
    const [program = '', ...entry] = one.entry;
    const words = [...entry, 'flock', '--no-fork', '/lib/apk/db/lock', 'sleep', '600'];
    const holder = spawn(program, words, { stdio: 'ignore' });
    t.after(() => holder.kill('SIGKILL'));
    await until(
      'the lock is held',
      () => readFileSync(`/proc/${holder.pid}/comm`, 'utf8').trim() === 'sleep',
    );
    const locked = await orders.carryOut(one.name, { action: 'scan', lockWaitMs: 500 });
    assert.equal(locked.code, 'packages-locked');
    assert.match(locked.reason ?? '', new RegExp(`sleep \\(process ${holder.pid}\\)`));
  });

  test('a repository that is down is an error that names it', async () => {
    const one = await host();
    writeFileSync(join(one.repo, 'down'), '');
    const blind = await orders.carryOut(one.name, { action: 'scan' });
    assert.match(blind.reason ?? '', /^the repositories' lists could not be fetched: .*repo\.example/);
    const history = await orders.carryOut(one.name, { action: 'history' });
    assert.match(history.reason ?? '', /apk keeps no history/);
  });
});
