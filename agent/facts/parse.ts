import type { OsFacts, OsFamily } from './facts.ts';

/** Readers of the kernel's and the system's text files. Each takes any text and gives what it could read. */

/** os-release(5): shell-like assignments, no expansion. */
export function parseOsRelease(text: string): OsFacts {
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, name, value] = /^\s*([A-Z][A-Z0-9_]*)=(.*)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) fields.set(name, unquote(value.trim()));
  }
  const id = fields.get('ID') || 'linux';
  const like = [id, ...(fields.get('ID_LIKE') ?? '').split(/\s+/)];
  return {
    id,
    versionId: fields.get('VERSION_ID') || undefined,
    prettyName: fields.get('PRETTY_NAME') || undefined,
    family: familyOf(like),
  };
}

function unquote(value: string): string {
  if (/^'.*'$/.test(value)) return value.slice(1, -1);
  const inner = /^".*"$/.test(value) ? value.slice(1, -1) : value;
  return inner.replace(/\\(["$`\\])/g, '$1');
}

const FAMILIES: readonly [OsFamily, readonly string[]][] = [
  ['debian', ['debian', 'ubuntu']],
  ['rhel', ['rhel', 'fedora', 'centos', 'rocky', 'almalinux', 'ol', 'amzn']],
  ['suse', ['suse', 'opensuse', 'sles']],
  ['alpine', ['alpine']],
  ['arch', ['arch', 'archarm']],
];

function familyOf(ids: readonly string[]): OsFamily {
  return FAMILIES.find(([, members]) => ids.some((id) => members.includes(id)))?.[0] ?? 'other';
}

/** The first processor's name and the number of processors in what was read; ARM has no name here. */
export function parseCpuinfo(text: string): {
  model?: string | undefined;
  count: number;
  hypervisor: boolean;
} {
  return {
    model: /^model name\s*:\s*(.+)$/m.exec(text)?.[1]?.trim(),
    count: text.match(/^processor\s*:\s*\d+\s*$/gm)?.length ?? 0,
    hypervisor: /^flags\s*:.*\bhypervisor\b/m.test(text),
  };
}

/** A kernel list such as `0-3,8-11`: how many it names. Undefined if it is not one. */
export function countCpuList(text: string): number | undefined {
  const list = text.trim();
  if (!/^\d{1,5}(-\d{1,5})?(,\d{1,5}(-\d{1,5})?)*$/.test(list)) return undefined;
  return list.split(',').reduce((count, range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return count + Math.max(0, last - first + 1);
  }, 0);
}

/** Bytes by the kernel's own field names. */
export function parseMeminfo(text: string): ReadonlyMap<string, number> {
  const fields = new Map<string, number>();
  for (const [, name, kib] of text.matchAll(/^([A-Za-z()_0-9]+):\s*(\d{1,12}) kB$/gm))
    if (name !== undefined) fields.set(name, Number(kib) * 1024);
  return fields;
}

export interface Mount {
  /** major:minor */
  device: string;
  /** What of the file system is mounted; `/` unless it is a part of it. */
  root: string;
  mount: string;
  fsType: string;
  source: string;
  superOptions: string;
}

/** proc_pid_mountinfo(5); lines that do not fit are left out. */
export function parseMountinfo(text: string): Mount[] {
  const mounts: Mount[] = [];
  for (const line of text.split('\n')) {
    const [before = '', after = ''] = line.split(' - ', 2);
    const [, , device, root, mount] = before.split(' ');
    const [fsType, source, superOptions = ''] = after.split(' ');
    if (!device || !root || !mount || !fsType || source === undefined) continue;
    mounts.push({
      device,
      root: unescapeOctal(root),
      mount: unescapeOctal(mount),
      fsType: unescapeOctal(fsType),
      source: unescapeOctal(source),
      superOptions,
    });
  }
  return mounts;
}

/** The kernel writes space, tab, newline and backslash as `\040`. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-3][0-7]{2})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

/** Which hierarchies are mounted. With version 2 at the top it is v2, whatever else hangs beside it. */
export function cgroupVersion(mounts: readonly Mount[]): 'v1' | 'v2' | 'hybrid' | 'none' {
  const v2 = mounts.filter((mount) => mount.fsType === 'cgroup2');
  if (v2.some(({ mount }) => mount === '/sys/fs/cgroup')) return 'v2';
  if (mounts.some((mount) => mount.fsType === 'cgroup')) return v2.length > 0 ? 'hybrid' : 'v1';
  return v2.length > 0 ? 'v2' : 'none';
}

/** /proc/PID/cgroup: the paths of a process, one per hierarchy. */
export function parseCgroup(text: string): { hierarchy: number; controllers: string[]; path: string }[] {
  return [...text.matchAll(/^(\d{1,9}):([^:\n]*):(\/.*)$/gm)].map(
    ([, hierarchy, controllers = '', path = '']) => ({
      hierarchy: Number(hierarchy),
      controllers: controllers === '' ? [] : controllers.split(','),
      path,
    }),
  );
}

/** hosts(5): the canonical name of the line that has this host name, if that name has a domain. */
export function fqdnFromHosts(text: string, hostname: string): string | undefined {
  for (const line of text.split('\n')) {
    const [, canonical, ...aliases] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (canonical?.startsWith(`${hostname}.`) && aliases.includes(hostname)) return canonical;
  }
  return undefined;
}

/** /proc/stat's boot time, in milliseconds since the epoch. */
export function bootedAtMs(stat: string): number | undefined {
  const seconds = /^btime (\d{1,11})$/m.exec(stat)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}

export function parseLoad(text: string): number[] | undefined {
  const numbers = text.split(' ', 3).map(Number);
  return numbers.length === 3 && numbers.every((number) => Number.isFinite(number) && number >= 0)
    ? numbers
    : undefined;
}

/** What /etc/localtime points to: the part behind the zoneinfo folder. */
export function timezoneOf(link: string): string | undefined {
  return /(?:^|\/)zoneinfo\/(?:posix\/|right\/)?([A-Za-z0-9_+/-]+)$/.exec(link)?.[1];
}
