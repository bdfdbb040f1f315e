import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MUSTER_VERSION } from '../../proto/version.ts';
import {
  buildsOf,
  type InstallMore,
  installStage,
  packedBundle,
  registrarOf,
} from '../controller/installer/install-stage.ts';
import { bundleOf, type Fault } from '../e2e/installed.ts';
import { shellConnection } from '../support/shell-connection.ts';
import { until } from '../support/until.ts';
import { bootHost, HOST_NEEDS } from './host.ts';
import { difference, filesOf } from './leftovers.ts';

const NODE = '/usr/local/bin/node';

describe('an install of a host with systemd', { ...HOST_NEEDS, concurrency: 2 }, () => {
  test('makes a service that is there after a reboot, and that can be removed without a trace', async (t) => {
    const [host, { install, fleet }] = await Promise.all([
      bootHost(t, 'h1', { [NODE]: process.execPath }),
      installStage(t),
    ]);
    const connect = async () => shellConnection(t, await host.entry());
    const before = await filesOf(host);
    const { result, failure } = await install(connect, {
      entry: { name: 'h1' },
      settings: { service: 'auto' },
    });
    assert.equal(result?.did, 'installed', failure?.message);
    const uptime = await host.bootId();
    await host.run(['systemctl', 'reboot']).catch(() => {});
    await fleet.online('h1', false);
    await fleet.online('h1', true);
    assert.notEqual(await host.bootId(), uptime);
    assert.equal(await host.run(['systemctl', 'is-system-running']), 'running\n');
    await host.run(['/opt/muster-agent/bin/uninstall']);
    assert.deepEqual(difference(before, await filesOf(host)), []);
  });

  test('changes the version of a service, or goes back, and what runs goes on', async (t) => {
    const [host, { install, fleet }] = await Promise.all([
      bootHost(t, 'h2', { [NODE]: process.execPath }),
      installStage(t),
    ]);
    const connect = async () => shellConnection(t, await host.entry());
    const at = async (ports: InstallMore['ports']) =>
      install(connect, { entry: { name: 'h2' }, settings: { service: 'auto' }, ports });
    const builds = (version: string, fault?: Fault) =>
      buildsOf(packedBundle(bundleOf(version, fault), version));
    await at({ builds: builds('0.0.9') });
    const running = fleet.begin([
      'run',
      '-t',
      'h2',
      '--shell',
      'echo begun; while [ ! -e /end ]; do sleep 0.1; done; echo over',
    ]);
    await until('it runs', () => running.stdout().includes('begun'));

    const bad = await at({ builds: builds('0.1.1', 'exits'), registrar: registrarOf(fleet, 3_000) });
    assert.equal(bad.failure?.because, 'not-online', bad.failure?.message);
    assert.deepEqual(bad.warnings, []);
    const good = await at({});
    assert.deepEqual([good.result?.did, good.result?.previous], ['upgraded', '0.0.9'], good.failure?.message);
    assert.equal(
      (await fleet.client.call('agents.show', { params: { agent: 'h2' } })).agentVersion,
      MUSTER_VERSION,
    );
    await host.run(['touch', '/end']);
    assert.equal((await running.ended).stdout, 'begun\nover\n');
    const unit = 'systemctl stop muster-agent; systemctl disable muster-agent';
    await host.run(['sh', '-c', unit]);
    const mended = await at({});
    assert.equal(mended.result?.did, 'repaired', mended.failure?.message);
    assert.equal(await host.run(['systemctl', 'is-enabled', 'muster-agent']), 'enabled\n');
  });
});
