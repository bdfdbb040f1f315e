import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { installStage } from '../controller/installer/install-stage.ts';
import { shellConnection } from '../support/shell-connection.ts';
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
});
