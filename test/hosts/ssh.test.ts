import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { stage } from '../controller/installer/ssh/stage.ts';
import { until } from '../support/until.ts';
import { HOST_NEEDS } from './host.ts';
import { SSHD_NEEDS } from './sshd.ts';

describe('hosts with a real sshd', SSHD_NEEDS, () => {
  test('have a file system and processes of their own, and leave nothing behind', async (t) => {
    const on = stage(t);
    const hosts = await Promise.all([
      on.hosts.start(),
      on.hosts.start({ node: true, noexecTmp: true, full: ['/opt'] }),
    ]);
    const [plain, other] = hosts;
    await plain.run(['sh', '-c', 'echo here >/etc/marker']);
    await assert.rejects(other.run(['cat', '/etc/marker']), /No such file/);
    assert.equal(await other.run(['/usr/local/bin/node', '--version']), `${process.version}\n`);
    await assert.rejects(plain.run(['/usr/local/bin/node', '--version']));
    await assert.rejects(other.run(['sh', '-c', 'cp /bin/true /tmp/true && /tmp/true']), /Permission denied/);
    await assert.rejects(other.run(['sh', '-c', 'cp /bin/true /opt']), /No space left/);
    assert.equal(await other.run(['hostname']), 'host-1\n');
    assert.match(await plain.run(['ps', 'ax']), /^\s*1 .*sshd/m);
    await plain.end();
    await assert.rejects(on.connect(on.destination(plain)), { because: 'unreachable' });
  });

  test('may have a systemd, and be booted again', HOST_NEEDS, async (t) => {
    const on = stage(t);
    const host = await on.hosts.boot({ users: [{ name: 'admin', sudo: 'free' }] });
    const to = on.destination(host, { user: 'admin' });
    const shell = await (await on.connect(to, {}, true)).rootShell();
    const before = await host.bootId();
    assert.equal((await shell.run('systemctl is-active ssh; id -u')).stdout, 'active\n0\n');
    await assert.rejects(shell.run('systemctl reboot; sleep 100'), { because: 'cut' });
    const again = await until(
      'it lets in again',
      () => on.connect(to, {}, true).catch(() => undefined),
      60_000,
    );
    const { stdout } = await (await again.rootShell()).run('cat /proc/sys/kernel/random/boot_id');
    assert.notEqual(stdout.trim(), before);
  });
});
