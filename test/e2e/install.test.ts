import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SSHD_NEEDS } from '../hosts/sshd.ts';
import { lines } from './fleet.ts';
import { addressOf, startInstalling } from './installing.ts';

test(
  'a host is installed, online and in the fleet, and the second time there is nothing to do',
  SSHD_NEEDS,
  async (t) => {
    const { fleet, host, install } = await startInstalling(t);
    const one = await host({ name: 'web-1' });
    const { status, stdout, stderr } = await install([addressOf(one), '--label', 'role=web']);
    assert.equal(status, 0, stdout + stderr);
    const [agent] = await fleet.client.call('agents.list', { query: {} });
    assert.deepEqual([agent?.name, agent?.online, agent?.labels], ['web-1', true, { role: 'web' }]);
    const again = await install([addressOf(one)]);
    assert.equal(again.status, 0, again.stderr);
    assert.match(again.stdout, /1 host nothing to do/);
  },
);

test(
  'an agent is removed over SSH, from its host and from the fleet; the second time nothing is there',
  SSHD_NEEDS,
  async (t) => {
    const { fleet, host, install, begin } = await startInstalling(t);
    const one = await host({ name: 'web-1' });
    assert.equal((await install([addressOf(one)])).status, 0);
    const first = await begin('uninstall', ['--ssh', addressOf(one), '--yes']).ended;
    assert.equal(first.status, 0, first.stderr);
    assert.match(first.stdout, /1 host removed/);
    assert.deepEqual(await fleet.client.call('agents.list', { query: {} }), []);
    await assert.rejects(one.run(['ls', '/opt/muster-agent']));
    await assert.rejects(one.run(['ls', '/var/lib/muster-agent']));
    const again = await begin('uninstall', ['--ssh', addressOf(one), '--yes', '--json']).ended;
    assert.equal(again.status, 0, again.stderr);
    assert.deepEqual(lines<{ did?: string }>(again.stdout).find(({ did }) => did)?.did, 'absent');
  },
);
