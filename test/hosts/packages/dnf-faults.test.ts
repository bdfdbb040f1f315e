import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { PackageHistory, PackageScan } from '../../../proto/packages.ts';
import { startFleet, type TestFleet } from '../../e2e/fleet.ts';
import { until } from '../../support/until.ts';
import { DNF_NEEDS, type DnfHost, startDnfHost } from './dnf-hosts.ts';
import { type PackagesOrder, packageOrders } from './orders.ts';
import { rpmRepository } from './rpm-repository.ts';

const change = (name: string, from: string, to: string, arch = 'noarch') => ({ name, arch, from, to });
const APP = change('app', '1-1', '2-1');
const REASONS = ['repoquery', '--installed', '--queryformat=%{name} %{reason}'];

describe('packages by dnf, where something goes wrong', DNF_NEEDS, () => {
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
      ...['1', '2'].flatMap((version) => [
        { name: 'app', version },
        { name: 'lib', version },
        { name: 'both', version, arch: 'x86_64' },
        { name: 'both', version, arch: 'i686' },
        { name: 'put-aside', version, settings: `of ${version}`, isReplaced: true },
        { name: 'stays', version, settings: `of ${version}` },
      ]),
      { name: 'user', version: '1', head: 'Requires: lib' },
      { name: 'user', version: '2', head: 'Requires: lib, more' },
      { name: 'more', version: '1' },
      { name: 'dated', version: '1~rc1', head: 'Epoch: 1' },
      { name: 'dated', version: '1', head: 'Epoch: 1' },
      { name: 'old-name', version: '1' },
      { name: 'new-name', version: '2', head: 'Provides: old-name = 2\nObsoletes: old-name < 2' },
      { name: 'refuses', version: '1' },
      { name: 'refuses', version: '2', body: '%pre\necho not here >&2\nexit 7' },
      { name: 'slow', version: '1' },
      {
        name: 'slow',
        version: '2',
        body: '%post\necho >/run/slow-begun\nwhile [ ! -e /run/slow-go ]; do sleep 0.1; done',
      },
    );
    repository.publish();
  });
  after(async () => {
    for (const end of ends.reverse()) await end();
  });

  const host = (...installed: string[]): Promise<DnfHost> =>
    startDnfHost(suite, fleet, repository.folder, `f${started++}`, ['shell', ...installed]);
  const apply = (one: DnfHost, changes: PackagesOrder['changes'], more: Partial<PackagesOrder> = {}) =>
    orders.carryOut(one.name, { action: 'apply', changes: changes ?? [], ...more });
  const revert = (one: DnfHost, changes: PackagesOrder['changes']) =>
    orders.carryOut(one.name, { action: 'revert', changes: changes ?? [] });

  test('why a package is there stays so over a change and back, and what comes along is there for others', async () => {
    const one = await host('user-1', 'lib-1', 'dated-1~rc1');
    await one.run(['dnf', '-q', '-y', 'mark', 'remove', 'lib']);
    const reasons = async () =>
      (await one.run(['dnf', '-q', ...REASONS]))
        .trim()
        .split('\n')
        .filter((line) => !line.startsWith('shell'));
    const before = await reasons();
    assert.deepEqual(before, ['dated user', 'lib dependency', 'user user']);
    const plan = await orders.plan(one.name);
    assert.deepEqual(
      plan.changes.map(({ name, from, to }) => [name, from, to]),
      [
        ['dated', '1:1~rc1-1', '1:1-1'],
        ['lib', '1-1', '2-1'],
        ['more', '', '1-1'],
        ['user', '1-1', '2-1'],
      ],
    );
    const done = await apply(one, plan.changes);
    assert.equal(done.state, 'succeeded', `${done.reason}\n${done.stdout}`);
    assert.deepEqual(await reasons(), ['dated user', 'lib dependency', 'more dependency', 'user user']);
    const back = await revert(one, plan.changes);
    assert.equal(back.state, 'succeeded', `${back.reason}\n${back.stdout}`);
    assert.deepEqual(await reasons(), before);
    const { stdout } = await orders.carryOut(one.name, { action: 'history' });
    const { entries } = JSON.parse(stdout) as PackageHistory;
    assert.deepEqual(
      entries.slice(0, 2).map(({ changes }) => changes.length),
      [4, 4],
      'marks alone are no change of versions',
    );
  });

  test('a package that takes the place of another is planned as both, done, and taken back', async () => {
    const one = await host('old-name-1', 'both-1-1.x86_64', 'both-1-1.i686');
    const plan = await orders.plan(one.name, { names: ['both'] });
    assert.deepEqual(
      plan.changes.map(({ arch, from, to }) => [arch, from, to]),
      [
        ['i686', '1-1', '2-1'],
        ['x86_64', '1-1', '2-1'],
      ],
    );
    const both = await apply(one, plan.changes);
    assert.equal(both.state, 'succeeded', `${both.reason}\n${both.stdout}`);
    assert.deepEqual(await one.versions('both'), ['both 2', 'both 2']);
    const changes = [change('new-name', '', '2-1'), change('old-name', '1-1', '')];
    const done = await apply(one, changes);
    assert.equal(done.state, 'succeeded', `${done.reason}\n${done.stdout}`);
    assert.deepEqual(await one.versions('*-name'), ['new-name 2']);
    assert.match(await one.run(['dnf', '-q', ...REASONS, 'new-name']), /user/);
    const back = await revert(one, [...changes, ...plan.changes]);
    assert.equal(back.state, 'succeeded', `${back.reason}\n${back.stdout}`);
    assert.deepEqual(await one.versions('*-name', 'both'), ['both 1', 'both 1', 'old-name 1']);
  });

  test('of configuration files that were changed the one stays and the other is put aside, as dnf says, unless they are to be replaced', async () => {
    const one = await host('stays-1', 'put-aside-1');
    const changes = [change('put-aside', '1-1', '2-1'), change('stays', '1-1', '2-1')];
    const [stays, aside] = [one.see('/etc/stays.conf'), one.see('/etc/put-aside.conf')];
    for (const path of [stays, aside]) writeFileSync(path, 'mine\n');
    const done = await apply(one, changes);
    assert.equal(done.state, 'succeeded', `${done.reason}\n${done.stdout}`);
    const read = (path: string) => readFileSync(path, 'utf8');
    assert.deepEqual([read(stays), read(`${stays}.rpmnew`)], ['mine\n', 'of 2\n']);
    assert.deepEqual([read(aside), read(`${aside}.rpmsave`)], ['of 2\n', 'mine\n']);
    assert.match(done.stdout, /\/etc\/stays\.conf created as \/etc\/stays\.conf\.rpmnew/);
    assert.match(done.stdout, /\/etc\/put-aside\.conf saved as \/etc\/put-aside\.conf\.rpmsave/);
    assert.equal((await revert(one, changes)).state, 'succeeded');
    assert.equal(read(stays), 'mine\n');
    const replaced = await apply(one, changes, { configFiles: 'replace' });
    assert.equal(replaced.state, 'succeeded', `${replaced.reason}\n${replaced.stdout}`);
    assert.deepEqual([read(stays), existsSync(`${stays}.rpmnew`)], ['of 2\n', false]);
  });

  test('what is locked or excluded is told, planned by nobody and not touched; without its plugin dnf holds nothing, and that is told', async () => {
    const one = await host('app-1', 'lib-1');
    const held = await orders.carryOut(one.name, { action: 'hold', names: ['lib'] });
    assert.deepEqual([held.state, held.change], ['failed', 'unchanged']);
    assert.match(held.reason ?? '', /install python3-dnf-plugin-versionlock/);
    await one.run(['mkdir', '-p', '/etc/dnf/plugins']);
    writeFileSync(one.see('/etc/dnf/plugins/versionlock.list'), '# Added lock on a day\napp-0:1-1.*\n');
    await one.run(['sh', '-c', 'echo exclude=lib >>/etc/dnf/dnf.conf']);
    const { stdout } = await orders.carryOut(one.name, { action: 'scan' });
    const { pending } = JSON.parse(stdout) as PackageScan;
    assert.deepEqual(
      pending.map(({ name, to, held }) => [name, to, held]),
      [
        ['app', '2-1', true],
        ['lib', '2-1', true],
      ],
    );
    const plan = await orders.plan(one.name);
    assert.deepEqual(plan.changes, []);
    assert.deepEqual(plan.left, [
      { name: 'app', why: 'held' },
      { name: 'lib', why: 'held' },
    ]);
    for (const name of ['app', 'lib']) {
      const end = await apply(one, [change(name, '1-1', '2-1')]);
      assert.deepEqual([end.code, end.change], ['drifted', 'unchanged'], `${name} ${end.reason}`);
    }
  });

  test('a script that refuses its package leaves the version before, and is named', async () => {
    const one = await host('refuses-1', 'app-1');
    const end = await apply(one, [APP, change('refuses', '1-1', '2-1')]);
    assert.equal(end.state, 'failed');
    assert.match(
      end.reason ?? '',
      /^%prein of refuses-2-1\.noarch failed, exit status 7; 1 of 2 are as ordered/,
    );
    assert.deepEqual(await one.versions('app', 'refuses'), ['app 2', 'refuses 1']);
    const back = await revert(one, [APP, change('refuses', '1-1', '2-1')]);
    assert.equal(back.state, 'succeeded', `${back.reason}\n${back.stdout}`);
    assert.deepEqual(await one.versions('app', 'refuses'), ['app 1', 'refuses 1']);
  });

  test('where signatures are to be checked and cannot be, nothing is installed, and what is missing is told', async () => {
    const one = await host('app-1');
    await one.run(['sed', '-i', 's/gpgcheck=0/gpgcheck=1/', '/etc/yum.repos.d/fixture.repo']);
    for (const wayBack of ['wanted', 'none'] as const) {
      const end = await apply(one, [APP], { wayBack });
      assert.deepEqual([end.state, end.change], ['failed', 'unchanged']);
      assert.match(end.reason ?? '', /^signatures of the repository fixture are to be checked, and no key/);
    }
    assert.deepEqual(await one.versions('app'), ['app 1']);
  });

  test('what nobody has any more is told in the plan, and is not changed where a way back is required', async () => {
    const own = rpmRepository(suite);
    own.add({ name: 'app', version: '1' }, { name: 'app', version: '2' });
    own.publish();
    const one = await startDnfHost(suite, fleet, own.folder, `f${started++}`, ['app-1']);
    own.remove('app', '1');
    own.publish();
    const plan = await orders.plan(one.name);
    assert.deepEqual(plan.changes, [{ ...APP, security: false, wayBack: false }]);
    const refused = await apply(one, [APP], { wayBack: 'required' });
    assert.deepEqual([refused.code, refused.change], ['no-way-back', 'unchanged']);
    const done = await apply(one, [APP], { wayBack: 'wanted' });
    assert.equal(done.state, 'succeeded', `${done.reason}\n${done.stdout}`);
    assert.equal((await revert(one, [APP])).code, 'no-way-back');
    own.add({ name: 'app', version: '3' });
    own.publish();
    await orders.plan(one.name);
    own.remove('app', '3');
    const lost = await apply(one, [change('app', '2-1', '3-1')]);
    assert.deepEqual([lost.state, lost.change], ['failed', 'unchanged'], lost.stdout);
    assert.match(lost.reason ?? '', /app-3/);
    assert.deepEqual(await one.versions('app'), ['app 2']);
  });

  test('a repository that goes down in the middle of a download changes nothing', async (t) => {
    const one = await host('app-1');
    let isDown = false;
    const server = createServer((request, response) => {
      const path = join(repository.folder, decodeURIComponent(request.url ?? ''));
      if (isDown) return void response.destroy();
      if (!existsSync(path)) return void response.writeHead(404).end();
      const body = readFileSync(path);
      response.writeHead(200, { 'content-length': body.length });
      if (!path.endsWith('.rpm')) return void response.end(body);
      isDown = true;
      response.write(body.subarray(0, 1_000), () => response.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    await one.run([
      'sed',
      '-i',
      `s#file:///repo#http://127.0.0.1:${port}/#`,
      '/etc/yum.repos.d/fixture.repo',
    ]);
    await one.run(['dnf', '-q', '-y', '--refresh', 'makecache']);
    const end = await apply(one, [APP], { wayBack: 'none' });
    assert.ok(isDown);
    assert.deepEqual([end.state, end.change], ['failed', 'unchanged'], end.stdout);
    assert.match(end.reason ?? '', /app-2-1\.noarch: Cannot download/);
    assert.deepEqual(await one.versions('app'), ['app 1']);
    const scan = await orders.carryOut(one.name, { action: 'scan' });
    assert.equal(scan.state, 'failed');
    assert.match(scan.reason ?? '', /^the repositories' lists could not be fetched: .*fixture/);
  });

  test('a full disk is told before anything is changed', async () => {
    const one = await host('app-1');
    await one.run(['mount', '-t', 'tmpfs', '-o', 'size=64k', 'none', '/usr/share/fixture']);
    await one.run(['sh', '-c', 'cat /dev/zero >/usr/share/fixture/full || true']);
    const end = await apply(one, [APP]);
    assert.deepEqual([end.state, end.change], ['failed', 'unchanged'], end.stdout);
    assert.match(end.reason ?? '', /needs .* more space on the \/usr\/share\/fixture filesystem/);
    assert.deepEqual(await one.versions('app'), ['app 1']);
  });

  test('an agent that is killed while rpm works leaves it at work, and the next one comes to its true end', async () => {
    const one = await host('slow-1', 'app-1');
    const job = await orders.begin(one.name, {
      action: 'apply',
      changes: [APP, change('slow', '1-1', '2-1')],
    });
    await until('its script runs', () => existsSync(one.see('/run/slow-begun')), 30_000);
    await one.agent.stop('SIGKILL');
    one.agent.begin();
    writeFileSync(one.see('/run/slow-go'), '');
    const end = await orders.end(job);
    assert.deepEqual([end.state, end.change], ['succeeded', 'changed'], `${end.reason}\n${end.stdout}`);
    assert.deepEqual(await one.versions('app', 'slow'), ['app 2', 'slow 2']);
  });

  test('what dnf left twice when it was killed is told, mended before the next change, and goes back', async () => {
    const one = await host('slow-1', 'app-1');
    const slow = [change('slow', '1-1', '2-1')];
    const job = await orders.begin(one.name, { action: 'apply', changes: slow });
    await until('its script runs', () => existsSync(one.see('/run/slow-begun')), 30_000);
    await one.run(['sh', '-c', KILL_RPM]);
    const end = await orders.end(job);
    assert.equal(end.state, 'failed', end.stdout);
    assert.match(end.reason ?? '', /slow is not set up/);
    assert.deepEqual(await one.versions('slow'), ['slow 1', 'slow 2']);
    writeFileSync(one.see('/run/slow-go'), '');
    const next = await apply(one, [APP]);
    assert.equal(next.state, 'succeeded', `${next.reason}\n${next.stdout}`);
    assert.match(next.stdout, /what was cut off: .*slow-1-1\.noarch is a duplicate with slow-2-1\.noarch/);
    assert.deepEqual(await one.versions('app', 'slow'), ['app 2', 'slow 2']);
    const back = await revert(one, slow);
    assert.equal(back.state, 'succeeded', `${back.reason}\n${back.stdout}`);
    assert.deepEqual(await one.versions('slow'), ['slow 1']);

    // Once more, and straight back.
    for (const name of ['slow-begun', 'slow-go']) await one.run(['rm', `/run/${name}`]);
    const again = await orders.begin(one.name, { action: 'apply', changes: slow });
    await until('its script runs', () => existsSync(one.see('/run/slow-begun')), 30_000);
    await one.run(['sh', '-c', KILL_RPM]);
    assert.equal((await orders.end(again)).state, 'failed');
    writeFileSync(one.see('/run/slow-go'), '');
    const straight = await revert(one, slow);
    assert.equal(straight.state, 'succeeded', `${straight.reason}\n${straight.stdout}`);
    assert.match(straight.stdout, /slow-1-1\.noarch is a duplicate with slow-2-1\.noarch[\s\S]*Reinstalling/);
    assert.deepEqual(await one.versions('slow'), ['slow 1']);
  });

  test('a change that is cancelled while rpm works goes back as a whole', async () => {
    const one = await host('slow-1', 'app-1');
    const changes = [APP, change('slow', '1-1', '2-1')];
    const job = await orders.begin(one.name, { action: 'apply', changes });
    await until('its script runs', () => existsSync(one.see('/run/slow-begun')), 30_000);
    await fleet.client.call('jobs.cancel', { params: { job }, body: {} });
    assert.equal((await orders.end(job)).state, 'cancelled');
    writeFileSync(one.see('/run/slow-go'), '');
    const back = await revert(one, changes);
    assert.equal(back.state, 'succeeded', `${back.reason}\n${back.stdout}`);
    assert.deepEqual(await one.versions('app', 'slow'), ['app 1', 'slow 1']);
  });
});

/** Of the processes with this root those that change its packages. */
const KILL_RPM = `for p in /proc/[0-9]*; do
  [ "$(stat -Lc %d:%i "$p/root" 2>/dev/null)" = "$(stat -Lc %d:%i /)" ] || continue
  [ "$(cat "$p/comm")" = dnf ] || tr '\\0' ' ' <"$p/cmdline" | grep -q '^/bin/sh /var/tmp/rpm-tmp' || continue
  kill -9 "\${p#/proc/}"
done 2>/dev/null; true`;
