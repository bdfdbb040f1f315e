import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Question } from '../../../../controller/installer/ssh/secrets.ts';
import { startRelay } from '../../../hosts/relay.ts';
import { PASSWORD } from '../../../hosts/ssh-files.ts';
import { SSHD_NEEDS } from '../../../hosts/sshd.ts';
import { until } from '../../../support/until.ts';
import { stage } from './stage.ts';

const NOISE = 'echo "it is noon"; echo "mail waits" >&2\n';

describe('who becomes root', SSHD_NEEDS, () => {
  test('is root whatever the login shell is and prints', async (t) => {
    const on = stage(t);
    const users = [
      { name: 'bash', shell: '/bin/bash', files: { '.bashrc': NOISE } },
      { name: 'dash', shell: '/bin/dash' },
      { name: 'zsh', shell: '/bin/zsh', files: { '.zshenv': NOISE } },
      { name: 'tcsh', shell: '/bin/tcsh', files: { '.cshrc': 'echo "it is noon"\nsh -c "echo mail >&2"\n' } },
      { name: 'csh', shell: '/bin/csh', files: { '.cshrc': 'echo "it is noon"\n' } },
      { name: 'fish', shell: '/usr/bin/fish', files: { '.config/fish/config.fish': 'echo "it is noon"\n' } },
    ];
    const host = await on.hosts.start({ users: users.map((user) => ({ ...user, sudo: 'free' })) });
    for (const { name } of users) {
      const shell = await (await on.connect(on.destination(host, { user: name }), {}, true)).rootShell();
      const input = Buffer.alloc(300_000, 'x');
      const answer = await shell.run('id -u; tr -d y | wc -c; echo "it\'s \\\\ !" >&2', { input });
      assert.deepEqual(answer, { status: 0, stdout: '0\n300000\n', stderr: "it's \\ !\n" }, name);
    }
  });

  test('needs sudo only where the user is another one, and only if it was said', async (t) => {
    const on = stage(t);
    const host = await on.hosts.start({ users: [{ name: 'admin', sudo: 'free' }] });
    const admin = on.destination(host, { user: 'admin' });
    await assert.rejects((await on.connect(admin)).rootShell(), { because: 'not-root' });
    const root = await (await on.connect(on.destination(host), {}, true)).rootShell();
    assert.equal((await root.run('echo "$SUDO_USER"')).stdout, '\n');
  });

  test('gives sudo its password, asked once for all hosts, and never in sight', async (t) => {
    const on = stage(t);
    const users = [{ name: 'admin', sudo: 'password' as const }];
    const hosts = await Promise.all([1, 2, 3].map(() => on.hosts.start({ users })));
    const asked: Question[] = [];
    const connector = on.connector({
      ask: async (question) => {
        asked.push(question);
        return PASSWORD;
      },
    });
    const seen = await Promise.all(
      hosts.map(async (host) => {
        const connection = await on.open(connector, on.destination(host, { user: 'admin' }), true);
        const shell = await connection.rootShell();
        return (await shell.run('id -u; cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ', {})).stdout;
      }),
    );
    assert.equal(asked.length, 1);
    assert.equal(asked[0]?.kind, 'sudo-password');
    for (const said of seen) {
      assert.match(said, /^0\n/);
      assert.ok(!said.includes(PASSWORD));
    }
  });

  test('is told what sudo has against it', async (t) => {
    const on = stage(t);
    const host = await on.hosts.start({
      users: [
        { name: 'asked', sudo: 'password' },
        { name: 'terminal', sudo: 'terminal' },
        { name: 'nobody-special' },
      ],
    });
    const none = await on.hosts.start({ users: [{ name: 'admin' }] });
    await none.run(['rm', '/usr/bin/sudo']);
    const attempt = async (user: string, password?: string, at = host) => {
      const connection = await on.connect(on.destination(at, { user }), { ask: async () => password }, true);
      return connection.rootShell();
    };
    await assert.rejects(attempt('asked'), { because: 'sudo-password' });
    await assert.rejects(attempt('asked', 'wrong'), { because: 'sudo-password', detail: /refused/ });
    await assert.rejects(attempt('terminal'), { because: 'sudo-tty', detail: /tty/ });
    await assert.rejects(attempt('nobody-special', PASSWORD), { because: 'sudo-refused', detail: /sudoers/ });
    await assert.rejects(attempt('admin', PASSWORD, none), { because: 'sudo-missing' });
  });

  test('ends with a connection that is cut, whether or not sudo puts a terminal in between', async (t) => {
    const on = stage(t);
    const users = [{ name: 'admin', sudo: 'free' as const, shell: '/bin/tcsh' }];
    for (const use of ['use_pty', '!use_pty']) {
      const files = { '/etc/sudoers.d/pty': { content: `Defaults ${use}\n`, mode: 0o440 } };
      const host = await on.hosts.start({ users, files });
      const relay = await startRelay(t, host);
      const shell = await (await on.connect(on.destination(relay, { user: 'admin' }), {}, true)).rootShell();
      const running = shell.run('sleep 1000');
      const processes = (): Promise<string> => host.run(['ps', 'ax', '-o', 'args']);
      await until('it runs', async () => /^sleep 1000$/m.test(await processes()));
      relay.cut();
      await assert.rejects(running, { because: 'cut' });
      await until(`nothing is left with ${use}`, async () => !/^sleep|read -r line/m.test(await processes()));
    }
  });

  test('a wrong password is tried on three hosts and no more', async (t) => {
    const on = stage(t);
    const users = [{ name: 'admin', sudo: 'password' as const }];
    const hosts = await Promise.all([1, 2, 3, 4, 5].map(() => on.hosts.start({ users })));
    const connector = on.connector({ ask: async () => 'wrong' });
    const failures = await Promise.all(
      hosts.map(async (host) => {
        const connection = await on.open(connector, on.destination(host, { user: 'admin' }), true);
        return connection.rootShell().then(
          () => 'in',
          ({ because, detail }) => `${because}: ${detail}`,
        );
      }),
    );
    const count = (text: string): number => failures.filter((one) => one.includes(text)).length;
    assert.deepEqual(
      [count('the password was refused'), count('not tried here')],
      [3, 2],
      failures.join('\n'),
    );
  });

  test('is told of a server that lets nobody have a shell', async (t) => {
    const on = stage(t);
    const host = await on.hosts.start({ settings: ['ForceCommand /bin/echo only for backups'] });
    await assert.rejects((await on.connect(on.destination(host))).rootShell(), {
      because: 'shell',
      detail: 'only for backups',
    });
  });

  test('is told of a login shell that lets nobody in, and of one that says nothing', async (t) => {
    const on = stage(t);
    const host = await on.hosts.start({
      users: [{ name: 'out', shell: '/usr/sbin/nologin' }],
    });
    await assert.rejects((await on.connect(on.destination(host, { user: 'out' }))).rootShell(), {
      because: 'shell',
      detail: /not available/,
    });
    const floods = await on.hosts.start({ users: [{ name: 'flood', files: { '.bashrc': 'yes\n' } }] });
    await assert.rejects((await on.connect(on.destination(floods, { user: 'flood' }))).rootShell(), {
      because: 'shell',
      detail: /without end/,
    });
  });
});
