/** Machines with a real systemd that a rollout restarts, one after the other, and one that does not come back. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { RolloutDetail } from '../../../controller/api/contract.ts';
import { startFleet } from '../../e2e/fleet.ts';
import { bootAgent } from '../agent.ts';
import { HOST_NEEDS } from '../host.ts';

describe('a rollout that restarts machines', HOST_NEEDS, () => {
  test('does so only where it is wanted, one at a time, proved by another boot; who does not come back stops it', async (t) => {
    const fleet = await startFleet(t);
    const names = ['b1', 'b2', 'b3'];
    const hosts = await Promise.all(names.map((name) => bootAgent(t, fleet, name)));
    const bootIds = () => Promise.all(hosts.map((host) => host.bootId()));
    const before = await bootIds();
    const at = (name: string): string => join(fleet.folder, name);
    const detail = (name: string) => fleet.json<RolloutDetail>(['rollout', 'show', name, '--json']);

    // The second host is the one that wants no restart.
    await hosts[1]?.run(['touch', '/root/content']);
    const wants = 'test -e /root/content || touch /run/reboot-required';
    writeFileSync(
      at('change.yaml'),
      JSON.stringify({ tasks: [{ shell: `${wants}; echo changed >>/root/oracle` }] }),
    );
    writeFileSync(
      at('r.yaml'),
      JSON.stringify({
        ...{
          name: 'restart',
          targets: 'all',
          change: { bundle: 'change.yaml' },
          'without-way-back': 'go-on',
        },
        ...{ reboot: 'if-needed', 'reboot-timeout': '1m', 'max-unavailable': 1 },
        probes: [{ name: 'up', shell: 'cat /proc/sys/kernel/random/boot_id >>/root/oracle' }],
      }),
    );
    const ended = await fleet.muster(['rollout', 'start', '-f', at('r.yaml')]);
    assert.equal(ended.status, 0, ended.stdout + ended.stderr);
    const after = await bootIds();
    assert.deepEqual(
      names.map((_, index) => before[index] !== after[index]),
      [true, false, true],
    );
    for (const [index, host] of hosts.entries())
      assert.equal(
        await host.run(['cat', '/root/oracle']),
        `changed\n${after[index]}\n`,
        'its probe ran behind its restart',
      );
    const { hostDetails } = await detail('restart');
    assert.deepEqual(
      hostDetails.map(({ rebooted }) => rebooted),
      [true, false, true],
    );
    const [first, second] = hostDetails;
    assert.ok((first?.endedAtMs ?? 0) <= (second?.beganAtMs ?? 0), 'the next began when it was back');

    // One that goes down for good.
    writeFileSync(
      at('gone.yaml'),
      JSON.stringify({
        tasks: [{ shell: 'touch /run/reboot-required; systemctl disable --quiet muster-agent' }],
      }),
    );
    const gone = await fleet.muster([
      ...[
        'rollout',
        'start',
        '--bundle',
        at('gone.yaml'),
        '-t',
        'all',
        '--name',
        'gone',
        '--without-way-back',
        'go-on',
      ],
      ...['--reboot', 'if-needed', '--reboot-timeout', '5s', '--timeout', '5s', '--max-unavailable', '1'],
    ]);
    assert.notEqual(gone.status, 0);
    assert.match(gone.stdout + gone.stderr, /b1/);
    const left = await detail('gone');
    assert.equal(left.state, 'stopped');
    assert.deepEqual(
      left.hostDetails.map(({ phase }) => phase),
      ['lost', 'waiting', 'waiting'],
      left.reason ?? '',
    );
  });
});
