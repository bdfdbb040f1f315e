import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SSHD_NEEDS } from '../hosts/sshd.ts';
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
