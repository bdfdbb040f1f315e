/** Pure: reads what apk says, and its files. Its packages have one architecture, so that `arch` is empty everywhere. */
import type { Versions } from '../../../proto/packages.ts';
import type { Installed } from '../manager.ts';

export const byName = <T extends { readonly name: string }>(a: T, b: T): number => (a.name < b.name ? -1 : 1);

/** `musl-1.2.5-r0`: the version begins with the last dash before a digit. */
export function parseNamed(text: string): { readonly name: string; readonly version: string } | undefined {
  const [, name, version] = /^(.+)-(\d[^-\s]*(?:-r\d+)?)$/.exec(text) ?? [];
  return name === undefined || version === undefined ? undefined : { name, version };
}

const CHANGE =
  /^\(\s*\d+\/\d+\) (Installing|Purging|Upgrading|Downgrading) ([^\s@]+)(?:@\S+)? \((\S+?)(?: -> (\S+))?\)$/gm;

/** What is said of each step, of a simulation as well. One that is put in place again in its own version is none. Sorted by name. */
export function parseChanges(text: string): Versions[] {
  return [...text.matchAll(CHANGE)]
    .map(([, how, name = '', first = '', second = '']) => {
      if (how === 'Installing') return { name, arch: '', from: '', to: first };
      return { name, arch: '', from: first, to: how === 'Purging' ? '' : second };
    })
    .sort(byName);
}

/** `version -l '<'`: `musl-1.2.5-r0   < 1.2.5-r1`, with the tag of its repository where that has one. */
export function parseUpgradable(text: string): Versions[] {
  return text
    .split('\n')
    .flatMap((line) => {
      const [, left = '', to = ''] = /^(\S+)\s+< (\S+)(?: @\S+)?$/.exec(line.trim()) ?? [];
      const one = parseNamed(left);
      return one === undefined ? [] : [{ name: one.name, arch: '', from: one.version, to }];
    })
    .sort(byName);
}

/** `policy`: `name version` of all that a repository has. */
export function parsePolicy(text: string): ReadonlySet<string> {
  const found = new Set<string>();
  let [name, version] = ['', ''];
  for (const line of text.split('\n')) {
    const heading = /^(\S+) policy:$/.exec(line)?.[1];
    if (heading !== undefined) [name, version] = [heading, ''];
    version = /^ {2}(\S+):$/.exec(line)?.[1] ?? version;
    const source = /^ {4}(\S.*)$/.exec(line)?.[1];
    if (source !== undefined && version !== '' && !source.endsWith('apk/db/installed'))
      found.add(`${name} ${version}`);
  }
  return found;
}

export interface Recorded extends Installed {
  /** Of its archive. */
  readonly bytes: number;
  readonly files: readonly string[];
}

/** The database of what is installed. One whose files or script failed has a mark there. */
export function parseDatabase(text: string): Recorded[] {
  return text.split(/\n\n+/).flatMap((paragraph) => {
    const fields = paragraph.split('\n').map((line) => [line.slice(0, 2), line.slice(2)] as const);
    const field = (key: string) => fields.find(([one]) => one === key)?.[1] ?? '';
    const [name, version] = [field('P:'), field('V:')];
    if (name === '' || version === '') return [];
    let folder = '';
    const files: string[] = [];
    for (const [key, value] of fields) {
      if (key === 'F:') folder = value;
      if (key === 'R:') files.push(`/${folder === '' ? '' : `${folder}/`}${value}`);
    }
    const isWhole = !/[fs]/.test(field('f:'));
    return [{ ...{ name, arch: '', version, isWhole, files }, bytes: Number(field('S:')) || 0 }];
  });
}

/** Names that the world wants, and those of them that it holds at a version. */
export function parseWorld(text: string): {
  readonly names: readonly string[];
  readonly held: readonly string[];
} {
  const words = text.split(/\s+/).filter((word) => word !== '' && !word.startsWith('!'));
  const nameOf = (word: string) => word.replace(/[@<>=~].*$/, '');
  return { names: words.map(nameOf), held: words.filter((word) => /[<>=~]/.test(word)).map(nameOf) };
}

/** Why apk does not do something, or what of it failed, in one line. */
export function parseErrors(said: string): string | undefined {
  const lines = said.split('\n');
  const at = lines.findIndex((line) =>
    /^ERROR: (?:unable to select packages|unsatisfiable constraints)/.test(line),
  );
  if (at >= 0) {
    const rest = lines.slice(at + 1);
    const end = rest.findIndex((line) => !line.startsWith(' '));
    const why = rest.slice(0, end < 0 ? rest.length : end).map((line) => line.trim().replaceAll(/\s+/g, ' '));
    if (why.length > 0) return why.slice(0, 6).join('; ').replaceAll(':; ', ': ').slice(0, 500);
  }
  const errors = lines.flatMap((line) => /^ERROR: (.+)$/.exec(line)?.[1] ?? []);
  return errors.length === 0 ? undefined : errors.slice(0, 3).join('; ').slice(0, 500);
}

/** A repository that gave no answer: apk goes on with its list of before. */
export function parseUpdateFailure(said: string): string | undefined {
  return /^(?:ERROR|WARNING): (.*(?:APKINDEX|https?:\/\/|ftp:\/\/|updating|opening).*)$/m.exec(said)?.[1];
}
