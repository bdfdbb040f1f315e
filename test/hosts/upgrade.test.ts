import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MUSTER_VERSION } from '../../proto/version.ts';
import { buildsOf, installStage, packedBundle } from '../controller/installer/install-stage.ts';
import { bundleOf, upgradeTask } from '../e2e/installed.ts';
import { shellConnection } from '../support/shell-connection.ts';
import { until } from '../support/until.ts';
import { bootHost, HOST_NEEDS } from './host.ts';

const NODE = '/usr/local/bin/node';

describe('an agent that is a service of systemd', HOST_NEEDS, () => {
  test('goes back from versions that do not come online, over a reboot too, and becomes the one that does', async (t) => {
    const [host, { install, fleet }] = await Promise.all([
      bootHost(t, 'u1', { [NODE]: process.execPath }),
      installStage(t),
    ]);
    const installed = await install(async () => shellConnection(t, await host.entry()), {
      ...{ entry: { name: 'u1' }, settings: { service: 'auto' } },
      ports: { builds: buildsOf(packedBundle(bundleOf('0.0.9'), '0.0.9')) },
    });
    assert.equal(installed.result?.did, 'installed', installed.failure?.message);
    const version = async () =>
      (await fleet.client.call('agents.show', { params: { agent: 'u1' } })).agentVersion;
    const begin = async (task: object) =>
      (await fleet.client.call('jobs.create', { body: { targets: 'u1', tasks: [task as never] } })).job;
    const over = (job: string) =>
      until(
        'it is over',
        async () => {
          const { state, runs } = await fleet.client.call('jobs.show', { params: { job } });
          return state === 'over' ? runs[0] : undefined;
        },
        60_000,
      );
    const line = 'echo begun; while [ ! -e /end ]; do sleep 0.1; done; echo over';
    const running = fleet.begin(['run', '-t', 'u1', '--shell', line]);
    await until('it runs', () => running.stdout().includes('begun'));

    const crashed = await over(
      await begin(await upgradeTask(fleet.client, '0.1.1', bundleOf('0.1.1', 'crashes'))),
    );
    assert.equal(crashed.state, 'failed');
    assert.match(
      crashed.reason ?? '',
      /^went back to 0\.0\.9: 0\.1\.1 ended 3 times before it was online \(status=1\/FAILURE; .*Error: cannot be/,
    );
    assert.equal(await version(), '0.0.9');

    const status = await fleet.muster(['agents', 'upgrade', '-t', 'u1']);
    assert.deepEqual([status.status, status.stdout], [0, `u1  0.0.9 → ${MUSTER_VERSION}\n`], status.stderr);
    assert.equal(await version(), MUSTER_VERSION);
    await host.run(['touch', '/end']);
    assert.equal((await running.ended).stdout, 'begun\nover\n');

    const within = { onlineWithinMs: 8_000 };
    const hung = await begin(await upgradeTask(fleet.client, '0.2.0', bundleOf('0.2.0', 'hangs'), within));
    await until('it was started', async () =>
      (await host.run(['cat', '/opt/muster-agent/trial/about']).catch(() => '')).includes('start='),
    );
    await host.run(['systemctl', 'reboot', '--force', '--force']).catch(() => {});
    await fleet.online('u1', true, 60_000);
    const run = await over(hung);
    assert.equal(run.state, 'failed');
    assert.match(run.reason ?? '', /^went back to 0\.1\.0: 0\.2\.0 did not come online within 8 s/);
    assert.equal(await version(), MUSTER_VERSION);
  });
});
