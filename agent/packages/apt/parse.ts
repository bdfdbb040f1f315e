/** What apt and dpkg say, read. Lines that are none of those looked for are passed over. */
import type { PackageHistoryEntry, Versions } from '../../../proto/packages.ts';
import type { Installed, PackageId } from '../manager.ts';

/** `arch` of what is written without one: apt counts packages for all architectures among the machine's own. */
function idOf(word: string, native: string): PackageId {
  const [name = '', arch = native] = word.split(':');
  return { name, arch };
}

export const byName = (a: PackageId, b: PackageId): number =>
  a.name < b.name ? -1 : a.name > b.name ? 1 : a.arch < b.arch ? -1 : a.arch > b.arch ? 1 : 0;

/** `apt-get -s`: what would be unpacked and removed. A version that would only be unpacked again changes nothing. */
export function parseSimulation(text: string, native: string): Versions[] {
  const changes: Versions[] = [];
  for (const line of text.split('\n')) {
    const installs = /^Inst (\S+)(?: \[(\S+)\])? \((\S+)[ )]/.exec(line);
    const removes = /^(?:Remv|Purg) (\S+) \[(\S+)\]/.exec(line);
    const [, word = '', from = '', to = ''] = installs ?? removes ?? [];
    if (word !== '' && from !== to) changes.push({ ...idOf(word, native), from, to });
  }
  return changes.sort(byName);
}

/** Names below one of apt's headings, which are indented. */
function namesBelow(text: string, heading: string): string[] {
  const lines = text.split('\n');
  const at = lines.findIndex((line) => line.startsWith(heading));
  if (at < 0) return [];
  const names: string[] = [];
  for (const line of lines.slice(at + 1)) {
    if (!line.startsWith('  ')) break;
    names.push(...line.trim().split(/\s+/));
  }
  return names;
}

/** What an upgrade leaves as it is: held, in need of a removal, or given to other machines first. */
export function parseKeptBack(text: string, native: string): PackageId[] {
  return namesBelow(text, 'The following packages have been kept back:').map((word) => idOf(word, native));
}

export interface Policy extends PackageId {
  readonly installed: string;
  readonly candidate: string;
  /** A version above the one installed, up to the candidate, is a security update: the candidate holds its mend. */
  readonly security: boolean;
}

/** Archives as `bookworm-security`, and as Debian called them before: `buster/updates`. */
const SECURITY = /^ +-?\d+ \S+ (?:\S+-security|\S+\/updates)\//;

/** `apt-cache policy NAMES`. */
export function parsePolicy(text: string, native: string): Policy[] {
  return text
    .split(/^(?=\S)/m)
    .filter((paragraph) => /^\S+:\n/.test(paragraph))
    .map((paragraph) => {
      const [head = '', ...lines] = paragraph.split('\n');
      const field = (name: string) => new RegExp(`^  ${name}: (\\S+)$`, 'm').exec(paragraph)?.[1] ?? '';
      const candidate = field('Candidate');
      let isBetween = false;
      let security = false;
      for (const line of lines) {
        const [, isInstalled, version] = /^ (\*\*\*| {3}) (\S+) -?\d+$/.exec(line) ?? [];
        if (isInstalled === '***') break;
        if (version === candidate) isBetween = true;
        if (isBetween && SECURITY.test(line)) security = true;
      }
      const versions = { installed: field('Installed'), candidate };
      return { ...idOf(head.slice(0, -1), native), ...versions, security };
    })
    .filter(({ installed }) => installed !== '' && installed !== '(none)');
}

/** `dpkg-query -W` in the form of commands.ts. */
export function parseQuery(text: string, native: string): Installed[] {
  return text.split('\n').flatMap((line) => {
    const [status = '', name = '', own = '', version = ''] = line.split('\t');
    const state = status[1] ?? 'n';
    if (version === '' || state === 'n' || state === 'c') return [];
    const arch = own === 'all' ? native : own;
    return [{ name, arch, version, isWhole: state === 'i' }];
  });
}

export interface Shown extends PackageId {
  readonly version: string;
  /** Of the archive; undefined where no repository has this version. */
  readonly bytes: number | undefined;
  readonly installedBytes: number;
}

/** `apt-cache show`. */
export function parseShow(text: string, native: string): Shown[] {
  return text.split(/\n\n+/).flatMap((paragraph) => {
    const field = (name: string) => new RegExp(`^${name}: (.+)$`, 'm').exec(paragraph)?.[1];
    const name = field('Package');
    const version = field('Version');
    if (name === undefined || version === undefined) return [];
    const own = field('Architecture') ?? 'all';
    const size = Number(field('Size'));
    return [
      {
        ...{ name, version, arch: own === 'all' ? native : own },
        bytes: field('Filename') !== undefined && Number.isSafeInteger(size) ? size : undefined,
        installedBytes: (Number(field('Installed-Size')) || 0) * 1024,
      },
    ];
  });
}

/** The sizes of what would be fetched: `--print-uris`. */
export function parseArchives(text: string): number {
  return text.split('\n').reduce((sum, line) => sum + Number(/^'\S+' \S+ (\d+) /.exec(line)?.[1] ?? 0), 0);
}

/** Why apt does not do it, in one line. */
export function parseRefusal(stdout: string, stderr: string): string {
  const needs = stdout.split('\n').filter((line) => /^ \S+ : /.test(line));
  const errors = stderr.split('\n').filter((line) => line.startsWith('E: '));
  const lines = needs.length > 0 ? needs : errors.map((line) => line.slice(3));
  return lines
    .slice(0, 5)
    .map((line) => line.trim().replaceAll(/\s+/g, ' '))
    .join('; ');
}

/** The package and the script that dpkg names. */
export function parseFailure(said: string): string | undefined {
  const found = [
    ...said.matchAll(/dpkg: error processing (?:package|archive) (\S+) \((--\w+)\):\n (.+(?:\n {2}.+)?)/g),
  ];
  if (found.length > 0)
    return found
      .slice(0, 5)
      .map(([, name = '', , why = '']) => {
        const words = why.replaceAll(/\s+/g, ' ').trim();
        return `${name.replace(/^.*\//, '')}: ${words}`;
      })
      .join('; ');
  const errors = [...said.matchAll(/^E: (.+)$/gm)].map(([, line]) => line);
  return errors.length === 0 ? undefined : errors.slice(0, 3).join('; ');
}

/** Repositories that gave no answer, as `apt-get update` names them. */
export function parseUpdateFailure(said: string): string {
  const failed = [...said.matchAll(/^(?:E|W): (Failed to fetch .+|The repository .+)$/gm)].map(
    ([, line = '']) => line.replaceAll(/\s+/g, ' '),
  );
  return failed[0] ?? parseFailure(said) ?? 'apt-get update failed';
}

const KINDS = ['Install', 'Reinstall', 'Upgrade', 'Downgrade', 'Remove', 'Purge'];

/** A file of /var/log/apt/history.log; oldest first, as it is there. Times are the machine's own. */
export function parseHistory(text: string, timeOf: (local: string) => number): PackageHistoryEntry[] {
  return text.split(/\n\n+/).flatMap((paragraph) => {
    const field = (name: string) => new RegExp(`^${name}: (.+)$`, 'm').exec(paragraph)?.[1];
    const start = field('Start-Date');
    if (start === undefined) return [];
    const changes = KINDS.flatMap((kind) => historyChanges(kind, field(kind) ?? ''));
    return [
      {
        ...{ atMs: timeOf(start.replace(/ +/, 'T')), command: field('Commandline') ?? '' },
        changes: changes.sort(byName),
      },
    ];
  });
}

function historyChanges(kind: string, text: string): Versions[] {
  return [...text.matchAll(/(\S+?)(?::(\S+))? \(([^)]*)\)/g)].flatMap(
    ([, name = '', arch = '', inside = '']) => {
      const [first = '', second = ''] = inside.split(', ').filter((word) => word !== 'automatic');
      switch (kind) {
        case 'Install':
          return [{ name, arch, from: '', to: first }];
        case 'Remove':
        case 'Purge':
          return [{ name, arch, from: first, to: '' }];
        case 'Upgrade':
        case 'Downgrade':
          return [{ name, arch, from: first, to: second }];
        default:
          return [];
      }
    },
  );
}
