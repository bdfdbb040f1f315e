import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import ssh2 from 'ssh2';
import {
  createHostKeys,
  type HostKeyPolicy,
  type NewHostKey,
} from '../../../../controller/installer/ssh/host-keys.ts';
import { fingerprintOf, lineFor } from '../../../../controller/installer/ssh/known-hosts.ts';
import { addKnownHost, readKnownHostsFile } from '../../../../controller/installer/ssh/known-hosts-file.ts';
import { systemRandom } from '../../../../proto/system.ts';
import { type KeyPair, newKey } from '../../../hosts/ssh-files.ts';
import { SSHD_NEEDS, type SshHost } from '../../../hosts/sshd.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { until } from '../../../support/until.ts';
import { type Stage, stage } from './stage.ts';

/** Host keys as the command has them, with what the operator was told and asked. */
function operator(policy: HostKeyPolicy, answer = false) {
  const accepted: [NewHostKey, string | undefined][] = [];
  const asked: NewHostKey[] = [];
  const hostKeys = createHostKeys({
    policy,
    random: systemRandom,
    readKnown: readKnownHostsFile,
    addKnown: addKnownHost,
    confirm: async (key) => {
      asked.push(key);
      return answer;
    },
    accepted: (key, file) => void accepted.push([key, file]),
  });
  return { hostKeys, accepted, asked };
}

const bytesOf = ({ public: line }: { public: string }): Buffer =>
  Buffer.from(line.split(' ')[1] ?? '', 'base64');
/** A file of OpenSSH's whose key signs nothing that its public part would confirm. */
function pretending(key: KeyPair): string {
  const [head = '', base64 = '', tail = ''] = key.private.split(/(?<=-----\n)|(?=-----END)/);
  const bytes = Buffer.from(base64, 'base64');
  const at = bytes.lastIndexOf(bytesOf(key).subarray(-32));
  bytes.fill(7, at - 32, at);
  return `${head}${bytes.toString('base64')}\n${tail}`;
}

const known = (on: Stage): string => join(on.folder, 'known_hosts');
const connect = (on: Stage, host: SshHost, { hostKeys }: ReturnType<typeof operator>) =>
  on.connect(on.destination(host), { hostKeys });

describe('the key of a host', SSHD_NEEDS, () => {
  test('has to be known where the policy is strict', async (t) => {
    const on = stage(t);
    const host = await on.hosts.start();
    await assert.rejects(connect(on, host, operator('strict')), {
      because: 'key-unknown',
      detail: `ssh-ed25519 ${fingerprintOf(bytesOf(host.hostKey))}`,
    });
    assert.ok(!existsSync(known(on)));
    await until('it noticed', () => host.log().includes('[preauth]'));
    assert.doesNotMatch(host.log(), /Accepted|for root/, 'nobody tried to log in');
    writeFileSync(known(on), `${host.knownHost}\n`);
    const connection = await connect(on, host, operator('strict'));
    assert.equal(connection.fingerprint, fingerprintOf(bytesOf(host.hostKey)));
  });

  test('is accepted once where new ones are, told, and known from then on', async (t) => {
    const on = stage(t);
    const host = await on.hosts.start();
    const { hostKeys, accepted, asked } = operator('accept-new');
    await Promise.all([1, 2, 3].map(() => on.connect(on.destination(host), { hostKeys })));
    assert.equal(readFileSync(known(on), 'utf8'), `${host.knownHost}\n`);
    assert.equal(statSync(known(on)).mode & 0o777, 0o600);
    assert.deepEqual(
      accepted.map(([key, file]) => [key.fingerprint, file]),
      [[fingerprintOf(bytesOf(host.hostKey)), known(on)]],
    );
    assert.equal(asked.length, 0);
    await connect(on, host, operator('strict'));
  });

  test('is not remembered before the host has proved that it holds it', async (t) => {
    const on = stage(t);
    const host = await on.hosts.start();
    const { hostKeys } = operator('accept-new');
    const remember = await hostKeys.judge(
      on.destination(host),
      bytesOf(newKey()),
      new AbortController().signal,
    );
    assert.ok(!existsSync(known(on)), 'a key that was only shown');
    await remember();
    assert.ok(existsSync(known(on)));
  });

  test('is not remembered of a host that only pretends to hold it', async (t) => {
    const on = stage(t);
    // The public part of one, the private part of another.
    const file = pretending(newKey());
    const server = new ssh2.Server({ hostKeys: [file] }, (client) => client.on('error', () => {}));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    const { hostKeys, accepted } = operator('accept-new');
    const to = on.destination({ address: '127.0.0.1', port: (server.address() as AddressInfo).port });
    await assert.rejects(on.connect(to, { hostKeys }), { because: 'handshake', detail: /signature/ });
    assert.equal(accepted.length, 0);
    assert.ok(!existsSync(known(on)));
  });

  test('is shown to the operator where he wants to compare, once for each host', async (t) => {
    const on = stage(t);
    const host = await on.hosts.start();
    const no = operator('ask', false);
    await assert.rejects(connect(on, host, no), { because: 'key-unknown', detail: /not accepted/ });
    assert.deepEqual(no.asked, [
      {
        name: 'web-1',
        host: host.address,
        port: host.port,
        keyType: 'ssh-ed25519',
        fingerprint: fingerprintOf(bytesOf(host.hostKey)),
      },
    ]);
    const yes = operator('ask', true);
    await connect(on, host, yes);
    await connect(on, host, yes);
    assert.equal(yes.asked.length, 1);
    assert.equal(readFileSync(known(on), 'utf8'), `${host.knownHost}\n`);
  });

  test('that has changed is refused whatever the policy, with both fingerprints and the line', async (t) => {
    const on = stage(t);
    const host = await on.hosts.start();
    const old = newKey();
    const text = `# a comment\n[${host.address}]:${host.port} ${old.public}\n`;
    writeFileSync(known(on), text);
    for (const policy of ['strict', 'accept-new', 'ask'] as const)
      await assert.rejects(connect(on, host, operator(policy, true)), {
        because: 'key-changed',
        detail:
          `${known(on)}:2 has ssh-ed25519 ${fingerprintOf(bytesOf(old))}, ` +
          `the host shows ssh-ed25519 ${fingerprintOf(bytesOf(host.hostKey))}`,
      });
    assert.equal(readFileSync(known(on), 'utf8'), text);
    assert.doesNotMatch(host.log(), /Accepted/);
  });

  test('that was revoked is refused', async (t) => {
    const on = stage(t);
    const host = await on.hosts.start();
    writeFileSync(known(on), `${host.knownHost}\n@revoked * ${host.hostKey.public}\n`);
    await assert.rejects(connect(on, host, operator('accept-new')), {
      because: 'key-revoked',
      detail: /known_hosts:2/,
    });
  });

  test('is asked for in the kind that is known, though the server has a newer one', async (t) => {
    const on = stage(t);
    const rsa = newKey('rsa');
    const host = await on.hosts.start({
      files: { '/etc/ssh/second_key': { content: rsa.private, mode: 0o600 } },
      settings: ['HostKey /etc/ssh/second_key'],
    });
    writeFileSync(known(on), `[${host.address}]:${host.port} ${rsa.public}\n`);
    const connection = await connect(on, host, operator('strict'));
    assert.equal(connection.fingerprint, fingerprintOf(bytesOf(rsa)));
  });
});

describe('the file of known hosts', () => {
  const to = {
    host: 'Web-1',
    port: 22,
    hostKeyAlias: undefined,
    globalKnownHostsFiles: [],
    strictHostKeys: false,
    hashKnownHosts: false,
  };
  const forever = new AbortController().signal;

  test('hides what is added if it hides what it has', async (t) => {
    const file = join(temporaryFolder(t), 'known_hosts');
    const old = bytesOf(newKey());
    writeFileSync(file, lineFor({ host: 'old', port: 22 }, old, systemRandom));
    const { hostKeys } = operator('accept-new');
    const destination = { ...to, userKnownHostsFiles: [file] } as never;
    const key = bytesOf(newKey());
    await (await hostKeys.judge(destination, key, forever))();
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    assert.equal(lines.length, 2);
    assert.ok(
      lines.every((line) => line.startsWith('|1|')),
      lines.join('\n'),
    );
    await (await operator('strict').hostKeys.judge(destination, key, forever))();
  });

  test('hides what is added where HashKnownHosts says so', async (t) => {
    const file = join(temporaryFolder(t), 'known_hosts');
    const destination = { ...to, hashKnownHosts: true, userKnownHostsFiles: [file] } as never;
    const key = bytesOf(newKey());
    await (await operator('accept-new').hostKeys.judge(destination, key, forever))();
    assert.match(readFileSync(file, 'utf8'), /^\|1\|/);
    await (await operator('strict').hostKeys.judge(destination, key, forever))();
  });

  test('is made with its folder for the operator alone, and two at once lose no line', async (t) => {
    const file = join(temporaryFolder(t), 'home', '.ssh', 'known_hosts');
    await addKnownHost(file, 'first\n');
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(statSync(join(file, '..')).mode & 0o777, 0o700);
    writeFileSync(file, 'without an end');
    await addKnownHost(file, 'second\n');
    assert.equal(readFileSync(file, 'utf8'), 'without an end\nsecond\n');
    await Promise.all(Array.from({ length: 200 }, (_, index) => addKnownHost(file, `line ${index}\n`)));
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    assert.equal(new Set(lines).size, 202);
  });

  test('that cannot be read or written is no reason to trust', async (t) => {
    const folder = temporaryFolder(t);
    const destination = { ...to, userKnownHostsFiles: [folder] } as never;
    const { hostKeys } = operator('accept-new');
    await assert.rejects(hostKeys.judge(destination, bytesOf(newKey()), forever), {
      because: 'key-unknown',
      detail: new RegExp(folder),
    });
  });

  test('two keys for one name are never both new', async (t) => {
    const file = join(temporaryFolder(t), 'known_hosts');
    const { hostKeys } = operator('accept-new');
    const destination = { ...to, userKnownHostsFiles: [file] } as never;
    const [one, two] = await Promise.all(
      [newKey(), newKey()].map((key) => hostKeys.judge(destination, bytesOf(key), forever)),
    );
    const results = await Promise.allSettled([one?.(), two?.()]);
    assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  });
});
