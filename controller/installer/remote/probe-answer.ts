import { parseSlotRelease, type SlotRelease } from '../../../proto/slots.ts';
import { HostFailure } from '../failure.ts';
import type { Slot } from './layout.ts';
import { INSTALL_ORDER } from './swap.ts';

/** What a host said of itself, checked for its shape; whether it is true nobody knows. */
export interface Probe {
  readonly uid: number;
  readonly hostname: string;
  readonly os: { readonly id: string; readonly version: string; readonly name: string };
  readonly kernel: string;
  /** As uname(1) says it. */
  readonly arch: string;
  readonly glibc: readonly [major: number, minor: number] | undefined;
  readonly musl: boolean;
  /** What a program for glibc needs to be started at all. */
  readonly loader: boolean;
  readonly libstdcxx: boolean;
  readonly init: 'systemd' | 'openrc' | 'none';
  /** Wall clock, whole seconds since 1970. */
  readonly clockSeconds: number;
  readonly selinux: 'enforcing' | 'permissive' | 'off';
  readonly hasSysconfig: boolean;
  readonly tools: ReadonlySet<string>;
  readonly rooms: { readonly [K in Place]: Room | undefined };
  /** Those that root may run, in the order in which they are preferred. `version` undefined: too old, or not to be started. */
  readonly nodes: readonly {
    readonly path: string;
    readonly version: readonly [number, number, number] | undefined;
  }[];
  /** Paths of those that others than root may write to. */
  readonly untrustedNodes: readonly string[];
  /** Folders above the agent's that others than root may write to, or to one above them. */
  readonly openFolders: readonly string[];
  /** By the index of the address. */
  readonly reach: readonly Reach[];
  readonly agent: {
    readonly current: Slot | undefined;
    readonly releases: { readonly [K in Slot]: SlotRelease | undefined };
    /** A version is being tried out: by an install, or by the agent itself as it was ordered to. */
    readonly trial: 'install' | 'upgrade' | undefined;
    /** Somebody began to remove it. */
    readonly removing: boolean;
    readonly launcher: boolean;
    readonly running: boolean;
    /** By what starts it again where there is no service manager. */
    readonly supervised: boolean;
    /** Files of services. */
    readonly services: readonly { readonly ours: boolean; readonly path: string }[];
    readonly foreignCommand: boolean;
  };
  /** Ids in hex. */
  readonly home: { readonly fleet: string; readonly agent: string; readonly name: string } | undefined;
}

export type Place = 'program' | 'home' | 'tmp';
export interface Room {
  readonly freeBytes: number;
  readonly mount: string;
  readonly noexec: boolean;
  readonly readOnly: boolean;
}
export interface Reach {
  readonly reached: 'yes' | 'no' | 'unknown';
  readonly why: string;
}

const MANY = new Set(['tool', 'node', 'service', 'musl', 'loader', 'open']);
const ONCE = new Set(
  'clock uid kernel arch hostname os.ID os.VERSION_ID os.PRETTY_NAME glibc libstdcxx pid1 systemd openrc selinux sysconfig room.program room.home room.tmp slot release.a release.b trial removing launcher command home.fleet home.agent home.name running supervised end'.split(
    ' ',
  ),
);
const MAX_VALUE = 4_200;

/** Throws HostFailure('unsupported') for an answer that the probe cannot have written on a machine that works. */
export function parseProbe(text: string, urls: number): Probe {
  const { one, all } = fieldsOf(text, urls);
  const number = (name: string): number => {
    const value = one(name);
    return /^\d{1,12}$/.test(value) ? Number(value) : odd(`${name} is "${value}"`);
  };
  const reach = Array.from({ length: urls }, (_, index) => parseReach(one(`reach.${index}`)));
  const services = all('service').map((value) => {
    const [, whose, path] = /^(ours|other) (\/.{1,255})$/.exec(value) ?? odd(`service is "${value}"`);
    return { ours: whose === 'ours', path: path ?? '' };
  });
  return {
    uid: number('uid'),
    hostname: one('hostname').trim(),
    os: {
      id: unquoted(one('os.ID')),
      version: unquoted(one('os.VERSION_ID')),
      name: unquoted(one('os.PRETTY_NAME')),
    },
    kernel: one('kernel'),
    arch: one('arch'),
    glibc: parseGlibc(one('glibc')),
    musl: all('musl').length > 0,
    loader: all('loader').length > 0,
    libstdcxx: one('libstdcxx') !== '',
    init: initOf(one('pid1'), one('systemd') === 'yes', one('openrc') === 'yes'),
    clockSeconds: number('clock'),
    selinux: one('selinux') === '1' ? 'enforcing' : one('selinux') === '0' ? 'permissive' : 'off',
    hasSysconfig: one('sysconfig') === 'yes',
    tools: new Set(all('tool')),
    rooms: {
      program: parseRoom(one('room.program')),
      home: parseRoom(one('room.home')),
      tmp: parseRoom(one('room.tmp')),
    },
    ...parseNodes(all('node')),
    openFolders: all('open'),
    reach,
    agent: {
      current: slotOf(one('slot')),
      releases: { a: parseSlotRelease(one('release.a')), b: parseSlotRelease(one('release.b')) },
      trial: trialOf(one('trial')),
      removing: one('removing') === 'yes',
      launcher: one('launcher') === 'yes',
      running: one('running') !== '',
      supervised: one('supervised') !== '',
      services,
      foreignCommand: one('command') === 'other',
    },
    home: parseHome(one('home.fleet'), one('home.agent'), one('home.name')),
  };
}

function odd(what: string): never {
  throw new HostFailure('unsupported', `what it says of itself cannot be: ${what}`);
}

/** Every name is known, and there once at most where it may be there once. */
function fieldsOf(text: string, urls: number) {
  const fields = new Map<string, string[]>();
  const lines = text.split('\n');
  if (lines.pop() !== '' || lines.at(-1) !== 'end=') odd('it is cut short');
  for (const line of lines) {
    const [, name = '', rest = ''] =
      /^([\w.-]{1,32})=(.*)$/.exec(line) ?? odd(`"${shown(line)}" is no field`);
    const index = /^reach\.(\d{1,3})$/.exec(name)?.[1];
    const isKnown = ONCE.has(name) || MANY.has(name) || (index !== undefined && Number(index) < urls);
    if (!isKnown) odd(`nobody asked for ${name}`);
    if (rest.length > MAX_VALUE) odd(`${name} is too long`);
    const before = fields.get(name) ?? [];
    if (before.length > 0 && !MANY.has(name)) odd(`${name} is there twice`);
    if (before.length > 32) odd(`there are too many of ${name}`);
    fields.set(name, [...before, shown(rest)]);
  }
  return {
    one: (name: string) => fields.get(name)?.[0] ?? '',
    all: (name: string) => (fields.get(name) ?? []).filter((value) => value !== ''),
  };
}

/** What is shown to somebody holds nothing that a terminal obeys. */
const shown = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?').slice(0, MAX_VALUE);

/** A value of os-release(5): quoted or not. */
const unquoted = (text: string): string => text.replace(/^(["'])(.*)\1$/, '$2').slice(0, 128);

/** systemd has to be what booted: its programs are there in many containers that something else runs. */
function initOf(first: string, isSystemd: boolean, isOpenrc: boolean): Probe['init'] {
  if (first === 'systemd' && isSystemd) return 'systemd';
  return isOpenrc ? 'openrc' : 'none';
}

function parseGlibc(text: string): Probe['glibc'] {
  const [, major, minor] = /^glibc (\d{1,3})\.(\d{1,3})/.exec(text) ?? [];
  return major === undefined ? undefined : [Number(major), Number(minor)];
}

function parseReach(text: string): Reach {
  const [, reached = 'unknown', why = ''] = /^(yes|no|unknown) ?(.*)$/.exec(text) ?? [];
  return { reached: reached as Reach['reached'], why };
}

/** `FREE_KIB MOUNT OPTIONS`. */
function parseRoom(text: string): Room | undefined {
  const [, free, mount = '', options = ''] = /^(\d{1,16}) (\/\S*) (\S+)$/.exec(text) ?? [];
  if (free === undefined) return undefined;
  const words = options.split(',');
  return {
    freeBytes: Number(free) * 1024,
    mount,
    noexec: words.includes('noexec'),
    readOnly: words.includes('ro'),
  };
}

function parseNodes(values: readonly string[]): Pick<Probe, 'nodes' | 'untrustedNodes'> {
  const nodes: Probe['nodes'][number][] = [];
  const untrustedNodes: string[] = [];
  for (const value of values) {
    const [, said = '', path = ''] = /^(\S+) (\/\S{1,255})$/.exec(value) ?? [];
    if (path === '') continue;
    if (said === 'untrusted') untrustedNodes.push(path);
    else {
      const [, ...parts] = /^v(\d{1,4})\.(\d{1,4})\.(\d{1,4})$/.exec(said) ?? [];
      const [major, minor, patch] = parts.map(Number);
      nodes.push({ path, version: major === undefined ? undefined : [major, minor ?? 0, patch ?? 0] });
    }
  }
  return { nodes, untrustedNodes };
}

function trialOf(text: string): Probe['agent']['trial'] {
  if (text === '') return undefined;
  return text.startsWith(`of ${INSTALL_ORDER}`) ? 'install' : 'upgrade';
}

const slotOf = (link: string): Slot | undefined => (link === 'a' || link === 'b' ? link : undefined);

function parseHome(fleet: string, agent: string, name: string): Probe['home'] {
  const isId = (id: string): boolean => /^[0-9a-f]{32}$/.test(id);
  return isId(fleet) && isId(agent) ? { fleet, agent, name } : undefined;
}
