import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import type { PackageHistory, PackageScan } from '../../../proto/packages.ts';
import { startFleet, type TestFleet } from '../../e2e/fleet.ts';
import { until } from '../../support/until.ts';
import { DNF_NEEDS, type DnfHost, startDnfHost } from './dnf-hosts.ts';
import { type PackagesOrder, packageOrders } from './orders.ts';
import { rpmRepository } from './rpm-repository.ts';

const change = (name: string, from: string, to: string) => ({ name, arch: 'noarch', from, to });
const APP = change('app', '1-1', '2-1');
const NEED = change('need', '', '1-1');

describe('packages by dnf, through an agent', DNF_NEEDS, () => {
  const ends: (() => unknown)[] = [];
  const suite = { after: (fn: () => unknown) => void ends.push(fn) };
  let fleet: TestFleet;
  let repository: ReturnType<typeof rpmRepository>;
  let orders: ReturnType<typeof packageOrders>;
  let started = 0;

  before(async () => {
    fleet = await startFleet(suite);
    orders = packageOrders(fleet, 'dnf');
    repository = rpmRepository(suite);
    repository.add(
      { name: 'shell', version: '1', head: 'Provides: /bin/sh' },
      { name: 'app', version: '1', settings: 'old' },
      { name: 'app', version: '2', head: 'Requires: need', settings: 'new' },
      { name: 'need', version: '1' },
      { name: 'rival', version: '1' },
      { name: 'rival', version: '2', head: 'Conflicts: old-part' },
      { name: 'old-part', version: '1' },
      { name: 'sick', version: '1' },
      { name: 'sick', version: '2', body: '%post\necho it is sick\nexit 3' },
      { name: 'kernel', version: '1' },
      { name: 'kernel', version: '2' },
      { name: 'kernel', version: '3' },
    );
    repository.publish([{ id: 'MEND-1', name: 'app', version: '2' }]);
  });
  after(async () => {
    for (const end of ends.reverse()) await end();
  });

  const host = (...names: string[]): Promise<DnfHost> =>
    startDnfHost(suite, fleet, repository.folder, `d${started++}`, [
      'shell',
      ...names.map((name) => `${name}-1`),
    ]);

  test('what waits is planned exactly, done, noted, and taken back from what was kept', async () => {
    const one = await host('app', 'rival', 'old-part');
    const scanned = await orders.carryOut(one.name, { action: 'scan' });
    assert.equal(scanned.state, 'succeeded', `${scanned.reason}\n${scanned.stderr}`);
    const scan = JSON.parse(scanned.stdout) as PackageScan;
    assert.equal(scan.manager, 'dnf');
    assert.deepEqual(
      scan.pending.map(({ sinceMs: _, ...rest }) => rest),
      [
        { ...APP, security: true, held: false },
        { ...change('rival', '1-1', '2-1'), security: false, held: false },
      ],
    );

    const plan = await orders.plan(one.name);
    assert.deepEqual(plan.changes, [
      { ...APP, security: true, wayBack: true },
      { ...NEED, security: false, wayBack: true },
    ]);
    assert.ok(plan.downloadBytes > 0);
    assert.match(plan.left.find(({ name }) => name === 'rival')?.why ?? '', /old-part/);

    const partial = await orders.carryOut(one.name, { action: 'apply', changes: [APP] });
    assert.deepEqual([partial.code, partial.change], ['drifted', 'unchanged']);
    assert.match(partial.reason ?? '', /need/);

    writeFileSync(one.see('/etc/app.conf'), 'mine\n');
    const apply = { action: 'apply', changes: plan.changes, wayBack: 'required' } as const;
    const done = await orders.carryOut(one.name, apply);
    assert.deepEqual(
      [done.state, done.change],
      ['succeeded', 'changed'],
      `${done.reason}\n${done.stdout}\n${done.stderr}`,
    );
    assert.deepEqual(await one.versions('app', 'need', 'rival'), ['app 2', 'need 1', 'rival 1']);
    assert.equal(readFileSync(one.see('/etc/app.conf'), 'utf8'), 'mine\n');
    assert.equal((await orders.carryOut(one.name, apply)).change, 'unchanged');

    const history = await orders.carryOut(one.name, { action: 'history' });
    const [newest] = (JSON.parse(history.stdout) as PackageHistory).entries;
    assert.deepEqual(new Set(newest?.changes), new Set([NEED, APP]), history.stdout);

    // The repository has lost it meanwhile.
    await one.run(['sh', '-c', 'rm -f /etc/yum.repos.d/* && rm -rf /var/cache/dnf']);
    const back = await orders.carryOut(one.name, { action: 'revert', changes: plan.changes });
    assert.equal(back.state, 'succeeded', `${back.reason}\n${back.stdout}\n${back.stderr}`);
    assert.deepEqual(await one.versions('app', 'need'), ['app 1']);
  });

  test('a script that fails is a failure that names it', async () => {
    const one = await host('sick');
    const plan = await orders.plan(one.name, { names: ['sick'] });
    const sick = await orders.carryOut(one.name, { action: 'apply', changes: plan.changes });
    assert.equal(sick.state, 'failed');
    assert.match(sick.reason ?? '', /sick-2-1/);
  });

  test('kernels stay beside each other: a new one comes, the old one is kept, and goes back by being removed', async () => {
    const one = await host('kernel');
    const plan = await orders.plan(one.name, { names: ['kernel'] });
    const done = await orders.carryOut(one.name, {
      action: 'apply',
      changes: plan.changes,
      wayBack: 'required',
    });
    assert.deepEqual(
      [done.state, done.change],
      ['succeeded', 'changed'],
      `${JSON.stringify(plan)}\n${done.reason}\n${done.stdout}\n${done.stderr}`,
    );
    assert.deepEqual(await one.versions('kernel'), ['kernel 1', 'kernel 3']);
    const again = await orders.carryOut(one.name, { action: 'apply', changes: plan.changes });
    assert.deepEqual([again.state, again.change], ['succeeded', 'unchanged']);
    const back = await orders.carryOut(one.name, { action: 'revert', changes: plan.changes });
    assert.equal(back.state, 'succeeded', `${back.reason}\n${back.stdout}\n${back.stderr}`);
    assert.deepEqual(await one.versions('kernel'), ['kernel 1']);
  });

  test('of kernels the oldest goes as the newest comes, where there are as many as dnf keeps', async () => {
    const one = await host('kernel');
    await one.run(['dnf', '-y', '-q', 'install', 'kernel-2', '--setopt=installonly_limit=2']);
    await one.run(['sh', '-c', 'echo installonly_limit=2 >>/etc/dnf/dnf.conf']);
    const plan = await orders.plan(one.name, { names: ['kernel'] });
    assert.deepEqual(
      plan.changes.map(({ from, to }) => [from, to]),
      [['1-1', '3-1']],
    );
    const done = await orders.carryOut(one.name, { action: 'apply', changes: plan.changes });
    assert.deepEqual(
      [done.state, done.change],
      ['succeeded', 'changed'],
      `${done.reason}\n${done.stdout}\n${done.stderr}`,
    );
    assert.deepEqual(await one.versions('kernel'), ['kernel 2', 'kernel 3']);
  });

  test('the lock is waited for and its holder named; what is not as planned is not touched; a repository that is down is told', async (t) => {
    const one = await host('app', 'old-part');
    const gone = await orders.carryOut(one.name, { action: 'apply', changes: [change('app', '3-1', '4-1')] });
    assert.deepEqual([gone.code, gone.change], ['drifted', 'unchanged']);
    const absent = await orders.carryOut(one.name, {
      ...{ action: 'ensure', names: ['old-part'], state: 'absent' },
    } as const);
    assert.equal(absent.change, 'changed', `${absent.reason}\n${absent.stderr}`);
    const present: PackagesOrder = { action: 'ensure', names: ['app', 'need'], state: 'present' };
    assert.equal((await orders.carryOut(one.name, present)).change, 'changed');
    assert.equal((await orders.carryOut(one.name, present)).change, 'unchanged');
    assert.deepEqual(await one.versions('app', 'need', 'old-part'), ['app 1', 'need 1']);

    const rpmLock = one.see('/var/lib/rpm/.rpm.lock');
    const holder = spawn('flock', ['--no-fork', rpmLock, 'sleep', '600'], { stdio: 'ignore' });
    t.after(() => holder.kill('SIGKILL'));
    await until('it is held', () => readFileSync('/proc/locks', 'utf8').includes(` ${holder.pid} `));
    const locked = await orders.carryOut(one.name, {
      ...{ action: 'apply', lockWaitMs: 1_000, changes: [change('app', '1-1', '2-1'), NEED] },
    } as const);
    assert.equal(locked.code, 'packages-locked', `${locked.reason}`);
    assert.match(locked.reason ?? '', new RegExp(`process ${holder.pid}`));
    holder.kill('SIGKILL');
    await once(holder, 'exit');

    writeFileSync(
      one.see('/etc/yum.repos.d/dead.repo'),
      '[dead]\nname=dead\nbaseurl=http://127.0.0.1:9/\ngpgcheck=0\n',
    );
    const blind = await orders.carryOut(one.name, { action: 'scan' });
    assert.equal(blind.state, 'failed', blind.stdout);
    assert.match(blind.reason ?? '', /lists could not be fetched/);
  });
});
