import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HostFailure } from '../../../controller/installer/failure.ts';
import { readIdentity } from '../../../controller/installer/remote/identity.ts';
import { parseProbe } from '../../../controller/installer/remote/probe-answer.ts';
import { probeAnswer, TOOL_LINES } from './probe.ts';

const parse = (changes?: Record<string, string | undefined>, more?: readonly string[]) =>
  parseProbe(probeAnswer(changes, more), 1);

test('a host is known by what it says of itself', () => {
  const probe = parse();
  assert.deepEqual(probe.os, { id: 'debian', version: '12', name: 'Debian GNU/Linux 12 (bookworm)' });
  assert.deepEqual([probe.glibc, probe.musl, probe.init], [[2, 36], false, 'systemd']);
  assert.equal(probe.rooms.tmp?.noexec, true);
  assert.deepEqual(probe.rooms.program, {
    freeBytes: 20_480_000_000,
    mount: '/',
    noexec: false,
    readOnly: false,
  });
  assert.equal(probe.home, undefined);
  assert.ok(probe.tools.has('xz') && !probe.tools.has('zstd'));
});

test('a Node is one that root may run, in a version that can be read', () => {
  const { nodes, untrustedNodes } = parse({}, [
    ...TOOL_LINES,
    'node=v24.1.0 /usr/local/bin/node',
    'node=old /usr/bin/node',
    'node=untrusted /home/joe/bin/node',
    'node=v24.1.0 relative/node',
    'node=v99999.1.0 /usr/bin/odd',
  ]);
  assert.deepEqual(nodes, [
    { path: '/usr/local/bin/node', version: [24, 1, 0] },
    { path: '/usr/bin/node', version: undefined },
    { path: '/usr/bin/odd', version: undefined },
  ]);
  assert.deepEqual(untrustedNodes, ['/home/joe/bin/node']);
});

test('two containers of one kernel are two machines, and two ways to one container are one', () => {
  const boot = '11111111-2222-3333-4444-555555555555';
  const machine = (place: string, bootId = boot) => readIdentity(`${bootId} ${place}\n`);
  assert.equal(machine('pid:[1] mnt:[2] 2 0:30'), machine('pid:[1] mnt:[2] 2 0:30'));
  assert.notEqual(machine('pid:[1] mnt:[2] 2 0:30'), machine('pid:[1] mnt:[2] 2 0:31'));
  assert.notEqual(machine('  2 0:30'), machine('  2 0:30', boot.replace('1', 'a')));
  for (const unknown of ['', `${boot}    \n`, `${boot} \u001b[2J\n`, 'nonsense pid:[1] mnt:[2] 2 0:30\n'])
    assert.equal(readIdentity(unknown), undefined);
});

test('an answer that the probe cannot have written is refused', () => {
  const hostile: Record<string, string> = {
    'nothing at all': '',
    'cut short': probeAnswer().slice(0, -6),
    'more behind its end': `${probeAnswer()}uid=0\n`,
    'no field': probeAnswer({}, ['hello']),
    'a field that nobody asked for': probeAnswer({}, ['password=hunter2']),
    'an address that nobody asked about': probeAnswer({}, ['reach.1=yes']),
    'a field twice': probeAnswer({}, ['uid=0']),
    'no uid': probeAnswer({ uid: undefined }),
    'a uid that is none': probeAnswer({ uid: '0x0' }),
    'a clock that is none': probeAnswer({ clock: '1e9' }),
    'a service without a path': probeAnswer({}, ['service=ours muster']),
    'a value without end': probeAnswer({ hostname: 'a'.repeat(5000) }),
    'tools without end': probeAnswer(
      {},
      Array.from({ length: 100 }, (_, index) => `tool=t${index}`),
    ),
    'names of objects': probeAnswer({}, ['__proto__=1']),
  };
  for (const [what, text] of Object.entries(hostile))
    assert.throws(
      () => parseProbe(text, 1),
      (error) => error instanceof HostFailure && error.because === 'unsupported',
      what,
    );
});

test('what a terminal would obey does not get through', () => {
  const { hostname, os } = parse({
    hostname: 'a\u001b[31mb',
    'os.PRETTY_NAME': '"\u202eevil\u0007"',
  });
  assert.equal(hostname, 'a?[31mb');
  assert.equal(os.name, '?evil?');
});

test('what cannot be read for certain is not known', () => {
  const probe = parse({
    'room.program': 'lots / rw',
    'home.fleet': '../../etc',
    'release.a': '{"version":"1.0.0"}',
    slot: '../b',
    glibc: 'musl libc',
    selinux: 'x',
  });
  assert.deepEqual(
    [probe.rooms.program, probe.home, probe.agent.releases.a, probe.agent.current, probe.glibc],
    [undefined, undefined, undefined, undefined, undefined],
  );
  assert.equal(probe.selinux, 'off');
});
