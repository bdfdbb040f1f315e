import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PackageManager } from '../../../agent/packages/manager.ts';
import { parseMaps, unitOf } from '../../../agent/packages/mapped-files.ts';
import { restartsAfter, restartsNow } from '../../../agent/packages/restarts.ts';
import { scriptedHost } from './scripted-host.ts';

const MAPS = `55d0c8a00000-55d0c8a21000 r-xp 00000000 fe:00 131 /usr/sbin/nginx
7f10c0000000-7f10c0021000 rw-p 00000000 00:00 0
7f10c4e00000-7f10c4f00000 r-xp 00000000 fe:00 900 /usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)
7f10c4f00000-7f10c4f01000 rw-s 00000000 00:01 44 /memfd:cache (deleted)
7f10c4f01000-7f10c4f02000 rw-s 00000000 fe:00 45 /var/lib/mysql/ib_tmp (deleted)
7f10c4f02000-7f10c4f03000 rw-s 00000000 00:05 46 /dev/zero (deleted)
7ffc1d1f0000-7ffc1d211000 rw-p 00000000 00:00 0 [stack]
`;
const process = (pid: number, cgroup: string, maps: string) => ({
  [`/proc/${pid}/cgroup`]: cgroup,
  [`/proc/${pid}/maps`]: maps,
});
const libraryOf = (path: string) => `7f10c4e00000-7f10c4f00000 r-xp 00000000 fe:00 900 ${path}\n`;

test('of what is deleted only files where packages put them count as replaced', () => {
  assert.deepEqual(parseMaps(MAPS), {
    replaced: ['/usr/lib/x86_64-linux-gnu/libssl.so.3'],
    present: ['/usr/sbin/nginx'],
  });
});

test('a process belongs to the service that its cgroup names, and to none in a session or a container', () => {
  for (const [cgroup, unit] of [
    ['0::/system.slice/nginx.service\n', 'nginx.service'],
    ['0::/system.slice/system-getty.slice/getty@tty1.service\n', 'getty@tty1.service'],
    ['0::/system.slice/muster-agent.service/run-3\n', 'muster-agent.service'],
    ['12:pids:/x.service\n1:name=systemd:/system.slice/cron.service\n', 'cron.service'],
    ['0::/openrc.sshd\n', 'sshd'],
    ['0::/user.slice/user-1000.slice/user@1000.service/app.slice/x.service\n', undefined],
    ['0::/system.slice/docker-0abc.scope\n', undefined],
    ['0::/machine.slice/machine-x.scope/payload/system.slice/nginx.service\n', undefined],
    ['0::/\n', undefined],
    ['', undefined],
  ] as const)
    assert.equal(unitOf(cgroup), unit, cgroup);
});

const HOST = scriptedHost({
  files: {
    ...process(1, '0::/init.scope\n', libraryOf('/usr/lib/libc.so.6')),
    ...process(40, '0::/system.slice/nginx.service\n', MAPS),
    ...process(41, '0::/system.slice/nginx.service\n', MAPS),
    ...process(50, '0::/system.slice/cron.service\n', libraryOf('/usr/lib/x86_64-linux-gnu/libc.so.6')),
    ...process(51, '0::/user.slice/user-0.slice/session-1.scope\n', MAPS),
  },
});
const manager = (files: readonly string[]): PackageManager =>
  ({ name: 'dnf', filesOf: async () => files }) as unknown as PackageManager;

test('a scan tells each service once that still runs from files which were replaced', async () => {
  assert.deepEqual(await restartsNow(HOST, manager([])), { rebootNeeded: false, units: ['nginx.service'] });
});

test('a plan tells which services run from files of the packages that it changes, also where these are listed beside /usr', async () => {
  const upgrade = { name: 'libc6', arch: 'amd64', from: '1', to: '2' };
  const files = ['/lib', '/lib/x86_64-linux-gnu/libc.so.6'];
  assert.deepEqual(await restartsAfter(HOST, manager(files), [upgrade]), ['cron.service']);
  assert.deepEqual(await restartsAfter(HOST, manager(files), [{ ...upgrade, from: '' }]), []);
  assert.deepEqual(await restartsAfter(HOST, manager(['/usr/bin/vim']), [upgrade]), []);
});
