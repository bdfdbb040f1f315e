import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { stage } from '../controller/installer/ssh/stage.ts';
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
});
