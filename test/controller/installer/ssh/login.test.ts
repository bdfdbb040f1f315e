import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Question } from '../../../../controller/installer/ssh/secrets.ts';
import { newKey, PASSWORD } from '../../../hosts/ssh-files.ts';
import { SSHD_NEEDS, type SshHost } from '../../../hosts/sshd.ts';
import { type Stage, stage } from './stage.ts';

/** An operator who answers each question with the next of these. */
function answers(...list: (string | undefined)[]) {
  const asked: Question[] = [];
  return {
    asked,
    ask: async (question: Question) => {
      asked.push(question);
      return list.shift();
    },
  };
}

/** Lets these keys in too, as root. */
const authorize = (host: SshHost, ...publicKeys: string[]): Promise<string> =>
  host.run(['sh', '-c', 'cat >>/root/.ssh/authorized_keys'], `${publicKeys.join('\n')}\n`);

/** A file of the operator's. */
function keep(on: Stage, name: string, content: string): string {
  const path = join(on.folder, name);
  writeFileSync(path, content, { mode: 0o600 });
  return path;
}

const PASSWORDS = ['PasswordAuthentication yes'];
const KEYBOARD = ['UsePAM yes', 'KbdInteractiveAuthentication yes', 'PasswordAuthentication no'];

describe('a login', SSHD_NEEDS, () => {
  test('takes keys in every format that ssh-keygen writes', async (t) => {
    const on = stage(t);
    const host = await on.hosts.start();
    const kinds = [
      ['-t', 'ed25519'],
      ['-t', 'ecdsa'],
      ['-t', 'rsa', '-b', '2048'],
      ['-t', 'rsa', '-b', '2048', '-m', 'PEM'],
      ['-t', 'ecdsa', '-m', 'PEM'],
      ['-t', 'rsa', '-b', '2048', '-m', 'PKCS8'],
      ['-t', 'ecdsa', '-m', 'PKCS8'],
    ];
    for (const [index, kind] of kinds.entries())
      for (const passphrase of ['', 'open sesame']) {
        const name = `key-${index}-${passphrase.length}`;
        await host.run(['ssh-keygen', '-q', ...kind, '-a', '2', '-N', passphrase, '-f', `/root/${name}`]);
        await host.run(['sh', '-c', `cat /root/${name}.pub >/root/.ssh/authorized_keys`]);
        const file = join(on.folder, name);
        copyFileSync(host.see(`/root/${name}`), file);
        const { ask, asked } = answers('open sesame');
        await on.connect(on.destination(host, { identityFiles: [file] }), { ask });
        assert.equal(
          asked.length,
          passphrase === '' ? 0 : 1,
          `${kind.join(' ')}, passphrase "${passphrase}"`,
        );
      }
  });

  test('asks for a passphrase once for all hosts, and only for one that takes the key', async (t) => {
    const on = stage(t);
    const key = newKey('ed25519', 'open sesame');
    const file = keep(on, 'locked', key.private);
    const hosts = await Promise.all([1, 2, 3].map(() => on.hosts.start()));
    const [first, ...others] = hosts as [SshHost, ...SshHost[]];
    const { ask, asked } = answers('wrong', 'open sesame');
    const connector = on.connector({ ask });
    const identityFiles = [file, on.keyFile];
    await on.open(connector, on.destination(first, { identityFiles }));
    assert.equal(asked.length, 0, 'the host does not take it');
    for (const host of others) await authorize(host, key.public);
    await Promise.all(others.map((host) => on.open(connector, on.destination(host, { identityFiles }))));
    assert.deepEqual(asked, [
      { kind: 'passphrase', file, isAgain: false },
      { kind: 'passphrase', file, isAgain: true },
    ]);
  });

  test('gives a key up whose passphrase was wrong three times, and goes on with the others', async (t) => {
    const on = stage(t);
    const host = await on.hosts.start();
    const key = newKey('ed25519', 'open sesame');
    await authorize(host, key.public);
    const file = keep(on, 'locked', key.private);
    const { ask, asked } = answers('a', 'b', 'c', 'open sesame');
    const connector = on.connector({ ask });
    await on.open(connector, on.destination(host, { identityFiles: [file, on.keyFile] }));
    assert.equal(asked.length, 3);
    await assert.rejects(on.open(connector, on.destination(host, { identityFiles: [file] })), {
      because: 'permission-denied',
      detail: `(publickey); ${file}: its passphrase was wrong 3 times`,
    });
    assert.equal(asked.length, 3, 'it is not asked again');
  });

  test('goes through an agent: the named keys first, all others unless told', async (t) => {
    const on = stage(t);
    const host = await on.hosts.start();
    const keys = [newKey(), newKey(), newKey()];
    await host.run(['ssh-agent', '-a', '/run/agent']);
    for (const key of [...keys, on.hosts.key])
      await host.run(['sh', '-c', 'SSH_AUTH_SOCK=/run/agent ssh-add -q -'], key.private);
    const agentSocket = host.see('/run/agent');
    const none = on.destination(host, { identityFiles: [] });
    await on.connect(none, { agentSocket });
    assert.equal(await failures(host), 3, 'three that it does not take, and the fourth that it does');
    await on.connect({ ...none, identityAgent: agentSocket });
    const pub = keep(on, 'mine.pub', on.hosts.key.public);
    await on.connect({ ...none, identityFiles: [pub], identitiesOnly: true }, { agentSocket });
    assert.equal(await failures(host), 6, 'only the named one');
    const other = keep(on, 'other.pub', keys[0]?.public ?? '');
    await assert.rejects(
      on.connect({ ...none, identityFiles: [other], identitiesOnly: true }, { agentSocket }),
      { because: 'permission-denied', detail: '(publickey)' },
    );
    await assert.rejects(on.connect({ ...none, identityAgent: 'none' }, { agentSocket }), {
      because: 'no-identity',
    });
  });

  test('that a server ends for too many keys says so', async (t) => {
    const on = stage(t);
    const host = await on.hosts.start({ settings: ['MaxAuthTries 2'] });
    const files = [1, 2, 3, 4].map((index) => keep(on, `key-${index}`, newKey().private));
    await assert.rejects(on.connect(on.destination(host, { identityFiles: files })), {
      because: 'permission-denied',
      detail: /too many keys/,
    });
  });

  test('that is refused tells the methods that the server takes', async (t) => {
    const on = stage(t);
    const [plain, both] = await Promise.all([on.hosts.start(), on.hosts.start({ settings: PASSWORDS })]);
    const identityFiles = [keep(on, 'stranger', newKey().private)];
    await assert.rejects(on.connect(on.destination(plain, { identityFiles })), {
      because: 'permission-denied',
      message: 'permission denied (publickey)',
    });
    await assert.rejects(on.connect(on.destination(both, { identityFiles })), {
      because: 'permission-denied',
      detail: '(publickey,password)',
    });
    const missing = join(on.folder, 'nowhere');
    await assert.rejects(on.connect(on.destination(plain, { identityFiles: [missing] })), {
      because: 'no-identity',
      detail: `(publickey); ${missing}: it is not there`,
    });
    await assert.rejects(
      on.connect(on.destination(plain, { identityFiles: [], identityAgent: '/nowhere/agent' })),
      { because: 'no-identity', detail: /ssh-agent at \/nowhere\/agent/ },
    );
  });

  test('gives a password by either way that servers ask for it, asked once for all', async (t) => {
    const on = stage(t);
    const users = [{ name: 'carol', key: false }];
    const hosts = await Promise.all(
      [PASSWORDS, KEYBOARD, PASSWORDS].map((settings) => on.hosts.start({ users, settings })),
    );
    const { ask, asked } = answers(PASSWORD);
    const connector = on.connector({ ask });
    await Promise.all(hosts.map((host) => on.open(connector, on.destination(host, { user: 'carol' }))));
    assert.deepEqual(
      asked.map(({ kind }) => kind),
      ['password'],
    );
  });

  test('goes through a key and then a password where a server wants both', async (t) => {
    const on = stage(t);
    const host = await on.hosts.start({
      users: [{ name: 'carol' }],
      settings: [...PASSWORDS, 'AuthenticationMethods publickey,password'],
    });
    await on.connect(on.destination(host, { user: 'carol' }), { ask: async () => PASSWORD });
    await assert.rejects(on.connect(on.destination(host, { user: 'carol' })), {
      because: 'permission-denied',
      detail: '(password)',
    });
  });

  test('with a wrong password is tried on three hosts and no more', async (t) => {
    const on = stage(t);
    const users = [{ name: 'carol', key: false }];
    const hosts = await Promise.all(
      [1, 2, 3, 4, 5].map(() => on.hosts.start({ users, settings: PASSWORDS })),
    );
    const { ask, asked } = answers('wrong');
    const connector = on.connector({ ask });
    const results = await Promise.allSettled(
      hosts.map((host) => on.open(connector, on.destination(host, { user: 'carol' }))),
    );
    assert.ok(results.every(({ status }) => status === 'rejected'));
    assert.equal(asked.length, 1);
    const tries = hosts.map((host) => host.log().match(/Failed password/g)?.length ?? 0);
    assert.deepEqual(tries.sort(), [0, 0, 1, 1, 1]);
  });

  test('needs no private key of the operator in sight of the host', async (t) => {
    const on = stage(t);
    const host = await on.hosts.start();
    const shell = await (await on.connect(on.destination(host))).rootShell();
    const { stdout } = await shell.run('cat /proc/self/environ; ls /tmp');
    assert.doesNotMatch(stdout, /SSH_AUTH_SOCK|ssh-/);
    assert.ok(!stdout.includes(readFileSync(on.keyFile, 'utf8').slice(60, 100)));
  });
});

/** Of keys that were offered in vain. */
const failures = async (host: SshHost): Promise<number> => host.log().match(/Failed publickey/g)?.length ?? 0;
