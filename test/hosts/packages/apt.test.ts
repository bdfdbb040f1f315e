import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import type { PackageHistory, PackageScan } from '../../../proto/packages.ts';
import { startFleet } from '../../e2e/fleet.ts';
import { until } from '../../support/until.ts';
import { APT_NEEDS, type AptHost, type AptHosts, aptHosts } from './apt-hosts.ts';
import { type packageOrders as Orders, packageOrders } from './orders.ts';

const NAMES = ['app', 'lib', 'web', 'whole', 'rival', 'settings', 'fragile', 'pinned', 'slow', 'bulky'];

const change = (name: string, from: string, to: string) => ({ name, arch: 'amd64', from, to });

describe('packages by apt', APT_NEEDS, () => {
  const ends: (() => unknown)[] = [];
  const suite = { after: (fn: () => unknown) => void ends.push(fn) };
  let hosts: AptHosts;
  let orders: ReturnType<typeof Orders>;
  let started = 0;

  before(async () => {
    const fleet = await startFleet(suite);
    hosts = await aptHosts(suite, fleet);
    orders = packageOrders(fleet);
    const { repository, catalogue } = hosts;
    repository.publish('stable', [
      ...catalogue.all('1', ...NAMES, 'web-data', 'old-part', 'extra'),
      ...catalogue.all('2', ...NAMES, 'gone'),
    ]);
    repository.publish('stable-security', [catalogue.deb('exposed', '1+deb12u1')]);
  });
  after(async () => {
    for (const end of ends.reverse()) await end();
  });

  /** A host where these are installed in version 1, and which knows the repository. */
  async function host(...names: string[]): Promise<AptHost> {
    const one = await hosts.start(`h${started++}`, hosts.catalogue.all('1', ...names));
    await one.run(['apt-get', '-q', 'update']);
    return one;
  }

  test('a scan lists what waits, with what is of security and held, and since when', async () => {
    const one = await host('app', 'exposed', 'pinned', 'old-part', 'rival');
    await one.run(['apt-mark', 'hold', 'pinned']);
    const scan = async () =>
      JSON.parse((await orders.carryOut(one.name, { action: 'scan' })).stdout) as PackageScan;
    const first = await scan();
    assert.deepEqual(
      first.pending.map(({ sinceMs: _, ...rest }) => rest),
      [
        { ...change('app', '1', '2'), security: false, held: false },
        { ...change('exposed', '1', '1+deb12u1'), security: true, held: false },
        { ...change('pinned', '1', '2'), security: false, held: true },
        { ...change('rival', '1', '2'), security: false, held: false },
      ],
    );
    assert.equal(first.rebootNeeded, false);
    const later = await scan();
    assert.deepEqual(later.pending, first.pending);
  });

  test('a plan has all that comes along and nothing that makes another package go, and says what it leaves', async () => {
    const one = await host('app', 'lib', 'web', 'rival', 'pinned', 'gone', 'whole', 'old-part');
    await one.run(['apt-mark', 'hold', 'pinned']);
    const plan = await orders.plan(one.name);
    assert.deepEqual(
      plan.changes.map(({ security: _, ...rest }) => rest),
      [
        { ...change('app', '1', '2'), wayBack: true },
        { ...change('gone', '1', '2'), wayBack: false },
        { ...change('lib', '1', '2'), wayBack: true },
        { ...change('web', '1', '2'), wayBack: true },
        { ...change('web-data', '', '1'), wayBack: true },
      ],
    );
    const left = Object.fromEntries(plan.left.map(({ name, why }) => [name, why]));
    assert.equal(left.pinned, 'held');
    assert.match(left.rival ?? '', /app/);
    assert.match(left.whole ?? '', /would remove old-part/);
    assert.ok(plan.downloadBytes > 2000);
    const asked = await orders.plan(one.name, { names: ['whole'] });
    assert.deepEqual(
      asked.changes.map(({ name, to }) => [name, to]),
      [
        ['old-part', ''],
        ['whole', '2'],
      ],
    );
  });

  test('a plan of security updates has those alone', async () => {
    const one = await host('app', 'exposed');
    const plan = await orders.plan(one.name, { security: true });
    assert.deepEqual(
      plan.changes.map(({ name, security }) => [name, security]),
      [['exposed', true]],
    );
  });

  test('what was planned is applied and nothing else, and is reverted, and both once more change nothing', async () => {
    const one = await host('app', 'lib', 'web', 'settings');
    await one.run(['apt-mark', 'auto', 'lib']);
    const { changes } = await orders.plan(one.name, { names: ['web', 'lib'] });
    const checked = await orders.carryOut(one.name, { action: 'apply', changes, check: true });
    assert.deepEqual([checked.state, checked.change], ['succeeded', 'would-change'], checked.reason ?? '');
    assert.equal(await one.version('web'), '1');
    const applied = await orders.carryOut(one.name, { action: 'apply', changes, wayBack: 'required' });
    assert.deepEqual([applied.state, applied.change], ['succeeded', 'changed'], applied.reason ?? '');
    assert.match(applied.stdout, /^web 1 → 2$/m);
    assert.match(applied.stdout, /Setting up web \(2\)/);
    const versions = () => Promise.all(['app', 'lib', 'web', 'web-data'].map(one.version));
    assert.deepEqual(await versions(), ['1', '2', '2', '1']);
    assert.deepEqual((await one.run(['apt-mark', 'showauto'])).trim().split('\n'), ['lib', 'web-data']);
    assert.equal((await orders.carryOut(one.name, { action: 'apply', changes })).change, 'unchanged');
    const reverted = await orders.carryOut(one.name, { action: 'revert', changes });
    assert.deepEqual([reverted.state, reverted.change], ['succeeded', 'changed'], reverted.reason ?? '');
    assert.deepEqual(await versions(), ['1', '1', '1', undefined]);
    assert.equal((await orders.carryOut(one.name, { action: 'revert', changes })).change, 'unchanged');
    const { entries } = JSON.parse(
      (await orders.carryOut(one.name, { action: 'history' })).stdout,
    ) as PackageHistory;
    assert.deepEqual(
      entries.slice(0, 2).map((entry) => entry.changes.map(({ name, from, to }) => [name, from, to])),
      [
        [
          ['lib', '2', '1'],
          ['web', '2', '1'],
          ['web-data', '1', ''],
        ],
        [
          ['lib', '1', '2'],
          ['web', '1', '2'],
          ['web-data', '', '1'],
        ],
      ],
    );
  });

  test('a removal is done where it is planned, and taken back with the files that were kept and its configuration', async () => {
    const one = await host('whole', 'old-part');
    writeFileSync(one.host.see('/etc/old-part.conf'), 'changed here\n');
    const { changes } = await orders.plan(one.name, { names: ['whole'] });
    const applied = await orders.carryOut(one.name, { action: 'apply', changes });
    assert.equal(applied.state, 'succeeded', applied.reason ?? '');
    assert.equal(await one.version('old-part'), undefined);
    const reverted = await orders.carryOut(one.name, { action: 'revert', changes });
    assert.equal(reverted.state, 'succeeded', reverted.reason ?? '');
    assert.deepEqual([await one.version('whole'), await one.version('old-part')], ['1', '1']);
    assert.equal(readFileSync(one.host.see('/etc/old-part.conf'), 'utf8'), 'changed here\n');
  });

  test('a host that moved since the plan is drifted, and so is one where something is held now; neither is touched', async () => {
    const one = await host('app', 'lib', 'web');
    const drifted = async (changes: ReturnType<typeof change>[]) => {
      const {
        state,
        code,
        change: changed,
        reason,
      } = await orders.carryOut(one.name, { action: 'apply', changes });
      assert.deepEqual([state, code, changed], ['failed', 'drifted', 'unchanged'], reason ?? '');
      return reason ?? '';
    };
    assert.match(await drifted([change('app', '0', '2')]), /app is 1, not 0/);
    assert.match(await drifted([change('web', '1', '2')]), /not planned: lib 1 → 2, web-data 1 is installed/);
    assert.match(await drifted([change('app', '1', '9')]), /'9' for 'app' was not found/);
    await one.run(['apt-mark', 'hold', 'app']);
    assert.match(await drifted([change('app', '1', '2')]), /held: app/);
    assert.equal(await one.version('app'), '1');
  });

  test('a configuration file that was changed here stays, or is replaced where that is asked for', async () => {
    const one = await host('settings');
    const path = one.host.see('/etc/settings.conf');
    const changes = [change('settings', '1', '2')];
    writeFileSync(path, 'mine\n');
    assert.equal((await orders.carryOut(one.name, { action: 'apply', changes })).state, 'succeeded');
    assert.equal(readFileSync(path, 'utf8'), 'mine\n');
    assert.equal((await orders.carryOut(one.name, { action: 'revert', changes })).state, 'succeeded');
    const replaced = await orders.carryOut(one.name, { action: 'apply', changes, configFiles: 'replace' });
    assert.equal(replaced.state, 'succeeded', replaced.reason ?? '');
    assert.equal(readFileSync(path, 'utf8'), 'of 2\n');
  });

  test('a package whose script fails is named with it, and reverted from there', async () => {
    const one = await host('fragile', 'app');
    const changes = [change('app', '1', '2'), change('fragile', '1', '2')];
    const applied = await orders.carryOut(one.name, { action: 'apply', changes });
    assert.equal(applied.state, 'failed');
    assert.match(
      applied.reason ?? '',
      /^fragile: installed fragile package post-installation script subprocess returned error exit status 7; 1 of 2 are as ordered; fragile is not set up$/,
    );
    assert.match(applied.stderr, /fragile cannot go on/);
    assert.equal(applied.change, null);
    const reverted = await orders.carryOut(one.name, { action: 'revert', changes });
    assert.equal(reverted.state, 'succeeded', reverted.reason ?? '');
    assert.deepEqual([await one.version('app'), await one.version('fragile')], ['1', '1']);
  });

  test('what cannot be had again is not changed where a way back is required', async () => {
    const one = await host('gone');
    const changes = [change('gone', '1', '2')];
    const refused = await orders.carryOut(one.name, { action: 'apply', changes, wayBack: 'required' });
    assert.deepEqual([refused.state, refused.code, refused.change], ['failed', 'no-way-back', 'unchanged']);
    assert.equal(await one.version('gone'), '1');
    const applied = await orders.carryOut(one.name, { action: 'apply', changes, wayBack: 'wanted' });
    assert.equal(applied.state, 'succeeded', applied.reason ?? '');
    assert.equal((await orders.carryOut(one.name, { action: 'revert', changes })).code, 'no-way-back');
    assert.equal(await one.version('gone'), '2');
  });

  test('a version that left the repository after the change comes back from what was kept', async () => {
    const one = await host('app');
    const changes = [change('app', '1', '2')];
    assert.equal((await orders.carryOut(one.name, { action: 'apply', changes })).state, 'succeeded');
    const deb = hosts.catalogue.deb('app', '1');
    hosts.repository.remove('stable', 'app', '1');
    try {
      await one.run(['apt-get', '-q', 'update']);
      await one.run(['apt-get', 'clean']);
      const reverted = await orders.carryOut(one.name, { action: 'revert', changes });
      assert.equal(reverted.state, 'succeeded', reverted.reason ?? '');
      assert.equal(await one.version('app'), '1');
    } finally {
      hosts.repository.add('stable', deb);
    }
  });

  test('whoever holds the lock is named and waited for, up to a limit', async () => {
    const one = await host('app');
    const changes = [change('app', '1', '2')];
    const locker = one.run([
      'perl',
      '-e',
      'use Fcntl; open(F, ">>", "/var/lib/dpkg/lock-frontend"); my $l = pack("s s x4 q q i", F_WRLCK, 0, 0, 0, 0); fcntl(F, F_SETLK, $l) or die; open(G, ">", "/run/locked"); sleep 1 while (!-e "/run/unlock")',
    ]);
    await until('it is locked', () => existsSync(one.host.see('/run/locked')));
    const refused = await orders.carryOut(one.name, { action: 'apply', changes, lockWaitMs: 600 });
    assert.deepEqual(
      [refused.state, refused.code, refused.change],
      ['failed', 'packages-locked', 'unchanged'],
    );
    assert.match(refused.reason ?? '', /perl \(process \d+\), after 0\.6 s/);
    const job = await orders.begin(one.name, { action: 'apply', changes });
    writeFileSync(one.host.see('/run/unlock'), '');
    await locker;
    const applied = await orders.end(job);
    assert.equal(applied.state, 'succeeded', applied.reason ?? '');
  });

  test('a repository that goes down in the middle of a download changes nothing', async () => {
    const one = await host('bulky', 'app');
    const changes = [change('app', '1', '2'), change('bulky', '1', '2')];
    hosts.repository.fault = { dieAfterBytes: 300_000 };
    try {
      const failed = await orders.carryOut(one.name, { action: 'apply', changes, wayBack: 'none' });
      assert.deepEqual([failed.state, failed.change], ['failed', 'unchanged'], failed.reason ?? '');
      assert.match(failed.reason ?? '', /could not be fetched: .*bulky_2_all\.deb/);
      assert.deepEqual([await one.version('app'), await one.version('bulky')], ['1', '1']);
      const scan = await orders.carryOut(one.name, { action: 'scan' });
      assert.equal(scan.state, 'failed');
      assert.match(scan.reason ?? '', /could not be fetched: .*127\.0\.0\.1/);
      assert.equal(scan.stdout, '');
    } finally {
      hosts.repository.fault = 'none';
    }
  });

  test('a full disk is refused before anything is changed', async () => {
    const one = await host('bulky', 'app');
    await one.run(['mount', '-t', 'tmpfs', '-o', 'size=16m', 'none', '/var/cache']);
    await one.run(['mkdir', '-p', '/var/cache/apt/archives/partial']);
    const changes = [change('bulky', '1', '2')];
    const refused = await orders.carryOut(one.name, { action: 'apply', changes, wayBack: 'none' });
    assert.deepEqual(
      [refused.state, refused.code, refused.change],
      ['failed', 'disk-reserve', 'unchanged'],
      refused.reason ?? '',
    );
    assert.equal(await one.version('bulky'), '1');
  });

  test('an agent that is killed while dpkg works leaves it at work, and the next one comes to its true end', async () => {
    const one = await host('slow', 'app');
    const changes = [change('app', '1', '2'), change('slow', '1', '2')];
    const job = await orders.begin(one.name, { action: 'apply', changes });
    await until('it is being set up', () => existsSync(one.host.see('/run/slow-begun')), 30_000);
    await one.agent.stop('SIGKILL');
    one.agent.begin();
    writeFileSync(one.host.see('/run/slow-go'), '');
    const { state, reason, change: changed } = await orders.end(job);
    assert.deepEqual([state, changed], ['succeeded', 'changed'], reason ?? '');
    assert.deepEqual([await one.version('app'), await one.version('slow')], ['2', '2']);
    const log = readFileSync(one.host.see('/var/log/apt/history.log'), 'utf8');
    assert.equal(log.match(/^Upgrade: .*slow/gm)?.length, 1);
  });

  test('what an operation that was cut off left is brought to its end before anything else', async () => {
    const one = await host('slow', 'app');
    const cut = one.run(['apt-get', '-qy', 'install', 'slow=2']).catch(() => {});
    await until('it is being set up', () => existsSync(one.host.see('/run/slow-begun')), 30_000);
    await one.run([
      'sh',
      '-c',
      'for p in /proc/[0-9]*; do case $(cat $p/comm) in apt-get|dpkg|slow.postinst) kill -9 $(basename $p) || true;; esac; done',
    ]);
    await cut;
    assert.equal(await one.version('slow'), '2 half-configured');
    writeFileSync(one.host.see('/run/slow-go'), '');
    const applied = await orders.carryOut(one.name, { action: 'apply', changes: [change('app', '1', '2')] });
    assert.equal(applied.state, 'succeeded', applied.reason ?? '');
    assert.deepEqual([await one.version('app'), await one.version('slow')], ['2', '2']);
  });

  test('ensure installs, brings to a version or the latest, and removes, and does nothing twice', async () => {
    const one = await host('app', 'lib', 'web');
    const ensure = async (state: 'present' | 'latest' | 'absent', names: string[], more = {}) => {
      const end = await orders.carryOut(one.name, { action: 'ensure', names, state, ...more });
      return [end.state, end.change, end.reason];
    };
    const done = (how: string) => ['succeeded', how, null];
    assert.deepEqual(await ensure('present', ['extra'], { check: true }), done('would-change'));
    assert.deepEqual(await ensure('present', ['extra']), done('changed'));
    assert.deepEqual(await ensure('present', ['extra', 'app']), done('unchanged'));
    assert.deepEqual(await ensure('latest', ['app']), done('changed'));
    assert.deepEqual(await ensure('present', ['app'], { version: '1' }), done('changed'));
    assert.equal(await one.version('app'), '1');
    assert.deepEqual(await ensure('absent', ['extra']), done('changed'));
    assert.deepEqual(await ensure('absent', ['extra']), done('unchanged'));
    const [state, change, reason] = await ensure('absent', ['lib']);
    assert.deepEqual([state, change], ['failed', 'unchanged']);
    assert.match(reason ?? '', /would remove web as well/);
    assert.match((await ensure('present', ['no-such']))[2] ?? '', /Unable to locate package no-such/);
  });

  test('hold and unhold change what they name, once', async () => {
    const one = await host('app');
    const set = async (action: 'hold' | 'unhold') =>
      (await orders.carryOut(one.name, { action, names: ['app'] })).change;
    assert.deepEqual([await set('hold'), await set('hold')], ['changed', 'unchanged']);
    assert.equal(await one.run(['apt-mark', 'showhold']), 'app\n');
    assert.deepEqual([await set('unhold'), await set('unhold')], ['changed', 'unchanged']);
  });
});
