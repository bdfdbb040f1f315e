/**
 * What to do with a host, from what it said of itself and what is wanted. Whatever stands in the way is said here, before anything
 * was copied.
 */
import { nameProblem } from '../../proto/name.ts';
import { compareVersions } from '../../proto/version-order.ts';
import type { Arch, Build, Form, Packing } from './build.ts';
import { HostFailure } from './failure.ts';
import { LAYOUT, type Slot } from './remote/layout.ts';
import type { Probe } from './remote/probe-answer.ts';
import { settingsFile } from './remote/settings.ts';

export type Manager = 'systemd' | 'openrc' | 'none';

/** What is wanted, as far as it decides anything here. */
export interface Wish {
  /** What the agent is to be called; undefined: as the host calls itself. */
  readonly name: string | undefined;
  readonly service: 'auto' | Manager;
  readonly fleetId: string;
  /** The controller's. */
  readonly urls: readonly string[];
}

/** What can be done with a host at all. */
export interface Fit {
  readonly name: string;
  readonly form: Form;
  readonly arch: Arch;
  readonly packings: readonly Packing[];
  /** Of the host, for a bundle. */
  readonly node: string | undefined;
  readonly manager: Manager;
  readonly settingsFile: string;
  readonly restorecon: boolean;
  /** What the operator should know, and what stops nothing. */
  readonly notes: readonly string[];
}

const ARCHES: Readonly<Record<string, Arch>> = {
  x86_64: 'x64',
  amd64: 'x64',
  aarch64: 'arm64',
  arm64: 'arm64',
};
const PACKINGS = ['zstd', 'xz', 'gzip'] as const satisfies readonly Packing[];
const NODE_MAJOR = 24;
/** What Node's own builds are linked against. */
const LEAST_GLIBC = [2, 28] as const;
const CLOCK_NOTE_SECONDS = 30;

/** `hereSeconds` is this machine's clock when the probe ran. Throws HostFailure: whatever keeps an agent from that host. */
export function fitOf(probe: Probe, wish: Wish, hereSeconds: number): Fit {
  if (probe.uid !== 0) throw new HostFailure('not-root', `its uid is ${probe.uid}`);
  checkWhoIsThere(probe, wish);
  const name = nameFor(probe, wish);
  const { form, arch, node } = runtimeOf(probe);
  const manager = managerOf(probe, wish);
  checkPlaces(probe);
  const packings = PACKINGS.filter((one) => probe.tools.has(one));
  if (packings.length === 0) throw new HostFailure('unsupported', 'neither zstd nor xz nor gzip is there');
  if (!['sha512sum', 'openssl'].some((one) => probe.tools.has(one)))
    throw new HostFailure('unsupported', 'neither sha512sum nor openssl is there');
  return {
    ...{ name, form, arch, node, manager, packings },
    settingsFile: settingsFile(probe.hasSysconfig),
    restorecon: probe.selinux !== 'off' && probe.tools.has('restorecon'),
    notes: [
      ...reachNotes(probe, wish.urls),
      ...nodeNotes(probe, form),
      ...clockNotes(probe.clockSeconds - hereSeconds),
      ...(manager === 'none'
        ? ['without a service manager its agent does not come back after a reboot']
        : []),
      ...(wish.name !== undefined && wish.name !== name
        ? [`it is called ${name} already, and keeps that name`]
        : []),
    ],
  };
}

export interface Plan {
  /** `repair`: the right agent is there, and something about it is not as it should be. */
  readonly action: 'install' | 'upgrade' | 'repair' | 'nothing';
  /** Where the build is, or goes: then not where the current one is. */
  readonly slot: Slot;
  readonly previous: string | undefined;
}

/** Throws HostFailure: newer, no-space. */
export function planFor(probe: Probe, { manager }: Fit, build: Build): Plan {
  const { current, releases, launcher, running, services, supervised } = probe.agent;
  const there = current && releases[current];
  if (there && compareVersions(there.version, build.version) > 0)
    throw new HostFailure('newer', `${there.version}, and this is ${build.version}`);
  const isRight = there?.sha512 === build.sha512;
  const isServed =
    services.some(({ path }) => path === serviceFile(manager)) && (manager !== 'none' || supervised);
  const isWhole = isRight && launcher && running && isServed && probe.home !== undefined;
  const action = isWhole ? 'nothing' : isRight ? 'repair' : there ? 'upgrade' : 'install';
  if (!isRight) checkRoom(probe, build);
  return {
    action,
    slot: isRight && current ? current : otherSlot(current),
    previous: there?.version,
  };
}

export const otherSlot = (slot: Slot | undefined): Slot => (slot === 'a' ? 'b' : 'a');

export function serviceFile(manager: Manager): string {
  switch (manager) {
    case 'systemd':
      return LAYOUT.systemdUnit;
    case 'openrc':
      return LAYOUT.openrcScript;
    case 'none':
      return LAYOUT.supervisor;
  }
}

function nameFor(probe: Probe, wish: Wish): string {
  const name = probe.home?.name ?? wish.name ?? probe.hostname.toLowerCase();
  const problem = nameProblem(name);
  if (problem) throw new HostFailure('bad-host', `"${name}" cannot be an agent's name: ${problem}`);
  return name;
}

function runtimeOf(probe: Probe): Pick<Fit, 'form' | 'arch' | 'node'> {
  const arch = ARCHES[probe.arch];
  if (!arch)
    throw new HostFailure(
      'unsupported',
      `its processor is ${probe.arch}; there are agents for x86_64 and aarch64`,
    );
  const fitting = probe.nodes.find(({ version }) => version !== undefined && version[0] >= NODE_MAJOR);
  if (fitting) return { form: 'bundle', arch, node: fitting.path };
  const why = whyNoExecutable(probe);
  if (why !== undefined) throw new HostFailure('no-runtime', why);
  return { form: 'executable', arch, node: undefined };
}

/** Of the executable, which brings its own Node, that needs glibc and libstdc++. */
function whyNoExecutable({ loader, musl, glibc, libstdcxx }: Probe): string | undefined {
  if (!loader && musl) return 'it has musl for a C library, and there the agent needs a Node of the host';
  if (!loader) return 'it has no glibc for this processor';
  const [major, minor] = glibc ?? [0, 0];
  if (major < LEAST_GLIBC[0] || (major === LEAST_GLIBC[0] && minor < LEAST_GLIBC[1]))
    return `its glibc is ${glibc ? glibc.join('.') : 'not known'}, and the agent needs ${LEAST_GLIBC.join('.')}`;
  return libstdcxx ? undefined : 'libstdc++.so.6 is missing (Debian: libstdc++6, others: libstdc++)';
}

/** What `--service none` has left is gone on with, unasked. */
function managerOf(probe: Probe, { service }: Wish): Manager {
  switch (service) {
    case 'none':
      return 'none';
    case 'auto':
      if (probe.init !== 'none') return probe.init;
      if (probe.agent.services.some(({ path }) => path === LAYOUT.supervisor)) return 'none';
      throw new HostFailure('no-service-manager');
    case 'systemd':
    case 'openrc':
      if (probe.init !== service)
        throw new HostFailure('no-service-manager', `${service} does not run there`);
      return service;
  }
}

function checkWhoIsThere({ home, agent }: Probe, { fleetId }: Wish): void {
  if (home && home.fleet !== fleetId) throw new HostFailure('other-fleet', `${home.fleet}, as ${home.name}`);
  const foreign = agent.services.find(({ ours }) => !ours);
  if (foreign) throw new HostFailure('other-agent', foreign.path);
  if (agent.foreignCommand) throw new HostFailure('other-agent', LAYOUT.command);
  if (agent.removing) throw new HostFailure('being-removed');
  if (agent.trial === 'upgrade' && agent.running)
    throw new HostFailure('locked', 'another version is being tried out');
  if (agent.running && !agent.current) throw new HostFailure('other-agent', `one runs on ${LAYOUT.home}`);
}

/** Who may write to a folder may exchange what is in it, and the agent is root's. */
function checkPlaces({ rooms, openFolders }: Probe): void {
  if (openFolders.length > 0) throw new HostFailure('open-folder', [...new Set(openFolders)].join(', '));
  for (const room of [rooms.program, rooms.home])
    if (room?.readOnly) throw new HostFailure('unsupported', `${room.mount} is mounted read-only`);
  if (rooms.program?.noexec)
    throw new HostFailure(
      'unsupported',
      `${rooms.program.mount}, where ${LAYOUT.program} would be, is mounted noexec`,
    );
}

/** An agent tries one address after the other: one that can be reached is enough. */
function reachNotes({ reach }: Probe, urls: readonly string[]): string[] {
  const of = (wanted: 'no' | 'unknown'): string[] =>
    reach.flatMap(({ reached, why }, index) => (reached === wanted ? [`${urls[index]}: ${why}`] : []));
  if (reach.length > 0 && reach.every(({ reached }) => reached === 'no'))
    throw new HostFailure('controller-unreachable', of('no').join('; '));
  if (reach.some(({ reached }) => reached === 'yes'))
    return of('no').map((one) => `one of the controller's addresses cannot be reached from it: ${one}`);
  return of('unknown').map((one) => `whether it reaches the controller is not known: ${one}`);
}

function nodeNotes({ nodes, untrustedNodes }: Probe, form: Form): string[] {
  if (form === 'bundle') return [];
  const old = nodes.map(({ path, version }) => `${path} is ${version ? version.join('.') : 'too old'}`);
  const open = untrustedNodes.map((path) => `${path} can be exchanged by others than root, and is not used`);
  return [...old.map((one) => `${one}; the agent brings Node ${NODE_MAJOR} with it`), ...open];
}

function clockNotes(aheadSeconds: number): string[] {
  if (Math.abs(aheadSeconds) < CLOCK_NOTE_SECONDS) return [];
  return [`its clock is ${Math.abs(aheadSeconds)} seconds ${aheadSeconds > 0 ? 'ahead' : 'behind'}`];
}

/** Left free on a disk, whatever is put there. */
const RESERVE_BYTES = 64 * 1024 * 1024;
/** For a home: its journal, and some output. */
const HOME_BYTES = 16 * 1024 * 1024;

/** What is sent comes through a pipe: it is never on the host packed. */
function checkRoom({ rooms }: Probe, build: Build): void {
  const needs = [
    { room: rooms.program, bytes: build.length, what: LAYOUT.program },
    { room: rooms.home, bytes: HOME_BYTES, what: LAYOUT.home },
  ];
  for (const { room, what } of needs) {
    const here = needs.filter((need) => room !== undefined && need.room?.mount === room.mount);
    const bytes = here.reduce((sum, need) => sum + need.bytes, RESERVE_BYTES);
    if (room && room.freeBytes < bytes)
      throw new HostFailure('no-space', `${mib(room.freeBytes)} free for ${what}; it takes ${mib(bytes)}`);
  }
}

export const mib = (bytes: number): string => `${Math.round(bytes / 1024 / 1024)} MiB`;
