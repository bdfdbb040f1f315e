import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import type { PackageHistory, PackageScan } from '../../../proto/packages.ts';
import { startFleet, type TestFleet } from '../../e2e/fleet.ts';
import { type PackagesOrder, packageOrders } from './orders.ts';
import { rpmRepository } from './rpm-repository.ts';
import { startZypperHost, ZYPPER_NEEDS, type ZypperHost } from './zypper-hosts.ts';

const change = (name: string, from: string, to: string) => ({ name, arch: 'noarch', from, to });
const APP = change('app', '1-1', '2-1');
const NEED = change('need', '', '1-1');

describe('packages by zypper', ZYPPER_NEEDS, () => {
  const ends: (() => unknown)[] = [];
  const suite = { after: (fn: () => unknown) => void ends.push(fn) };
  let fleet: TestFleet;
  let repository: ReturnType<typeof rpmRepository>;
  let orders: ReturnType<typeof packageOrders>;
  let started = 0;

  before(async () => {
    fleet = await startFleet(suite);
    orders = packageOrders(fleet, 'zypper');
    repository = rpmRepository(suite);
    repository.add(
      { name: 'shell', version: '1', head: 'Provides: /bin/sh' },
      { name: 'app', version: '1', settings: 'old' },
      { name: 'app', version: '2', head: 'Requires: need', settings: 'new' },
      { name: 'need', version: '1' },
      { name: 'pinned', version: '1' },
      { name: 'pinned', version: '2' },
      { name: 'rival', version: '1' },
      { name: 'rival', version: '2', head: 'Conflicts: old-part' },
      { name: 'old-part', version: '1' },
      { name: 'foreign', version: '1', head: 'Vendor: one' },
      { name: 'foreign', version: '2', head: 'Vendor: other' },
      { name: 'sick', version: '1' },
      { name: 'sick', version: '2', body: '%post\necho it is sick\nexit 3' },
    );
    repository.publish([{ id: 'MEND-1', name: 'app', version: '2' }]);
  });
  after(async () => {
    for (const end of ends.reverse()) await end();
  });

  const host = (...names: string[]): Promise<ZypperHost> =>
    startZypperHost(
      suite,
      fleet,
      repository.folder,
      `z${started++}`,
      names.map((name) => `${name}=1`),
    );

  test('what waits is planned exactly, done, noted, and taken back from what was kept', async () => {
    const one = await host('app', 'pinned', 'rival', 'old-part', 'foreign');
    const held = await orders.carryOut(one.name, { action: 'hold', names: ['pinned'] });
    assert.equal(held.state, 'succeeded', held.reason ?? '');
    const scanned = await orders.carryOut(one.name, { action: 'scan' });
    assert.equal(scanned.state, 'succeeded', `${scanned.reason}\n${scanned.stderr}`);
    const scan = JSON.parse(scanned.stdout) as PackageScan;
    assert.equal(scan.manager, 'zypper');
    assert.deepEqual(
      scan.pending.map(({ sinceMs: _, ...rest }) => rest),
      [
        { ...APP, security: true, held: false },
        { ...change('foreign', '1-1', '2-1'), security: false, held: false },
        { ...change('pinned', '1-1', '2-1'), security: false, held: true },
        { ...change('rival', '1-1', '2-1'), security: false, held: false },
      ],
    );

    const plan = await orders.plan(one.name);
    assert.deepEqual(plan.changes, [
      { ...APP, security: true, wayBack: true },
      { ...NEED, security: false, wayBack: true },
    ]);
    assert.ok(plan.downloadBytes > 0);
    assert.equal(plan.left.find(({ name }) => name === 'pinned')?.why, 'held');
    assert.match(plan.left.find(({ name }) => name === 'foreign')?.why ?? '', /would change its vendor/);
    assert.match(plan.left.find(({ name }) => name === 'rival')?.why ?? '', /old-part/);

    // What comes along and is not named is found before anything is done.
    const partial = await orders.carryOut(one.name, { action: 'apply', changes: [APP] });
    assert.deepEqual([partial.code, partial.change], ['drifted', 'unchanged']);
    assert.match(partial.reason ?? '', /not planned: need 1-1 is installed/);

    writeFileSync(one.see('/etc/app.conf'), 'mine\n');
    const apply = { action: 'apply', changes: plan.changes, wayBack: 'required' } as const;
    const done = await orders.carryOut(one.name, apply);
    assert.deepEqual([done.state, done.change], ['succeeded', 'changed'], `${done.reason}\n${done.stdout}`);
    assert.deepEqual(await one.versions('app', 'need', 'rival', 'pinned'), [
      'app 2',
      'need 1',
      'pinned 1',
      'rival 1',
    ]);
    assert.equal(readFileSync(one.see('/etc/app.conf'), 'utf8'), 'mine\n');
    assert.equal((await orders.carryOut(one.name, apply)).change, 'unchanged');

    const history = await orders.carryOut(one.name, { action: 'history' });
    const [newest] = (JSON.parse(history.stdout) as PackageHistory).entries;
    assert.deepEqual(new Set(newest?.changes), new Set([NEED, APP]));
    assert.match(newest?.command ?? '', /^zypper .*install/);

    // The repository has lost it meanwhile.
    await one.run(['sh', '-c', 'rm -f /etc/zypp/repos.d/* && rm -rf /var/cache/zypp']);
    const back = await orders.carryOut(one.name, { action: 'revert', changes: plan.changes });
    assert.equal(back.state, 'succeeded', `${back.reason}\n${back.stdout}`);
    assert.deepEqual(await one.versions('app', 'need'), ['app 1']);
  });

  test('a script that fails is a failure that names it, and what is held by a pattern cannot be let go by name', async () => {
    const one = await host('sick', 'pinned');
    await one.run(['zypper', '-n', 'addlock', 'pin*']);
    const held = await orders.carryOut(one.name, {
      action: 'apply',
      changes: [change('pinned', '1-1', '2-1')],
    });
    assert.deepEqual([held.code, held.change], ['drifted', 'unchanged']);
    assert.match(held.reason ?? '', /held: pinned$/);
    const free = await orders.carryOut(one.name, { action: 'unhold', names: ['pinned'] });
    assert.equal(free.state, 'failed');
    assert.match(free.reason ?? '', /held by a pattern/);

    const plan = await orders.plan(one.name, { names: ['sick'] });
    const sick = await orders.carryOut(one.name, { action: 'apply', changes: plan.changes });
    assert.equal(sick.state, 'failed');
    assert.match(sick.reason ?? '', /^%post of sick-2-1\.noarch failed, exit status 3; /);
    const back = await orders.carryOut(one.name, { action: 'revert', changes: plan.changes });
    assert.equal(back.state, 'succeeded', `${back.reason}\n${back.stdout}`);
    assert.deepEqual(await one.versions('sick', 'shell'), ['sick 1']);
  });

  test('the lock is waited for and its holder named; what is not as planned is not touched', async (t) => {
    const one = await host('app', 'old-part');
    const holder = spawn('sleep', ['600'], { stdio: 'ignore' });
    t.after(() => holder.kill('SIGKILL'));
    writeFileSync(one.see('/run/zypp.pid'), `${holder.pid}\n`);
    const locked = await orders.carryOut(one.name, { action: 'scan', lockWaitMs: 1_000 });
    assert.equal(locked.code, 'packages-locked');
    assert.match(locked.reason ?? '', new RegExp(`sleep \\(process ${holder.pid}\\)`));
    writeFileSync(one.see('/run/zypp.pid'), '');

    const gone = await orders.carryOut(one.name, {
      action: 'apply',
      changes: [change('app', '3-1', '4-1')],
    });
    assert.deepEqual([gone.code, gone.change], ['drifted', 'unchanged']);
    const absent = await orders.carryOut(one.name, {
      ...{ action: 'ensure', names: ['old-part'], state: 'absent' },
    } as const);
    assert.equal(absent.change, 'changed', absent.reason ?? '');
    const present: PackagesOrder = { action: 'ensure', names: ['app', 'need'], state: 'present' };
    assert.equal((await orders.carryOut(one.name, present)).change, 'changed');
    assert.equal((await orders.carryOut(one.name, present)).change, 'unchanged');
    assert.deepEqual(await one.versions('app', 'need', 'old-part'), ['app 1', 'need 1']);

    const dead = '[dead]\nname=dead\nenabled=1\nbaseurl=http://127.0.0.1:9/\ngpgcheck=0\n';
    writeFileSync(one.see('/etc/zypp/repos.d/dead.repo'), dead);
    const blind = await orders.carryOut(one.name, { action: 'scan' });
    assert.equal(blind.state, 'failed');
    assert.match(blind.reason ?? '', /^the repositories' lists could not be fetched: dead: /);
  });

  test('an archive that the repository has lost leaves everything as it was, and says what is missing', async () => {
    const own = rpmRepository(suite);
    own.add({ name: 'app', version: '1' }, { name: 'app', version: '2' });
    own.publish();
    const one = await startZypperHost(suite, fleet, own.folder, `z${started++}`, ['app=1']);
    const { changes } = await orders.plan(one.name);
    assert.deepEqual(
      changes.map(({ to }) => to),
      ['2-1'],
    );
    own.remove('app', '2');
    const lost = await orders.carryOut(one.name, { action: 'apply', changes });
    assert.deepEqual([lost.state, lost.change], ['failed', 'unchanged'], lost.stdout);
    assert.match(lost.reason ?? '', /^the new versions could not be fetched: .*app/);
    assert.deepEqual(await one.versions('app'), ['app 1']);
  });
});
