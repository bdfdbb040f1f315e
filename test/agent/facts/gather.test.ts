import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestJson, type Facts, factsJson } from '../../../agent/facts/facts.ts';
import { gatherFacts } from '../../../agent/facts/gather.ts';
import type { FactSource } from '../../../agent/facts/probe.ts';
import { LIMITS } from '../../../proto/limits.ts';
import { manualClock } from './clock.ts';
import { ALPINE, DEBIAN, type Machine, ROCKY, sourceOf } from './machines.ts';

/** These wait for what must happen; without it they fail instead of waiting on. */
const BOUND = { timeout: 10_000 };

function gather(machine: Machine, change: Partial<FactSource> = {}): Promise<Facts> {
  const clock = manualClock();
  return gatherFacts({ ...sourceOf(machine), ...change }, { clock, agentVersion: '0.1.0' });
}

/** A copy of the machine with these files changed; undefined takes one away. */
function altered(machine: Machine, files: Record<string, string | undefined>): Machine {
  const kept = Object.entries({ ...machine.files, ...files }).flatMap(([path, text]) =>
    text === undefined ? [] : [[path, text] as const],
  );
  return { ...machine, files: Object.fromEntries(kept) };
}

test('a Debian says everything of itself', async () => {
  const GIB = 1024 ** 3;
  const facts = JSON.parse(factsJson(await gather(DEBIAN)));
  assert.deepEqual(facts, {
    agentVersion: '0.1.0',
    nodeVersion: 'v24.0.0',
    arch: 'x86_64',
    hostname: 'web-1',
    fqdn: 'web-1.example.com',
    os: { id: 'debian', versionId: '12', prettyName: 'Debian GNU/Linux 12 (bookworm)', family: 'debian' },
    kernel: { release: '6.1.0-28-amd64', version: '#1 SMP PREEMPT_DYNAMIC Debian 6.1.119-1 (2024-11-22)' },
    cpu: { model: 'Intel(R) Xeon(R) Gold 6230 CPU @ 2.10GHz', count: 2 },
    memory: { totalBytes: 4023532 * 1024, swapTotalBytes: 998396 * 1024 },
    disks: [
      { mount: '/', fsType: 'ext4', device: '/dev/vda1', totalBytes: 40 * GIB },
      { mount: '/boot/efi', fsType: 'vfat', device: '/dev/vda15', totalBytes: GIB / 8 },
      { mount: '/srv/with space', fsType: 'xfs', device: '/dev/vdb1', totalBytes: 100 * GIB },
    ],
    addresses: [
      { interface: 'ens3', family: 'ipv4', address: '192.0.2.7', prefix: 24, mac: '52:54:00:12:34:56' },
      { interface: 'ens3', family: 'ipv6', address: 'fe80::1', prefix: 64, mac: '52:54:00:12:34:56' },
      { interface: 'wg0', family: 'ipv4', address: '10.9.0.1', prefix: 32 },
    ],
    packageManager: 'apt',
    init: 'systemd',
    virtualisation: 'kvm',
    cgroup: 'v2',
    timezone: 'Europe/Berlin',
    bootId: '1f3b9a4e-6a3f-4d2c-9f5d-3f2a3c6f0b11',
    bootedAtMs: 1_764_000_123_000,
    machineIdHash: facts.machineIdHash,
    user: { uid: 0, name: 'root' },
    rebootRequired: false,
    volatile: {
      gatheredAtMs: 1_764_000_500_000,
      uptimeSeconds: 377,
      load: [0.3, 0.43, 1.27],
      memoryAvailableBytes: 3116900 * 1024,
      swapFreeBytes: 997372 * 1024,
      disks: [
        { mount: '/', availableBytes: 30 * GIB },
        { mount: '/boot/efi', availableBytes: 120 * 1024 ** 2 },
        { mount: '/srv/with space', availableBytes: 1 * GIB },
      ],
    },
  });
});

test('an Alpine container and a Rocky are told apart in every field', async () => {
  const fields = ({
    os,
    arch,
    fqdn,
    packageManager,
    init,
    virtualisation,
    cgroup,
    timezone,
    rebootRequired,
  }: Facts) => ({
    family: os?.family,
    arch,
    fqdn,
    packageManager,
    init,
    virtualisation,
    cgroup,
    timezone,
    rebootRequired,
  });
  assert.deepEqual(fields(await gather(ALPINE)), {
    family: 'alpine',
    arch: 'aarch64',
    fqdn: undefined,
    packageManager: 'apk',
    init: 'none',
    virtualisation: 'docker',
    cgroup: 'v2',
    timezone: 'UTC',
    rebootRequired: undefined,
  });
  assert.deepEqual(fields(await gather(ROCKY)), {
    family: 'rhel',
    arch: 'x86_64',
    fqdn: 'db-1.example.com',
    packageManager: 'dnf',
    init: 'systemd',
    virtualisation: 'vmware',
    cgroup: 'v2',
    timezone: 'America/Argentina/Buenos_Aires',
    rebootRequired: undefined,
  });
});

test('the count of processors falls back to cpuinfo', async () => {
  assert.deepEqual((await gather(ALPINE)).cpu, { model: undefined, count: 3 });
});

test('the machine id itself does not leave the machine, and its hash is the same each time', async () => {
  const [first, second] = [await gather(DEBIAN), await gather(DEBIAN)];
  assert.match(first.machineIdHash ?? '', /^[0-9a-f]{32}$/);
  assert.equal(first.machineIdHash, second.machineIdHash);
  assert.ok(!factsJson(first).includes('b08dfa6083e7567a1921a715000001fb'));
  const other = await gather(altered(DEBIAN, { '/etc/machine-id': 'c08dfa6083e7567a1921a715000001fb\n' }));
  assert.notEqual(other.machineIdHash, first.machineIdHash);
  const none = await gather(altered(DEBIAN, { '/etc/machine-id': 'uninitialized\n' }));
  assert.equal(none.machineIdHash, undefined);
});

test('a needed reboot is yes by its mark, no only where something makes marks, and else unknown', async () => {
  const hook = '/etc/kernel/postinst.d/unattended-upgrades';
  const required = async (files: Record<string, string | undefined>) =>
    (await gather(altered(DEBIAN, files))).rebootRequired;
  assert.equal(await required({}), false);
  assert.equal(await required({ '/run/reboot-required': '' }), true);
  assert.equal(await required({ [hook]: undefined, '/run/reboot-required': '' }), true);
  assert.equal(await required({ [hook]: undefined }), undefined);
});

test("a tool of another family is not taken for the machine's package manager", async () => {
  assert.equal((await gather(altered(ROCKY, { '/usr/bin/apt-get': '' }))).packageManager, 'dnf');
  assert.equal((await gather(altered(ROCKY, { '/usr/bin/dnf': undefined }))).packageManager, 'yum');
});

test('OpenRC and other inits are recognised', async () => {
  const initOf = async (files: Record<string, string | undefined>) =>
    (await gather(altered(ALPINE, files))).init;
  assert.equal(await initOf({ '/run/openrc/softlevel': 'default', '/proc/1/comm': 'init\n' }), 'openrc');
  assert.equal(await initOf({ '/proc/1/comm': 'runit\n' }), 'other');
  assert.equal(await initOf({ '/proc/1/comm': undefined }), undefined);
});

test('a time zone that is a copy is what /etc/timezone says', async () => {
  const copied = { ...altered(DEBIAN, { '/etc/timezone': 'Asia/Tokyo\n' }), links: {} };
  assert.equal((await gather(copied)).timezone, 'Asia/Tokyo');
});

test('a machine that shows nothing gives facts with nothing in them', async () => {
  const facts = JSON.parse(factsJson(await gather({ files: {} })));
  assert.deepEqual(Object.keys(facts).sort(), [
    'addresses',
    'agentVersion',
    'arch',
    'cpu',
    'hostname',
    'kernel',
    'memory',
    'nodeVersion',
    'packageManager',
    'timezone',
    'user',
    'virtualisation',
    'volatile',
  ]);
  assert.deepEqual([facts.cpu, facts.kernel, facts.memory], [{}, {}, {}]);
});

test('a source that throws at every call is survived', async () => {
  const fail = () => {
    throw new Error('EIO');
  };
  const reject = () => Promise.reject(new Error('EIO'));
  const clock = manualClock();
  const broken: FactSource = {
    readText: reject,
    exists: reject,
    readLink: reject,
    statfs: reject,
    networkInterfaces: fail,
    hostname: fail,
    machine: fail,
    user: fail,
    nodeVersion: fail,
    sha512: fail,
  };
  const facts = await gatherFacts(broken, { clock, agentVersion: '0.1.0' });
  assert.equal(facts.agentVersion, '0.1.0');
  assert.equal(facts.hostname, undefined);
  assert.equal(clock.waiting(), 0, 'no timer is left');
});

test('files full of nonsense give absent fields and no failure', async () => {
  const nonsense = [
    '\u0000'.repeat(5_000),
    '\ufffd=\ufffd\n'.repeat(900),
    `ID=${'x'.repeat(60_000)}`,
    '- - - -\n'.repeat(999),
  ];
  for (const text of nonsense) {
    const files = Object.fromEntries(Object.keys(DEBIAN.files).map((path) => [path, text]));
    const facts = await gather({ ...DEBIAN, files, hostname: text });
    assert.equal(facts.bootedAtMs, undefined);
    assert.equal(facts.machineIdHash, undefined);
    assert.ok(factsJson(facts).length < 10_000);
  }
});

test('a disk that does not answer is listed without its size, and holds nothing else up', BOUND, async () => {
  const clock = manualClock();
  const normal = sourceOf(DEBIAN);
  let asked = () => {};
  const hanging = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const source: FactSource = {
    ...normal,
    statfs: (path) => {
      if (path !== '/srv/with space') return normal.statfs(path);
      asked();
      return new Promise(() => {});
    },
  };
  const gathering = gatherFacts(source, { clock, agentVersion: '0.1.0' });
  await hanging;
  // Every answer that will come has come once the event loop has turned.
  await new Promise((resolve) => setImmediate(resolve));
  clock.expire();
  const facts = await gathering;
  assert.deepEqual(
    facts.disks?.map(({ mount, totalBytes }) => [mount, totalBytes !== undefined]),
    [
      ['/', true],
      ['/boot/efi', true],
      ['/srv/with space', false],
    ],
  );
  assert.deepEqual(
    facts.volatile.disks?.map(({ mount }) => mount),
    ['/', '/boot/efi'],
  );
  assert.equal(facts.virtualisation, 'kvm');
  assert.equal(facts.packageManager, 'apt');
});

test(
  'a machine that answers nothing in time leads to no conclusion from what was not found',
  BOUND,
  async () => {
    const clock = manualClock();
    const never = () => new Promise<never>(() => {});
    const source = { ...sourceOf(DEBIAN), readText: never, exists: never, readLink: never, statfs: never };
    const gathering = gatherFacts(source, { clock, agentVersion: '0.1.0' });
    clock.expire();
    const facts = await gathering;
    const { packageManager, init, virtualisation, rebootRequired, timezone, hostname } = facts;
    assert.deepEqual(
      { packageManager, init, virtualisation, rebootRequired, timezone, hostname },
      {
        packageManager: undefined,
        init: undefined,
        virtualisation: undefined,
        rebootRequired: undefined,
        timezone: undefined,
        hostname: 'web-1',
      },
    );
  },
);

test('only mounts on local devices are asked for their size', async () => {
  const asked: string[] = [];
  const normal = sourceOf(DEBIAN);
  await gather(DEBIAN, {
    statfs: (path) => {
      asked.push(path);
      return normal.statfs(path);
    },
  });
  assert.deepEqual(asked.sort(), ['/', '/boot/efi', '/srv/with space']);
});

test('the same facts give the same text whatever the order of their keys', () => {
  const volatile = { uptimeSeconds: 2, gatheredAtMs: 1 };
  const one: Facts = { agentVersion: '1', os: { id: 'a', family: 'other' }, volatile };
  const two: Facts = {
    volatile: { gatheredAtMs: 1, uptimeSeconds: 2 },
    os: { family: 'other', id: 'a', versionId: undefined },
    agentVersion: '1',
  };
  assert.equal(factsJson(one), factsJson(two));
  assert.equal(
    factsJson(one),
    '{"agentVersion":"1","os":{"family":"other","id":"a"},"volatile":{"gatheredAtMs":1,"uptimeSeconds":2}}',
  );
});

test('time that passes changes the facts and not the text of the digest', async () => {
  const before = await gather(DEBIAN);
  const later = await gatherFacts(
    sourceOf({
      ...altered(DEBIAN, { '/proc/loadavg': '9 9 9 1/1 1\n' }),
      sizes: { ...DEBIAN.sizes, '/': { totalBytes: 40 * 1024 ** 3, availableBytes: 1 } },
    }),
    { clock: manualClock(1_764_009_999_000, 10_000_000), agentVersion: '0.1.0' },
  );
  assert.notEqual(factsJson(before), factsJson(later));
  assert.equal(digestJson(before), digestJson(later));
  const upgraded = await gatherFacts(sourceOf(DEBIAN), { clock: manualClock(), agentVersion: '0.2.0' });
  assert.notEqual(digestJson(before), digestJson(upgraded));
});

test('the largest machine stays below the cap of facts', async () => {
  const path = '\u4e2d'.repeat(250);
  const mounts = Array.from(
    { length: 2_000 },
    (_, n) => `1 1 8:${n} / /${path}${n} rw - ext4 /dev/${path}${path} rw`,
  );
  const address = { family: 'ipv6' as const, prefix: 64, mac: 'x'.repeat(9_999), internal: false };
  const facts = await gather({
    files: {
      ...DEBIAN.files,
      '/proc/self/mountinfo': mounts.join('\n'),
      '/etc/os-release': `ID=${path.repeat(99)}`,
    },
    hostname: path.repeat(9),
    addresses: Array.from({ length: 5_000 }, (_, n) => ({
      ...address,
      interface: `eth${n}`,
      address: `fe80::${n}`,
    })),
  });
  const bytes = Buffer.byteLength(factsJson(facts));
  assert.ok(bytes < LIMITS.factsBytes, `${bytes}`);
});
