import assert from 'node:assert/strict';
import { test } from 'node:test';
import { installStage } from '../controller/installer/install-stage.ts';
import { shellConnection } from '../support/shell-connection.ts';
import { until } from '../support/until.ts';
import { difference, filesOf } from './leftovers.ts';
import { SSHD_NEEDS, sshHosts } from './sshd.ts';

test(
  'an install of a host with OpenRC makes a service that is started again, and leaves no trace',
  SSHD_NEEDS,
  async (t) => {
    const [host, { install, fleet }] = await Promise.all([
      sshHosts(t).start({ node: true }),
      installStage(t),
    ]);
    await host.run(['openrc', 'default']);
    const connect = async () => shellConnection(t, host.entry());
    const settings = { service: 'auto' } as const;
    const before = await filesOf(host);
    const first = await install(connect, { entry: { name: 'h1' }, settings });
    assert.equal(first.result?.did, 'installed', first.failure?.message);
    assert.match(await host.run(['rc-service', '--nocolor', 'muster-agent', 'status']), /status: started/);
    assert.match(await host.run(['rc-update', 'show', 'default']), /muster-agent/);

    const pid = async () => (await host.run(['pgrep', '-f', '-o', 'agent.cjs run'])).trim();
    const killed = await pid();
    await host.run(['kill', '-KILL', killed]);
    await until('another one was started', async () => (await pid().catch(() => killed)) !== killed, 30_000);
    await fleet.online('h1', true);
    const again = await install(connect, { entry: { name: 'h1' }, settings });
    assert.equal(again.result?.did, 'unchanged', again.failure?.message);

    await host.run(['/opt/muster-agent/bin/uninstall']);
    assert.deepEqual(difference(before, await filesOf(host)), []);
  },
);
