/** Pure: reads what zypper answers in XML, and what it writes down of its history. */
import type { PackageHistoryEntry, Versions } from '../../../proto/packages.ts';
import type { PackageVersion } from '../manager.ts';
import { oneLine } from '../rpm/database.ts';
import { canonicalVersion } from '../rpm/nevra.ts';
import { type Element, readXml } from './xml.ts';

const key = ({ name, arch }: { readonly name: string; readonly arch: string }): string => `${name} ${arch}`;
export const byKey = <T extends { readonly name: string; readonly arch: string }>(a: T, b: T): number =>
  key(a) < key(b) ? -1 : 1;

export interface Summary {
  /** Sorted by name and arch. */
  readonly changes: readonly Versions[];
  readonly downloadBytes: number;
  /** Names of those that would come from another vendor than they did. */
  readonly otherVendor: readonly string[];
}

/** What would be done; undefined where it cannot be, or nothing is said of it. */
export function parseSummary(text: string): Summary | undefined {
  const elements = readXml(text);
  const summary = elements.find(({ name }) => name === 'install-summary');
  if (!summary) return messagesOf(elements, 'info').includes('Nothing to do.') ? NOTHING : undefined;
  // One that also changes its vendor or arch is listed again for that.
  const changes = new Map<string, Versions>();
  for (const { name: tag, attributes, within } of elements) {
    const list = within.at(-1) ?? '';
    if (tag !== 'solvable' || !list.startsWith('to-') || attributes.type !== 'package') continue;
    for (const one of changesOf(list, attributes)) changes.set(`${key(one)} ${one.from} ${one.to}`, one);
  }
  return {
    changes: joined([...changes.values()]).filter(({ from, to }) => from !== to),
    downloadBytes: Number(summary.attributes['download-size']) || 0,
    otherVendor: elements.flatMap(({ attributes: { name = '' }, within }) =>
      within.at(-1) === 'to-change-vendor' ? [name] : [],
    ),
  };
}

const NOTHING: Summary = { changes: [], downloadBytes: 0, otherVendor: [] };

function changesOf(list: string, attributes: Readonly<Record<string, string>>): Versions[] {
  const {
    name = '',
    arch = '',
    edition = '',
    'edition-old': old = '',
    'arch-old': oldArch = arch,
  } = attributes;
  const [now, before] = [canonicalVersion(edition), canonicalVersion(old)];
  if (list === 'to-remove') return [{ name, arch, from: now, to: '' }];
  if (before === '' || oldArch === arch) return [{ name, arch, from: before, to: now }];
  return [
    { name, arch: oldArch, from: before, to: '' },
    { name, arch, from: '', to: now },
  ];
}

/** Of what is installed side by side one version goes as another comes: that is one change of the package. */
function joined(changes: readonly Versions[]): Versions[] {
  const result: Versions[] = [];
  const gone = changes.filter(({ to }) => to === '');
  for (const one of changes.filter(({ to }) => to !== '')) {
    const at = one.from === '' ? gone.findIndex((other) => key(other) === key(one)) : -1;
    const [old] = at < 0 ? [] : gone.splice(at, 1);
    result.push(old === undefined ? one : { ...one, from: old.from });
  }
  return [...result, ...gone].sort(byKey);
}

/** Why it is not done: the solver's problems, else errors. */
export function parseReason(text: string): string | undefined {
  const elements = readXml(text);
  const problems = elements
    .filter(({ name, within }) => name === 'description' && within.at(-1) === 'prompt')
    .flatMap((one) => /Problem: (?:\d+: )?(.+)/.exec(one.text)?.[1] ?? []);
  const words = problems.length > 0 ? problems : messagesOf(elements, 'error');
  return words.length === 0 ? undefined : oneLine(words.slice(0, 5).join('\n'));
}

function messagesOf(elements: readonly Element[], type: string): string[] {
  return elements
    .filter(({ name, attributes }) => name === 'message' && attributes.type === type)
    .map((one) => one.text.trim());
}

/** `list-updates`: the version that is there and the one that waits, as zypper names them. */
export function parseUpdates(text: string): Versions[] {
  return readXml(text).flatMap(({ name: tag, attributes }) => {
    const { kind, name = '', arch = '', edition = '', 'edition-old': old = '' } = attributes;
    if (tag !== 'update' || kind !== 'package') return [];
    return [{ name, arch, from: canonicalVersion(old), to: canonicalVersion(edition) }];
  });
}

/** Names of patches that this host needs. */
export function parsePatches(text: string): string[] {
  return readXml(text).flatMap(({ name: tag, attributes: { kind, name = '', status = 'needed' } }) =>
    tag === 'update' && kind === 'patch' && status === 'needed' ? [name] : [],
  );
}

/** What patches mend, by `info`: a patch stands against each package before a version. `name`, or `name.arch`. */
export function parseMended(text: string): ReadonlySet<string> {
  const said = messagesOf(readXml(text), 'info').join('\n');
  return new Set(
    [...said.matchAll(/^(?:Conflicts\s+: | {4,})([A-Za-z0-9][^\s:]*) < \S+$/gm)].map(([, name = '']) => name),
  );
}

/** Packages that a repository has, by `search --details`. */
export function parseFound(text: string): PackageVersion[] {
  return readXml(text).flatMap(({ name: tag, attributes }) => {
    const { kind, name = '', arch = '', edition = '', repository = '' } = attributes;
    if (tag !== 'solvable' || kind !== 'package' || repository === '(System Packages)') return [];
    return [{ name, arch, version: canonicalVersion(edition) }];
  });
}

export interface Downloaded extends PackageVersion {
  readonly path: string;
}

/** `download`: where each archive is. */
export function parseDownloads(text: string): Downloaded[] {
  const found: Downloaded[] = [];
  let one = { name: '', arch: '', version: '' };
  for (const { name: tag, attributes, text: said, within } of readXml(text)) {
    const isOfSolvable = within.at(-1) === 'solvable' && within.at(-2) === 'download-result';
    if (isOfSolvable && tag === 'name') one = { ...one, name: said };
    if (isOfSolvable && tag === 'arch') one = { ...one, arch: said };
    if (isOfSolvable && tag === 'edition') {
      const { epoch = '0', version = '', release = '' } = attributes;
      one = { ...one, version: canonicalVersion(`${epoch}:${version}-${release}`) };
    }
    if (tag === 'localfile' && within.at(-1) === 'download-result')
      found.push({ ...one, path: attributes.path ?? '' });
  }
  return found;
}

/** Names, or patterns of them, that are held. */
export function parseLocks(text: string): string[] {
  const found: string[] = [];
  let names: string[] = [];
  let type = 'package';
  for (const { name: tag, text: said, within } of readXml(text)) {
    if (within.at(-1) === 'lock' && tag === 'name') names.push(said);
    if (within.at(-1) === 'lock' && tag === 'type') type = said;
    if (tag !== 'lock') continue;
    if (type === 'package') found.push(...names);
    [names, type] = [[], 'package'];
  }
  return found;
}

/** Where a change failed, of what zypper writes for people. */
export function parseFailure(said: string): string | undefined {
  const found = [
    /^Problem: (?:\d+: )?(.+)$/m,
    /^(?:Installation|Removal) of .+ failed:\n(.+(?:\n.+)?)/m,
    /^(System management is locked .+)$/m,
    /^Error message: (.+)$/m,
    /^(.+ not found.*)$/m,
  ].flatMap((pattern) => pattern.exec(said)?.[1] ?? []);
  return found[0] === undefined ? undefined : oneLine(found[0]);
}

/** The repositories that gave no answer, and why. */
export function parseRefreshFailure(said: string): string | undefined {
  const repositories = [...said.matchAll(/^Skipping repository '(.+)' because of the above error\.$/gm)].map(
    ([, name]) => name,
  );
  const why = /^Error message: (.+)$/m.exec(said)?.[1] ?? /^\[[^\]]+\] (.+)$/m.exec(said)?.[1];
  if (repositories.length === 0) return why;
  return `${repositories.join(', ')}${why === undefined ? '' : `: ${why}`}`;
}

/**
 * libzypp's history, newest first. It notes what came and never what was there before: that is known where the file holds it as well.
 * Times are the machine's own.
 */
export function parseHistory(text: string, timeOf: (local: string) => number): PackageHistoryEntry[] {
  const entries: { atMs: number; command: string; changes: Versions[] }[] = [];
  const before = new Map<string, string>();
  for (const line of text.split('\n')) {
    if (line.startsWith('#')) continue;
    const [time = '', action = '', ...fields] = line.split(/(?<!\\)\|/).map((field) => field.trim());
    const atMs = timeOf(time.replace(' ', 'T'));
    if (action === 'command') {
      entries.push({ atMs, command: commandOf(fields[1] ?? ''), changes: [] });
      continue;
    }
    if (action !== 'install' && action !== 'remove') continue;
    if (entries.length === 0) entries.push({ atMs, command: '', changes: [] });
    const [name = '', edition = '', arch = ''] = fields;
    const id = key({ name, arch });
    const version = canonicalVersion(edition);
    const change =
      action === 'remove'
        ? { name, arch, from: version, to: '' }
        : { name, arch, from: before.get(id) ?? '', to: version };
    before.set(id, change.to);
    entries.at(-1)?.changes.push(change);
  }
  return entries.filter(({ changes }) => changes.length > 0).reverse();
}

/** `'zypper' 'install' 'app'`, as people write it. */
function commandOf(quoted: string): string {
  return quoted.replaceAll(/'([A-Za-z0-9+=._:/@%-]*)'/g, '$1');
}
