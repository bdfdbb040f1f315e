import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  bootedAtMs,
  cgroupVersion,
  countCpuList,
  fqdnFromHosts,
  parseCgroup,
  parseCpuinfo,
  parseLoad,
  parseMeminfo,
  parseMountinfo,
  parseOsRelease,
  timezoneOf,
} from '../../../agent/facts/parse.ts';
import { ALPINE, DEBIAN, type Machine, ROCKY } from './machines.ts';

function file(machine: Machine, path: string): string {
  return machine.files[path] ?? assert.fail(`no ${path}`);
}

test('os-release is read with and without quotes, and names the family', () => {
  const read = (machine: Machine) => Object.values(parseOsRelease(file(machine, '/etc/os-release')));
  assert.deepEqual(read(DEBIAN), ['debian', '12', 'Debian GNU/Linux 12 (bookworm)', 'debian']);
  assert.deepEqual(read(ALPINE), ['alpine', '3.20.3', 'Alpine Linux v3.20', 'alpine']);
  assert.deepEqual(read(ROCKY), ['rocky', '9.4', 'Rocky Linux 9.4 (Blue Onyx)', 'rhel']);
});

test('a distribution belongs to the family that it says it is like', () => {
  const family = (text: string) => parseOsRelease(text).family;
  assert.equal(family('ID=linuxmint\nID_LIKE="ubuntu debian"'), 'debian');
  assert.equal(family('ID="opensuse-leap"\nID_LIKE="suse opensuse"'), 'suse');
  assert.equal(family('ID="amzn"\nID_LIKE="fedora"'), 'rhel');
  assert.equal(family('ID=manjaro\nID_LIKE=arch'), 'arch');
  assert.equal(family('ID=nixos'), 'other');
  assert.equal(family('ID=__proto__\nID_LIKE=constructor'), 'other');
});

test('os-release follows the quoting of a shell, and the last of two lines counts', () => {
  const name = (text: string) => parseOsRelease(text).prettyName;
  assert.equal(name('PRETTY_NAME="a \\"b\\" \\$c \\\\ \\`d\\`"'), 'a "b" $c \\ `d`');
  assert.equal(name("PRETTY_NAME='a \\b'"), 'a \\b');
  assert.equal(name('PRETTY_NAME=bare  '), 'bare');
  assert.equal(name('# PRETTY_NAME=no\nPRETTY_NAME=a\nPRETTY_NAME=b'), 'b');
  assert.equal(name('PRETTY_NAME='), undefined);
  assert.equal(parseOsRelease('').id, 'linux');
});

test('cpuinfo gives the model where there is one, the count and the mark of a hypervisor', () => {
  const model = 'Intel(R) Xeon(R) Gold 6230 CPU @ 2.10GHz';
  assert.deepEqual(parseCpuinfo(file(DEBIAN, '/proc/cpuinfo')), { model, count: 2, hypervisor: true });
  assert.deepEqual(parseCpuinfo(file(ALPINE, '/proc/cpuinfo')), {
    model: undefined,
    count: 3,
    hypervisor: false,
  });
  assert.deepEqual(parseCpuinfo(''), { model: undefined, count: 0, hypervisor: false });
});

test('a list of processors is counted, and what is no list is unknown', () => {
  assert.equal(countCpuList('0\n'), 1);
  assert.equal(countCpuList('0-3,8-11\n'), 8);
  assert.equal(countCpuList('0,2,4-5'), 4);
  for (const text of ['', '\n', '-1', '0-', 'a', '0-99999999999', '0,,1', '0 1'])
    assert.equal(countCpuList(text), undefined, JSON.stringify(text));
});

test('meminfo is in bytes, and fields without a unit are not sizes', () => {
  const memory = parseMeminfo(file(DEBIAN, '/proc/meminfo'));
  assert.equal(memory.get('MemTotal'), 4023532 * 1024);
  assert.equal(memory.get('Active(anon)'), 395028 * 1024);
  assert.equal(memory.get('HugePages_Total'), undefined);
  assert.equal(parseMeminfo('MemTotal: 99999999999999999999 kB').size, 0);
});

test('mountinfo is read with its optional fields, its escapes and without lines that do not fit', () => {
  const mounts = parseMountinfo(file(DEBIAN, '/proc/self/mountinfo'));
  assert.equal(mounts.length, 15);
  assert.deepEqual(
    mounts.find(({ mount }) => mount === '/srv/with space'),
    {
      device: '254:17',
      root: '/',
      mount: '/srv/with space',
      fsType: 'xfs',
      source: '/dev/vdb1',
      superOptions: 'rw,attr2,inode64',
    },
  );
  assert.equal(mounts.find(({ mount }) => mount === '/mnt/bind')?.root, '/var/lib/data');
  assert.deepEqual(parseMountinfo('1 2 3:4 / /x rw\n- - -\n1 2 3:4 / /x rw - ext4\n\u0000\n'), []);
  assert.equal(parseMountinfo('1 2 3:4 / /a\\134b\\011c rw a:1 b:2 - ext4 none')[0]?.mount, '/a\\b\tc');
});

test('the version of cgroups is what is mounted', () => {
  const version = (text: string) => cgroupVersion(parseMountinfo(text));
  const v1 = '36 31 0:35 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n';
  const v2Top = '32 22 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n';
  const v2Beside = '41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n';
  assert.equal(version(v2Top), 'v2');
  assert.equal(version(v1), 'v1');
  assert.equal(version(v1 + v2Beside), 'hybrid');
  assert.equal(version(v1 + v2Top), 'v2');
  assert.equal(version(''), 'none');
});

test("a process's cgroups are read per hierarchy", () => {
  assert.deepEqual(parseCgroup('9:name=systemd:/\n4:cpu,cpuacct:/docker/3f1c\n0::/init.scope\nx\n1:a:b\n'), [
    { hierarchy: 9, controllers: ['name=systemd'], path: '/' },
    { hierarchy: 4, controllers: ['cpu', 'cpuacct'], path: '/docker/3f1c' },
    { hierarchy: 0, controllers: [], path: '/init.scope' },
  ]);
});

test('the full name is taken from the line of hosts that has the host name', () => {
  assert.equal(fqdnFromHosts(file(DEBIAN, '/etc/hosts'), 'web-1'), 'web-1.example.com');
  assert.equal(fqdnFromHosts(file(DEBIAN, '/etc/hosts'), 'web'), undefined);
  assert.equal(fqdnFromHosts(file(ALPINE, '/etc/hosts'), '3f1c2b4d5e6f'), undefined);
  assert.equal(fqdnFromHosts('10.0.0.1 other.example.com web-1', 'web-1'), undefined);
  assert.equal(fqdnFromHosts('10.0.0.1 web-1.example.com db-1 # web-1', 'web-1'), undefined);
});

test('boot time and load are numbers or nothing', () => {
  assert.equal(bootedAtMs(file(DEBIAN, '/proc/stat')), 1_764_000_123_000);
  assert.equal(bootedAtMs('btime soon'), undefined);
  assert.deepEqual(parseLoad('0.30 0.43 1.27 2/188 16021\n'), [0.3, 0.43, 1.27]);
  for (const text of ['', '0.1 0.2', 'a b c', '1 2 -3', '1 2 Infinity'])
    assert.equal(parseLoad(text), undefined);
});

test('the time zone is the part of the link behind zoneinfo', () => {
  assert.equal(timezoneOf('/usr/share/zoneinfo/Europe/Berlin'), 'Europe/Berlin');
  assert.equal(timezoneOf('../usr/share/zoneinfo/posix/Etc/GMT+3'), 'Etc/GMT+3');
  assert.equal(timezoneOf('/etc/zoneinfo/UTC'), 'UTC');
  for (const link of [
    '/etc/adjtime',
    '/usr/share/zoneinfo/',
    '/usr/share/zoneinfo/\u001b[31m',
    'myzoneinfo/UTC',
  ])
    assert.equal(timezoneOf(link), undefined, link);
});

test('random and mutated text never throws', () => {
  let state = 7;
  const next = (bound: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % bound;
  };
  const texts = [DEBIAN, ALPINE, ROCKY]
    .flatMap(({ files }) => Object.values(files))
    .filter((text) => text !== '');
  for (let round = 0; round < 1_500; round++) {
    const text = (texts[next(texts.length)] ?? '').split('');
    for (let flips = 0; flips < 5; flips++) text[next(text.length)] = String.fromCharCode(next(300));
    const mutated = text.join('').slice(next(50));
    parseOsRelease(mutated);
    parseCpuinfo(mutated);
    parseMeminfo(mutated);
    parseCgroup(mutated);
    cgroupVersion(parseMountinfo(mutated));
    fqdnFromHosts(mutated, 'web-1');
    bootedAtMs(mutated);
    parseLoad(mutated);
    countCpuList(mutated);
  }
});
