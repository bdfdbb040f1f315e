import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { createClient } from '../../controller/cli/client.ts';
import type { Context } from '../../controller/cli/context.ts';
import type { Packed } from '../../controller/installer/build.ts';
import { createBuilds } from '../../controller/installer/builds/builds.ts';
import { HostFailure } from '../../controller/installer/failure.ts';
import { LAYOUT } from '../../controller/installer/remote/layout.ts';
import { systemClock } from '../../proto/system.ts';
import { MUSTER_VERSION } from '../../proto/version.ts';
import {
  BUNDLE,
  buildsOf,
  cutting,
  type InstallMore,
  installStage,
  packedBundle,
  registrarOf,
} from '../controller/installer/install-stage.ts';
import { stage } from '../controller/installer/ssh/stage.ts';
import { bundleOf, type Fault } from '../e2e/installed.ts';
import { connectProxy } from '../support/connect-proxy.ts';
import { shellConnection } from '../support/shell-connection.ts';
import { until } from '../support/until.ts';
import { difference, filesOf } from './leftovers.ts';
import { SSHD_NEEDS, type SshHost, type SshHostOptions } from './sshd.ts';
import { treePath } from './tree.ts';

type Test = { after(fn: () => unknown): void };

/** A host with a Node and no service manager, and a fleet. */
async function scene(t: Test, options: SshHostOptions = {}, flags: readonly string[] = []) {
  const on = stage(t);
  const [host, { install, fleet }] = await Promise.all([
    on.hosts.start({ node: true, ...options }),
    installStage(t, flags),
  ]);
  const before = await filesOf(host);
  return {
    ...{ host, fleet, install },
    connect: () => on.connect(on.destination(host)),
    enter: () => shellConnection(t, host.entry()),
    agents: () =>
      fleet.json<{ name: string; online: boolean; labels: object; agentVersion: string }[]>([
        'agents',
        '--json',
      ]),
    left: async () => difference(before, await filesOf(host)),
    processes: () => processesOf(host),
  };
}

/** Of the agent; what it runs for others is not. */
async function processesOf(host: SshHost): Promise<string> {
  const all = await host.run([
    'sh',
    '-c',
    'for one in /proc/[0-9]*/cmdline; do tr "\\0" " " <$one; echo; done',
  ]);
  return all
    .split('\n')
    .filter((line) => line.includes(LAYOUT.program))
    .join('\n');
}

const version = (name: string, fault?: Fault) => ({
  builds: buildsOf(packedBundle(bundleOf(name, fault), name)),
});

describe('an install of one host', { ...SSHD_NEEDS, concurrency: 2 }, () => {
  test('brings the bundle onto a host with a Node, and uninstalling leaves nothing', async (t) => {
    const { host, install, connect, agents, left, processes } = await scene(t, { noexecTmp: true });
    const first = await install(connect, { entry: { labels: { role: 'web' } } });
    assert.equal(first.result?.did, 'installed', first.failure?.message);
    assert.ok(first.result.sentBytes < 300_000, `${first.result.sentBytes} bytes`);
    const [agent] = await agents();
    assert.deepEqual([agent?.name, agent?.online, agent?.labels], ['host-0', true, { role: 'web' }]);
    const modes = await host.run([
      'stat',
      '-c',
      '%U %a',
      LAYOUT.launcher,
      LAYOUT.home,
      `${LAYOUT.home}/identity.json`,
    ]);
    assert.equal(modes, 'root 755\nroot 711\nroot 600\n');

    const again = await install(connect);
    assert.deepEqual([again.result?.did, again.result?.sentBytes], ['unchanged', 0], again.failure?.message);
    const agentId = again.result?.agentId;
    await host.run(['sh', '-c', 'kill -KILL $(cut -d " " -f 1 /run/muster-agent.pid)']);
    await host.run(['rm', LAYOUT.command]);
    const mended = await install(connect);
    assert.deepEqual(
      [mended.result?.did, mended.result?.agentId],
      ['repaired', agentId],
      mended.failure?.message,
    );
    await host.run([LAYOUT.command, 'status']);

    await host.run([LAYOUT.uninstaller]);
    assert.deepEqual(await left(), []);
    assert.equal(await processes(), '');
  });

  test('finds two names of one machine, and leaves the second alone', async (t) => {
    const on = stage(t);
    const [hosts, { install }] = await Promise.all([
      Promise.all([on.hosts.start({ node: true }), on.hosts.start({ node: true })]),
      installStage(t),
    ]);
    const met = new Map<string, string>();
    const at = (host: SshHost | undefined, written: string) =>
      install(async () => shellConnection(t, host?.entry()), {
        entry: { written },
        settings: { check: true },
        claim(machine) {
          const other = met.get(machine);
          met.set(machine, other ?? written);
          return other;
        },
      });
    assert.equal((await at(hosts[0], 'web-1')).result?.name, 'host-0');
    const again = await at(hosts[0], 'www');
    assert.deepEqual([again.failure?.because, again.failure?.detail], ['same-machine', 'web-1']);
    assert.equal((await at(hosts[1], 'web-2')).result?.name, 'host-1', 'of the same kernel');
  });

  test('adds labels to an agent that is there, gives one that was removed new keys, and takes no name from another', async (t) => {
    const { host, fleet, install, connect, agents, left } = await scene(t);
    const first = await install(connect, { entry: { labels: { role: 'web' } } });
    const again = await install(connect, { entry: { labels: { env: 'prod' } } });
    assert.equal(again.result?.did, 'unchanged', again.failure?.message);
    assert.deepEqual((await agents())[0]?.labels, { role: 'web', env: 'prod' });

    await fleet.client.call('agents.remove', { params: { agent: 'host-0' } });
    const anew = await install(connect);
    assert.equal(anew.result?.did, 'repaired', anew.failure?.message);
    assert.notEqual(anew.result?.agentId, first.result?.agentId);
    assert.match(anew.warnings.join(), /gets new keys/);
    assert.deepEqual(
      (await agents()).map(({ online }) => online),
      [true],
    );

    await host.run([LAYOUT.uninstaller]);
    const taken = await install(connect);
    assert.equal(taken.failure?.because, 'name-taken');
    assert.deepEqual(await left(), []);
    const replaced = await install(connect, { entry: { name: 'host-0' }, settings: { replace: true } });
    assert.equal(replaced.result?.did, 'installed', replaced.failure?.message);
    assert.equal((await agents()).length, 1);
  });

  test('under --check changes nothing and says what it would do', async (t) => {
    const { install, connect, left, agents } = await scene(t);
    const { result, failure, steps } = await install(connect, { settings: { check: true } });
    assert.match(
      result?.plan.join('\n') ?? failure?.message ?? '',
      /into \/opt\/muster-agent\/a\nmake its keys/,
    );
    assert.deepEqual(steps, ['connect', 'probe']);
    assert.deepEqual(await left(), []);
    assert.deepEqual(await agents(), []);
  });

  test('tells a controller that cannot be reached from there before anything is copied', async (t) => {
    const { install, connect, left, fleet } = await scene(t, { node: false });
    const trust = await fleet.client.call('fleet.trust', {});
    const urls = ['https://127.0.0.1:1', 'https://nosuch.invalid:7443'];
    const { failure, steps } = await install(connect, { ports: { trust: { ...trust, urls } } });
    assert.equal(failure?.because, 'controller-unreachable');
    assert.match(failure?.detail ?? '', /127\.0\.0\.1:1: .*nosuch\.invalid/);
    assert.deepEqual(steps, ['connect', 'lock', 'probe', 'undo']);
    assert.deepEqual(await left(), []);
  });

  test('brings the executable onto a host without a Node', async (t) => {
    const { host, install, connect, agents, left } = await scene(t, { node: false });
    const builds = createBuilds({
      ...{ folder: join(dirname(treePath()), 'builds'), archives: [], env: process.env, note: () => {} },
      ...{ node: { path: process.execPath, version: process.version }, now: Date.now, clock: systemClock },
    });
    t.after(() => builds.close());
    const { result, failure } = await install(connect, { ports: { builds } });
    assert.deepEqual([result?.did, result?.form], ['installed', 'executable'], failure?.message);
    assert.deepEqual(
      (await agents()).map(({ online }) => online),
      [true],
    );
    await host.run([LAYOUT.command, 'status']);
    await host.run([LAYOUT.uninstaller]);
    assert.deepEqual(await left(), []);
  });

  test('lets the agent reach its controller by a proxy, whose password only root can read', async (t) => {
    const flags: string[] = [];
    const { host, fleet, install, connect } = await scene(t, {}, flags);
    const proxy = await connectProxy(t);
    proxy.credentials = 'robot:sword$fish';
    // A name that only the proxy can look up.
    const direct = fleet.url;
    flags.push('--url', `https://controller.test:${new URL(direct).port}`);
    await fleet.stopController();
    await fleet.startController();
    const context = JSON.parse(readFileSync(join(fleet.home, 'context.json'), 'utf8')) as Context;
    const client = createClient({ ...context, url: direct });
    t.after(() => client.close());
    const trust = await client.call('fleet.trust', {});
    const { failure, warnings } = await install(connect, {
      settings: { proxy: `http://robot:sword%24fish@127.0.0.1:${proxy.port}` },
      ports: {
        trust: { ...trust, urls: trust.urls.filter((url) => url !== direct) },
        registrar: registrarOf({ client }),
      },
    });
    assert.equal(failure, undefined, failure?.message);
    assert.match(warnings.join(), /not known: https:\/\/controller\.test/, 'nothing there can ask a proxy');
    assert.deepEqual(proxy.asked.at(-1)?.credentials, 'robot:sword$fish');
    assert.equal(await host.run(['stat', '-c', '%U %a', LAYOUT.settings.debian]), 'root 600\n');
    const told = [
      await host.run(['sh', '-c', 'cat /proc/[0-9]*/cmdline']),
      host.log(),
      warnings.join(),
    ].join();
    assert.ok(!told.includes('sword'));
  });

  test('is undone when it fails or is stopped, wherever that is', async (t) => {
    const { install, connect, left, agents, processes, fleet } = await scene(t);
    const real = registrarOf(fleet);
    const fail = async (): Promise<never> => {
      throw new HostFailure('refused', 'for a test');
    };
    const failing: [string, InstallMore['ports']][] = [
      ['register', { registrar: { ...real, register: fail } }],
      ['online', { registrar: { ...real, online: fail } }],
      ['ping', { registrar: { ...real, ping: fail } }],
    ];
    for (const [where, ports] of failing) {
      const { failure, warnings } = await install(connect, { ports });
      assert.equal(failure?.because, 'refused', where);
      assert.deepEqual(await left(), [], where);
      assert.deepEqual(await agents(), [], where);
      assert.deepEqual(
        warnings.filter((text) => text.startsWith('left')),
        [],
        where,
      );
    }
    for (const where of ['lock', 'probe', 'place', 'init', 'register', 'service', 'online', 'ping']) {
      const stopping = new AbortController();
      const { failure } = await install(connect, {
        stop: stopping.signal,
        tell: (event) => {
          if (event.what === 'step' && event.step === where) stopping.abort();
        },
      });
      assert.equal(failure?.because, 'stopped', where);
      assert.deepEqual(await left(), [], where);
      assert.deepEqual(await agents(), [], where);
    }
    assert.equal(await processes(), '');
    const { result } = await install(connect);
    assert.equal(result?.did, 'installed');
  });

  test('that lost its connection after any of its steps is finished by another one', async (t) => {
    const { host, install, enter, agents, left, fleet } = await scene(t);
    let isCut = true;
    let count = FIRST_CHANGE;
    for (; isCut; count += 1) {
      const first = await install(async () => cutting(await enter(), count));
      isCut = first.failure !== undefined;
      if (isCut) assert.equal(first.failure?.because, 'cut', `${count}: ${first.failure?.message}`);
      // The broken connection has freed it.
      assert.doesNotMatch(first.warnings.join(), /the lock/, `${count}`);
      const [registered] = await agents();
      if (isCut && first.steps.includes('service')) assert.ok(registered, `${count}: it goes on from there`);
      const { result, failure } = await install(enter);
      assert.ok(result, `${count}: ${failure?.message}`);
      const names = (await agents()).map(({ name, online }) => [name, online]);
      assert.deepEqual(names, [['host-0', true]], `${count}`);
      await host.run([LAYOUT.uninstaller]);
      assert.deepEqual(await left(), [], `${count}`);
      await fleet.client.call('agents.remove', { params: { agent: 'host-0' } });
    }
    assert.ok(count > 6, `${count} scripts`);
  });

  test('refuses a host on which another one is at work, and says who that is', async (t) => {
    const { install, enter, left } = await scene(t);
    const stopping = new AbortController();
    let second: ReturnType<typeof install> | undefined;
    const { failure } = await install(enter, {
      stop: stopping.signal,
      tell: (event) => {
        if (event.what !== 'step' || event.step !== 'place') return;
        second = install(enter, { ports: { by: 'bob@b' } });
        second.finally(() => stopping.abort());
      },
      ports: { builds: buildsOf(slowly(packedBundle(BUNDLE), () => stopping.signal.aborted)) },
    });
    assert.equal(failure?.because, 'stopped');
    const refused = (await second)?.failure;
    assert.equal(refused?.because, 'locked');
    assert.match(refused?.detail ?? '', /^by alice@admin-1 since/);
    assert.deepEqual(await left(), []);
  });
});

/** Of all that has to do with the agent: at once, as it does. */
const POWER_CUT = `for one in /proc/[0-9]*; do
  [ "$one" = /proc/$$ ] || ! grep -q muster-agent "$one/cmdline" || kill -KILL "\${one#/proc/}"
done 2>/dev/null
true`;

/** The number of the first script that changes anything but the lock. */
const FIRST_CHANGE = 3;

/** Its last piece comes when that is so. */
const slowly = (packed: Packed, isTime: () => boolean): Packed => ({
  ...packed,
  async *open() {
    for await (const piece of packed.open()) yield piece;
    await until('it is time', isTime);
  },
});

describe('an install of a host that has an agent', { ...SSHD_NEEDS, concurrency: 2 }, () => {
  test('puts the new version beside the old one and changes to it, and what runs goes on', async (t) => {
    const { host, install, connect, agents, fleet } = await scene(t);
    const old = await install(connect, { ports: version('0.0.9') });
    assert.equal(old.result?.did, 'installed', old.failure?.message);
    const running = fleet.begin([
      'run',
      '-t',
      'host-0',
      '--shell',
      'echo begun; while [ ! -e /end ]; do sleep 0.1; done; echo over',
    ]);
    await until('it runs', () => running.stdout().includes('begun'));
    const { result, failure } = await install(connect);
    assert.deepEqual([result?.did, result?.previous], ['upgraded', '0.0.9'], failure?.message);
    assert.deepEqual(
      (await agents()).map((one) => one.agentVersion),
      [MUSTER_VERSION],
    );
    assert.equal(await host.run(['readlink', LAYOUT.current]), 'b\n');
    await host.run(['touch', '/end']);
    assert.match((await running.ended).stdout, /begun\nover\n/);
    const older = await install(connect, { ports: version('0.0.8') });
    assert.equal(older.failure?.because, 'newer');
  });

  for (const fault of ['crashes', 'hangs'] as const)
    test(`goes back to the version before from one that ${fault}`, async (t) => {
      const { host, install, connect, agents, fleet } = await scene(t);
      await install(connect);
      const { failure, warnings } = await install(connect, {
        ports: { ...version('0.2.0', fault), registrar: registrarOf(fleet, 2_000) },
      });
      assert.equal(failure?.because, 'not-online', failure?.message);
      assert.deepEqual(
        warnings.filter((text) => text.startsWith('left')),
        [],
      );
      assert.deepEqual(
        (await agents()).map((one) => [one.online, one.agentVersion]),
        [[true, MUSTER_VERSION]],
      );
      assert.equal(await host.run(['readlink', LAYOUT.current]), 'a\n');
      const again = await install(connect);
      assert.equal(again.result?.did, 'unchanged', again.failure?.message);
    });

  test('goes back to the version before by itself where the connection is gone', async (t) => {
    const { host, install, enter, agents, fleet } = await scene(t);
    await install(enter, { ports: version('0.0.9') });
    const connection = await enter();
    const { failure } = await install(async () => connection, {
      ports: { ...version('0.2.0', 'exits'), registrar: registrarOf(fleet, 1_000) },
      tell: (event) => {
        if (event.what === 'step' && event.step === 'online') connection.cut();
      },
    });
    assert.ok(failure);
    await until(
      'the version before runs again',
      async () => (await host.run(['readlink', LAYOUT.current])) === 'a\n',
      30_000,
    );
    await fleet.online('host-0', true);
    assert.equal((await agents())[0]?.agentVersion, '0.0.9');
    const { result, failure: again } = await install(enter);
    assert.equal(result?.did, 'upgraded', again?.message);
  });

  test('that lost its connection and its power while it changed the version leaves one that works', async (t) => {
    const { host, install, enter, agents, fleet } = await scene(t);
    await install(enter, { ports: version('0.0.1') });
    let isCut = true;
    for (let count = FIRST_CHANGE; isCut; count += 1) {
      const next = version(`0.0.${count + 2}`);
      isCut =
        (await install(async () => cutting(await enter(), count), { ports: next })).failure !== undefined;
      await host.run(['sh', '-c', POWER_CUT]);
      await fleet.online('host-0', false);
      await host.run(['sh', '-c', `setsid ${LAYOUT.supervisor} </dev/null >/dev/null 2>&1 &`]);
      await fleet.online('host-0', true);
      const { result, failure } = await install(enter, { ports: next });
      assert.ok(result, `${count}: ${failure?.message}`);
      assert.equal((await agents())[0]?.agentVersion, `0.0.${count + 2}`, `${count}`);
    }
  });
});
