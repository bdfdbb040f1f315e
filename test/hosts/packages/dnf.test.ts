import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DNF } from '../../../agent/packages/dnf/dnf.ts';
import type { Command, Host } from '../../../agent/packages/host.ts';
import { Unsolvable, type Wanted } from '../../../agent/packages/manager.ts';
import { scriptedHost } from '../../agent/packages/scripted-host.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { requires } from '../../support/requires.ts';
import { until } from '../../support/until.ts';

const NEEDS = requires('root', 'mounts', 'dnf', 'rpmbuild', 'createrepo_c', 'nsenter');
const MOUNTS = `set -e
mount -t tmpfs none "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
mount -t proc proc "$1/root/proc"
mount --bind /dev "$1/root/dev"
mkdir -p "$1/root/repo"; mount --bind "$2" "$1/root/repo"
exec chroot "$1/root" sleep 600`;
const SPEC = (name: string, version: string, more: string, script: string) => `Name: ${name}
Version: ${version}
Release: 1
Summary: x
License: MIT
BuildArch: noarch
${more}
%description
x
%install
mkdir -p %{buildroot}/usr/share/fixture
echo ${version} > %{buildroot}/usr/share/fixture/${name}
${script}
%files
/usr/share/fixture/${name}
`;

function build(repo: string, name: string, version: string, more = '', script = ''): void {
  const top = join(repo, '.build');
  mkdirSync(top, { recursive: true });
  writeFileSync(join(top, 'a.spec'), SPEC(name, version, more, script));
  const file = '_rpmfilename %%{NAME}-%%{VERSION}.rpm';
  const words = [
    '-bb',
    '--quiet',
    '--define',
    `_topdir ${top}`,
    '--define',
    `_rpmdir ${repo}`,
    '--define',
    file,
  ];
  execFileSync('rpmbuild', [...words, join(top, 'a.spec')], { stdio: 'pipe' });
}

test(
  'dnf does exactly what was simulated, refuses what comes along, tells of scripts that fail, and goes back from kept archives',
  NEEDS,
  async (t) => {
    const folder = temporaryFolder(t);
    const repo = join(folder, 'repo');
    mkdirSync(join(folder, 'at'));
    build(repo, 'shell', '1', 'Provides: /bin/sh');
    for (const version of ['1', '2']) build(repo, 'app', version, version === '2' ? 'Requires: newdep' : '');
    build(repo, 'newdep', '1');
    build(repo, 'sick', '1');
    build(repo, 'sick', '2', '', '%post\nexit 3');
    execFileSync('createrepo_c', ['-q', repo]);
    const holder = spawn('unshare', ['--mount', 'sh', '-c', MOUNTS, 'sh', join(folder, 'at'), repo], {
      stdio: 'ignore',
    });
    const ended = new Promise((resolve) => holder.once('close', resolve));
    t.after(async () => {
      holder.kill('SIGKILL');
      await ended;
    });
    const root = `/proc/${holder.pid}/root`;
    await until(
      'the machine is there',
      () => readFileSync(`/proc/${holder.pid}/comm`, 'utf8').trim() === 'sleep',
    );
    mkdirSync(`${root}/etc/rpm`, { recursive: true });
    mkdirSync(`${root}/etc/yum.repos.d`, { recursive: true });
    writeFileSync(`${root}/etc/rpm/macros`, '%_dbpath /var/lib/rpm\n');
    mkdirSync(`${root}/etc/dnf/vars`, { recursive: true });
    writeFileSync(
      `${root}/etc/yum.repos.d/fixture.repo`,
      '[fixture]\nname=x\nbaseurl=file:///repo\ngpgcheck=0\n',
    );
    const execute = ({ argv, env, stdin }: Command) => {
      const words = ['--target', String(holder.pid), '--mount', '--root', '--', ...argv];
      const options = {
        env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...env },
        input: stdin ?? '',
        encoding: 'utf8',
      } as const;
      const { status, stdout, stderr } = spawnSync('nsenter', words, options);
      return { exitCode: status ?? 255, stdout, stderr };
    };
    const files = {
      ...scriptedHost({}).files,
      exists: async (path: string) => existsSync(root + path),
      readText: async (path: string) =>
        existsSync(root + path) ? readFileSync(root + path, 'utf8') : undefined,
      list: async (path: string) => (existsSync(root + path) ? readdirSync(root + path) : []),
      size: async (path: string) => statSync(root + path, { throwIfNoEntry: false })?.size,
    };
    const host: Host = { ...scriptedHost({}), files, ask: async (command) => execute(command) };
    const dnf = DNF.create(host);
    const change = (changes: readonly Wanted[]) =>
      execute(dnf.changeCommand(changes, { configFiles: 'keep', lockWaitMs: 0 }));
    const versions = async () =>
      (await dnf.installed(['app', 'newdep', 'sick']))
        .map(({ name, version }) => `${name} ${version}`)
        .sort();

    await dnf.refresh();
    assert.equal(await dnf.broken(), undefined);
    const first = execute({ argv: ['dnf', '-y', '-q', 'install', 'app-1', 'sick-1', 'shell'] });
    assert.equal(first.exitCode, 0, first.stderr);
    const app: Wanted = { name: 'app', arch: 'noarch', from: '1-1', to: '2-1' };
    const newdep: Wanted = { name: 'newdep', arch: 'noarch', from: '', to: '1-1' };
    assert.deepEqual(
      (await dnf.pending()).map(({ name, from, to }) => [name, from, to]),
      [
        ['app', '1-1', '2-1'],
        ['sick', '1-1', '2-1'],
      ],
    );
    const planned = await dnf.simulate({ kind: 'exact', changes: [app] });
    assert.deepEqual(planned.changes, [app, newdep]);
    assert.ok(planned.downloadBytes > 0);

    const [old] = await dnf.fetchInto([{ name: 'app', arch: 'noarch', version: '1-1' }], '/kept');
    assert.ok(old?.startsWith('/kept/'));
    await dnf.download([app, newdep]);
    // What comes along and was not planned: dnf itself refuses, in the process that would do it.
    assert.match(dnf.failureOf(change([app]).stdout) ?? '', /newdep.*pulled into the transaction/);
    assert.deepEqual(await versions(), ['app 1-1', 'sick 1-1']);
    const done = change([app, newdep]);
    assert.equal(done.exitCode, 0, done.stdout);
    assert.deepEqual(await versions(), ['app 2-1', 'newdep 1-1', 'sick 1-1']);
    await assert.rejects(dnf.simulate({ kind: 'exact', changes: [app] }), Unsolvable);

    const sick: Wanted = { name: 'sick', arch: 'noarch', from: '1-1', to: '2-1' };
    await dnf.download([sick]);
    const failed = change([sick]);
    assert.notEqual(failed.exitCode, 0);
    assert.equal(dnf.failureOf(failed.stdout), '%post of sick-2-1.noarch failed, exit status 3');

    // Its version before is gone from the repository.
    execFileSync('rm', [join(repo, 'app-1.rpm')]);
    execFileSync('createrepo_c', ['-q', repo]);
    await dnf.refresh();
    assert.deepEqual(await dnf.obtainable([{ name: 'app', arch: 'noarch', version: '1-1' }]), [undefined]);
    const back: Wanted[] = [
      { ...app, from: '2-1', to: '1-1', file: old ?? '' },
      { ...newdep, from: '1-1', to: '' },
    ];
    const { changes } = await dnf.simulate({ kind: 'exact', changes: back });
    assert.deepEqual(
      changes,
      back.map(({ name, arch, from, to }) => ({ name, arch, from, to })),
    );
    const reverted = change(back);
    assert.equal(reverted.exitCode, 0, reverted.stdout);
    assert.deepEqual(await versions(), ['app 1-1', 'sick 2-1']);
    const [newest] = await dnf.history(1);
    assert.deepEqual(
      newest?.changes.map(({ name, from, to }) => [name, from, to]),
      [
        ['app', '2-1', '1-1'],
        ['newdep', '1-1', ''],
      ],
    );
  },
);
