import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootTime, whyReboot } from '../../../agent/packages/reboot-needed.ts';
import { scriptedHost } from './scripted-host.ts';

/** Its init began at 1_000_010, ten seconds after the kernel. */
const BOOT = {
  '/proc/stat': 'cpu  1 2 3\nbtime 1000000\nprocesses 9\n',
  '/proc/1/stat': `1 (init (odd) name) S 0 1 1 0 -1 4194560 ${'7 '.repeat(12)}1000 170000 3000`,
};
const dpkg = (times: Readonly<Record<string, number>>) => {
  const files = Object.fromEntries(Object.keys(times).map((name) => [`/var/lib/dpkg/info/${name}.list`, '']));
  const lines = (argv: readonly string[]) =>
    argv
      .slice(3)
      .map((path) => `${times[path.slice('/var/lib/dpkg/info/'.length, -'.list'.length)]} ${path}\n`);
  return scriptedHost({
    files: { ...BOOT, ...files },
    answer: (argv) => (argv[0] === 'stat' ? { stdout: lines(argv).join('') } : undefined),
  });
};
const rpm = (stdout: string, files = {}) =>
  scriptedHost({ files: { ...BOOT, ...files }, answer: () => ({ stdout }) });

test('a machine boots when its init begins, which in a container is later than the kernel', () => {
  assert.equal(bootTime(BOOT['/proc/stat'], BOOT['/proc/1/stat']), 1_000_010);
  assert.equal(bootTime('', BOOT['/proc/1/stat']), undefined);
  assert.equal(bootTime(BOOT['/proc/stat'], ''), undefined);
});

test('a reboot is wanted where the distribution left word of it, and the sentence names for whom', async () => {
  const flagged = {
    '/run/reboot-required': '*** System restart required ***\n',
    '/run/reboot-required.pkgs': 'linux-image-6.1.0-18-amd64\nlinux-base\nlinux-base\n',
  };
  assert.equal(
    await whyReboot(scriptedHost({ files: flagged }), undefined),
    '/run/reboot-required is there, for linux-base, linux-image-6.1.0-18-amd64',
  );
  assert.equal(
    await whyReboot(scriptedHost({ files: { '/run/reboot-needed': '' } }), 'zypper'),
    '/run/reboot-needed is there',
  );
});

test('a reboot is wanted once a kernel or the C library was installed since the boot, and not for what came before it', async () => {
  const host = dpkg({ 'libc6:amd64': 1_000_011, 'linux-image-6.1.0-18-amd64': 1_000_012, nginx: 1_000_013 });
  assert.equal(await whyReboot(host, 'apt'), 'installed since its boot: libc6, linux-image-6.1.0-18-amd64');
  const quiet = dpkg({ 'libc6:amd64': 1_000_009, 'linux-image-6.1.0-18-amd64': 999_999, nginx: 1_000_013 });
  assert.equal(await whyReboot(quiet, 'apt'), undefined);
});

test('rpm is asked when packages were installed, and packages that an administrator added count as well', async () => {
  const times = '1000011 kernel-core\n1000012 kernel-devel\n999999 glibc\n1000013 postgresql-server\n';
  assert.equal(await whyReboot(rpm(times), 'dnf'), 'installed since its boot: kernel-core');
  const added = { '/etc/dnf/plugins/needs-restarting.d/database.conf': '# ours\npostgresql-server\n' };
  assert.equal(
    await whyReboot(rpm(times, added), 'dnf'),
    'installed since its boot: kernel-core, postgresql-server',
  );
  assert.equal(
    await whyReboot(rpm('1000011 kernel-default\n1000011 vim\n'), 'zypper'),
    'installed since its boot: kernel-default',
  );
  assert.equal(await whyReboot(rpm('1000011 kernel-default-devel\n'), 'zypper'), undefined);
});

test('a database of packages that cannot be read is an error, and not a machine that wants no reboot', async () => {
  const host = scriptedHost({ files: BOOT, answer: () => ({ exitCode: 1, stderr: 'error: no db' }) });
  await assert.rejects(whyReboot(host, 'dnf'), /rpm exited with 1: error: no db/);
});

test('a reboot is wanted where an upgrade took the modules of the kernel that runs, and not where none of its kind were there', async () => {
  const release = (text: string) => ({ ...BOOT, '/proc/sys/kernel/osrelease': `${text}\n` });
  const modules = { '/lib/modules/6.6.60-0-lts/modules.dep': '' };
  const lost = scriptedHost({ files: { ...release('6.6.58-0-lts'), ...modules } });
  assert.equal(await whyReboot(lost, 'apk'), 'the modules of the kernel that runs, 6.6.58-0-lts, are gone');
  for (const running of ['6.6.60-0-lts', '6.1.147', '6.8.0-31-generic'])
    assert.equal(
      await whyReboot(scriptedHost({ files: { ...release(running), ...modules } }), 'apk'),
      undefined,
      running,
    );
});

test('the C library of Alpine is known by when its loader was put in its place', async () => {
  const files = { ...BOOT, '/lib/ld-musl-x86_64.so.1': '' };
  const at = (seconds: number) =>
    scriptedHost({ files, answer: () => ({ stdout: `${seconds} /lib/ld-musl-x86_64.so.1\n` }) });
  assert.equal(await whyReboot(at(1_000_020), 'apk'), 'installed since its boot: musl');
  assert.equal(await whyReboot(at(999_000), 'apk'), undefined);
});
