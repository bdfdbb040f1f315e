import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createHostKeys } from '../../../../controller/installer/ssh/host-keys.ts';
import { addKnownHost, readKnownHostsFile } from '../../../../controller/installer/ssh/known-hosts-file.ts';
import { systemRandom } from '../../../../proto/system.ts';
import { newKey } from '../../../hosts/ssh-files.ts';
import { SSHD_NEEDS, type SshHost } from '../../../hosts/sshd.ts';
import { until } from '../../../support/until.ts';
import { stage } from './stage.ts';

const logins = (host: SshHost): number => host.log().match(/Accepted publickey/g)?.length ?? 0;

describe('a host behind others', SSHD_NEEDS, () => {
  test('is reached through each of them in turn, and each shows its own key', async (t) => {
    const on = stage(t);
    const [outer, inner, host] = await Promise.all([on.hosts.start(), on.hosts.start(), on.hosts.start()]);
    const known = join(on.folder, 'known_hosts');
    const hostKeys = () =>
      createHostKeys({
        policy: 'strict',
        random: systemRandom,
        readKnown: readKnownHostsFile,
        addKnown: addKnownHost,
        confirm: async () => false,
        accepted: () => {},
      });
    const to = on.destination(host, { jumps: [on.destination(outer), on.destination(inner)] });
    const lines = [outer, inner, host].map(({ knownHost }) => knownHost);
    writeFileSync(known, lines.join('\n'));
    const shell = await (await on.connect(to, { hostKeys: hostKeys() })).rootShell();
    assert.equal((await shell.run('hostname')).stdout, 'host-2\n');
    assert.deepEqual([outer, inner, host].map(logins), [1, 1, 1]);
    assert.equal((await shell.run('wc -c', { input: Buffer.alloc(3_000_000) })).stdout, '3000000\n');

    writeFileSync(
      known,
      [lines[0], `[${inner.address}]:${inner.port} ${newKey().public}`, lines[2]].join('\n'),
    );
    await assert.rejects(on.connect(to, { hostKeys: hostKeys() }), {
      because: 'key-changed',
      detail: new RegExp(`the jump ${inner.address}: .*known_hosts:2`),
    });
  });

  test('shares the way there with all that lie behind the same ones, and leaves none open', async (t) => {
    const on = stage(t);
    const [jump, ...hosts] = (await Promise.all([1, 2, 3, 4].map(() => on.hosts.start()))) as [
      SshHost,
      ...SshHost[],
    ];
    const connector = on.connector();
    const to = (host: SshHost) => on.destination(host, { jumps: [on.destination(jump)] });
    const connections = await Promise.all(hosts.map((host) => on.open(connector, to(host))));
    assert.equal(logins(jump), 1);
    await Promise.all(connections.map(({ close }) => close()));
    await until('the jump is left', () => /Disconnected from user root/.test(jump.log()));
    const [host] = hosts as [SshHost];
    await on.open(connector, to(host));
    assert.equal(logins(jump), 2, 'whoever comes later makes it anew');
  });

  test('is out of reach when a jump is, does not let in or ends', async (t) => {
    const on = stage(t);
    const [jump, shut, host] = await Promise.all([
      on.hosts.start(),
      on.hosts.start({ settings: ['AllowTcpForwarding no'] }),
      on.hosts.start(),
    ]);
    const through = (changes: Partial<ReturnType<typeof on.destination>>, at = jump) =>
      on.connect(on.destination(host, { jumps: [on.destination(at, changes)] }));
    await assert.rejects(through({ port: 1 }), { because: 'unreachable', detail: /^the jump .*refused/ });
    await assert.rejects(through({ identityFiles: [] }), { because: 'no-identity', detail: /^the jump/ });
    await assert.rejects(through({}, shut), {
      because: 'unreachable',
      detail: /^from the jump .*does not forward/,
    });
    const nowhere = on.destination({ address: host.address, port: 1 }, { jumps: [on.destination(jump)] });
    await assert.rejects(on.connect(nowhere), {
      because: 'unreachable',
      detail: /^from the jump .*refused/i,
    });
    const connection = await through({});
    const shell = await connection.rootShell();
    const running = shell.run('sleep 100');
    await jump.end();
    await assert.rejects(running, { because: 'cut' });
    assert.ok(connection.gone.aborted);
  });
});
