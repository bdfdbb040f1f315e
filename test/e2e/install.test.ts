import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PASSWORD } from '../hosts/ssh-files.ts';
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

test(
  'a user who is not root becomes it by sudo, with a password from a file; without one the host says what it lacks',
  SSHD_NEEDS,
  async (t) => {
    const { fleet, home, host, install } = await startInstalling(t);
    const one = await host({ name: 'web-1', users: [{ name: 'anna', sudo: 'password' }] });
    const anna = `anna@${one.address}:${one.port}`;
    const without = await install([anna]);
    assert.equal(without.status, 1);
    assert.match(without.stdout, /1 host: the user is not root.*\n.*\n {4}use --sudo/);
    const silent = await install([anna, '--sudo']);
    assert.match(silent.stdout, /1 host: sudo asks for a password\n/);
    const file = join(home, 'password');
    writeFileSync(file, `${PASSWORD}\n`, { mode: 0o600 });
    const { status, stdout, stderr } = await install([anna, '--sudo', '--sudo-password-file', file]);
    assert.equal(status, 0, stdout + stderr);
    await fleet.online('web-1', true);
  },
);

test(
  'a user whom no key lets in is told which were tried, and nothing of keys that are usual and not there',
  SSHD_NEEDS,
  async (t) => {
    const { host, install } = await startInstalling(t);
    const one = await host({ users: [{ name: 'bob', key: false }] });
    const { status, stdout } = await install([`bob@${one.address}:${one.port}`]);
    assert.equal(status, 1);
    assert.match(stdout, /1 host: permission denied \(publickey\)/);
    assert.ok(!stdout.includes('id_rsa'), stdout);
  },
);
