import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Build } from '../../../controller/installer/build.ts';
import { type Cause, HostFailure } from '../../../controller/installer/failure.ts';
import { fitOf, planFor, type Wish } from '../../../controller/installer/plan.ts';
import { LAYOUT } from '../../../controller/installer/remote/layout.ts';
import { parseProbe } from '../../../controller/installer/remote/probe-answer.ts';
import { sentencesOf } from '../../../controller/installer/sentences.ts';
import { probeAnswer, releaseLine, SHA512, TOOL_LINES } from './probe.ts';

const FLEET = 'f'.repeat(32);
const WISH: Wish = {
  ...{ name: undefined, service: 'auto', fleetId: FLEET },
  urls: ['https://controller:7443'],
};
const BUILD: Build = {
  ...{ version: '1.2.0', form: 'bundle', arch: undefined },
  ...{ sha512: SHA512, length: 700_000 },
};
const NODE = [...TOOL_LINES, 'node=v24.1.0 /usr/bin/node'];
const NOW = 1_800_000_000;

type Changes = Record<string, string | undefined>;
const fit = (changes: Changes = {}, more: readonly string[] = TOOL_LINES, wish: Partial<Wish> = {}) =>
  fitOf(parseProbe(probeAnswer(changes, more), (wish.urls ?? WISH.urls).length), { ...WISH, ...wish }, NOW);

const plan = (changes: Changes, more = NODE, build = BUILD) => {
  const probe = parseProbe(probeAnswer(changes, more), 1);
  return planFor(probe, fitOf(probe, WISH, NOW), build);
};

const fails = (work: () => unknown, because: Cause, detail: RegExp = /./) =>
  assert.throws(
    work,
    (error) => error instanceof HostFailure && error.because === because && detail.test(error.detail),
    because,
  );

test('what is put there depends on what the host has', () => {
  const bare = fit();
  assert.deepEqual([bare.form, bare.arch, bare.packings], ['executable', 'x64', ['xz', 'gzip']]);
  const withNode = fit({}, NODE);
  assert.deepEqual([withNode.form, withNode.node], ['bundle', '/usr/bin/node']);
  const old = fit({}, [...TOOL_LINES, 'node=v22.9.0 /usr/bin/node', 'node=v25.0.0 /usr/local/bin/node']);
  assert.deepEqual([old.form, old.node], ['bundle', '/usr/local/bin/node']);
  const open = fit({}, [...TOOL_LINES, 'node=untrusted /home/joe/node']);
  assert.equal(open.form, 'executable');
  assert.match(open.notes.join(), /\/home\/joe\/node can be exchanged/);
  assert.equal(fit({ arch: 'aarch64' }).arch, 'arm64');
});

test('a host that no agent can run on is told why', () => {
  const musl = { loader: undefined, glibc: '' };
  fails(() => fit(musl, [...TOOL_LINES, 'musl=/lib/ld-musl-x86_64.so.1']), 'no-runtime', /musl/);
  assert.equal(fit(musl, [...NODE, 'musl=/lib/ld-musl-x86_64.so.1']).form, 'bundle');
  fails(() => fit({ glibc: 'glibc 2.17' }), 'no-runtime', /2\.17.*2\.28/);
  fails(() => fit({ glibc: '' }), 'no-runtime', /not known/);
  fails(() => fit({ libstdcxx: undefined }), 'no-runtime', /libstdc\+\+/);
  fails(() => fit({ arch: 'riscv64' }), 'unsupported', /riscv64/);
  fails(() => fit({}, ['tool=sha512sum']), 'unsupported', /gzip/);
  fails(() => fit({}, ['tool=gzip']), 'unsupported', /sha512sum/);
  fails(() => fit({ 'room.program': '20000000 /opt rw,noexec' }), 'unsupported', /noexec/);
  fails(() => fit({ 'room.home': '20000000 / ro,relatime' }), 'unsupported', /read-only/);
  fails(() => fit({}, [...TOOL_LINES, 'open=/opt', 'open=/opt']), 'open-folder', /^\/opt$/);
  fails(() => fit({ uid: '1000' }), 'not-root', /1000/);
});

test('the service manager is the one that runs there, or the one that was asked for', () => {
  assert.equal(fit().manager, 'systemd');
  const openrc = { pid1: 'init', systemd: undefined, openrc: 'yes' };
  assert.equal(fit(openrc).manager, 'openrc');
  fails(() => fit(openrc, TOOL_LINES, { service: 'systemd' }), 'no-service-manager', /systemd/);
  // In a container something else is the first process, whatever is installed.
  fails(() => fit({ pid1: 'sleep' }), 'no-service-manager', /^$/);
  const none = fit({ pid1: 'sleep' }, TOOL_LINES, { service: 'none' });
  assert.equal(none.manager, 'none');
  assert.match(none.notes.join(), /reboot/);
  // Said again without the option, it is still the way of that host; where there is a manager, it takes over.
  const served = [...TOOL_LINES, `service=ours ${LAYOUT.supervisor}`];
  assert.equal(fit({ pid1: 'sleep' }, served).manager, 'none');
  assert.equal(fit({}, served).manager, 'systemd');
});

test('settings go where the distribution has them', () => {
  assert.equal(fit().settingsFile, LAYOUT.settings.debian);
  assert.equal(fit({ sysconfig: 'yes' }).settingsFile, LAYOUT.settings.redhat);
});

test('a controller that the host cannot reach is told before anything is copied', () => {
  fails(
    () => fit({ 'reach.0': 'no the connection is refused' }),
    'controller-unreachable',
    /https:\/\/controller:7443: the connection is refused/,
  );
  assert.match(fit({ 'reach.0': 'unknown nothing there can open a connection' }).notes.join(), /not known/);
  const urls = ['https://a:7443', 'https://b:7443'];
  const one = fit({ 'reach.0': 'no nothing answers', 'reach.1': 'yes' }, TOOL_LINES, { urls });
  assert.match(one.notes.join(), /https:\/\/a:7443: nothing answers/);
  const perhaps = fit({ 'reach.0': 'no nothing answers', 'reach.1': 'unknown' }, TOOL_LINES, { urls });
  assert.match(perhaps.notes.join(), /https:\/\/b/);
});

test('a clock that is wrong is told, and stops nothing', () => {
  assert.match(fit({ clock: String(NOW + 3600) }).notes.join(), /3600 seconds ahead/);
  assert.match(fit({ clock: String(NOW - 86_400) }).notes.join(), /86400 seconds behind/);
  assert.deepEqual(fit({ clock: String(NOW + 5) }).notes, []);
});

const HOME = { 'home.fleet': FLEET, 'home.agent': 'a'.repeat(32), 'home.name': 'db-1' };

test('the name is the one that is there, the one that was asked for, or the host’s own', () => {
  assert.equal(fit({ hostname: 'Web-1.Example' }).name, 'web-1.example');
  assert.equal(fit({}, TOOL_LINES, { name: 'front' }).name, 'front');
  const known = fit(HOME, TOOL_LINES, { name: 'front' });
  assert.equal(known.name, 'db-1');
  assert.match(known.notes.join(), /db-1 already/);
  for (const hostname of ['', '../../etc', '$(id)', 'all', 'a'.repeat(300), '__proto__'])
    fails(() => fit({ hostname }), 'bad-host');
});

const THERE = {
  ...HOME,
  ...{ slot: 'a', launcher: 'yes', running: '812', 'release.a': releaseLine('1.2.0') },
};

test('nobody else’s agent is touched', () => {
  fails(() => fit({ ...HOME, 'home.fleet': 'e'.repeat(32) }), 'other-fleet', /e{32}, as db-1/);
  fails(
    () => fit({}, [...TOOL_LINES, `service=other ${LAYOUT.systemdUnit}`]),
    'other-agent',
    /muster-agent.service/,
  );
  fails(() => fit({ command: 'other' }), 'other-agent', /usr\/local\/bin/);
  fails(() => fit({ ...HOME, running: '812' }), 'other-agent', /runs on/);
  fails(() => fit({ ...THERE, trial: 'of 0123456789abcdef-1' }), 'locked', /tried out/);
  assert.ok(fit({ ...THERE, trial: 'of install-812-9' }), 'one that was cut is gone on with');
  fails(() => fit({ removing: 'yes' }), 'being-removed', /^$/);
});

const SERVED = [...NODE, `service=ours ${LAYOUT.systemdUnit}`];

test('what is done depends on what is there already', () => {
  assert.deepEqual(plan({}), { action: 'install', slot: 'a', previous: undefined });
  assert.deepEqual(plan(THERE, SERVED), { action: 'nothing', slot: 'a', previous: '1.2.0' });
  const older = { ...THERE, 'release.a': releaseLine('1.1.9', 'cd'.repeat(64)) };
  assert.deepEqual(plan(older, SERVED), { action: 'upgrade', slot: 'b', previous: '1.1.9' });
  const inB = { ...older, slot: 'b', 'release.b': releaseLine('1.1.9', 'cd'.repeat(64)) };
  assert.deepEqual(plan(inB, SERVED), { action: 'upgrade', slot: 'a', previous: '1.1.9' });
  const rebuilt = { ...THERE, 'release.a': releaseLine('1.2.0', 'cd'.repeat(64)) };
  assert.equal(plan(rebuilt, SERVED).action, 'upgrade', 'the same version, and another build');
  fails(() => plan({ ...THERE, 'release.a': releaseLine('1.10.0') }, SERVED), 'newer', /1\.10\.0.*1\.2\.0/);
});

test('an agent to which anything is missing is mended', () => {
  const missing: [Changes, string[]][] = [
    [{ ...THERE, running: undefined }, SERVED],
    [{ ...THERE, launcher: undefined }, SERVED],
    [{ ...THERE, 'home.fleet': '' }, SERVED],
    [THERE, NODE],
    [THERE, [...NODE, `service=ours ${LAYOUT.supervisor}`]],
  ];
  for (const [changes, more] of missing) assert.equal(plan(changes, more).action, 'repair');
});

test('there has to be room for all of it, wherever it is mounted', () => {
  const kib = (mib: number): string => String(mib * 1024);
  const big = { ...BUILD, length: 100 * 1024 * 1024 };
  const together = (free: number) => ({
    'room.program': `${kib(free)} / rw`,
    'room.home': `${kib(free)} / rw`,
  });
  fails(() => plan(together(179), NODE, big), 'no-space', /179 MiB free.*180 MiB/);
  assert.equal(plan(together(180), NODE, big).action, 'install');
  const apart = { 'room.program': `${kib(164)} /opt rw`, 'room.home': `${kib(80)} /var rw` };
  assert.equal(plan(apart, NODE, big).action, 'install');
  fails(
    () => plan({ ...apart, 'room.home': `${kib(79)} /var rw` }, NODE, big),
    'no-space',
    /muster-agent; it takes 80/,
  );
  // Nothing is sent to a host that has it.
  assert.equal(plan({ ...THERE, ...together(1) }, SERVED, BUILD).action, 'nothing');
});

test('what would be done is told in sentences', () => {
  const say = (changes: Changes, more: readonly string[], labels = {}) => {
    const probe = parseProbe(probeAnswer(changes, more), 1);
    const found = fitOf(probe, WISH, NOW);
    const packed = { build: BUILD, packing: 'xz', length: 164_000 } as Parameters<typeof sentencesOf>[3];
    return sentencesOf(probe, found, planFor(probe, found, BUILD), packed, labels);
  };
  assert.deepEqual(say({}, NODE), [
    'send the agent for /usr/bin/node, version 1.2.0: 161 KiB as xz, into /opt/muster-agent/a',
    'make its keys there, and register them as web-1',
    'start it now and at every boot, by systemd (/etc/systemd/system/muster-agent.service)',
  ]);
  assert.match(
    say({ ...THERE, 'release.a': releaseLine('1.1.0', 'cd'.repeat(64)) }, SERVED).join('\n'),
    /from version 1\.1\.0/,
  );
  assert.match(say(THERE, SERVED).join('\n'), /nothing/);
  assert.equal(say(THERE, SERVED, { role: 'web', env: 'prod' }).at(-1), 'set labels: role=web, env=prod');
});
