/** Pure: reads the table in which dnf shows a transaction. Its columns are cut into lines where they are too narrow, and never shortened. */
import { canonicalVersion } from '../rpm/nevra.ts';

export type TableKind = 'install' | 'remove' | 'replace';

export interface TableRow {
  /** replace: an upgrade, a downgrade, or the same again. */
  readonly kind: TableKind;
  readonly name: string;
  readonly arch: string;
  readonly version: string;
}

export interface Table {
  readonly rows: readonly TableRow[];
  /** Names that an installed package replaces: they are removed. */
  readonly obsoleted: readonly TableRow[];
}

const HEADINGS: readonly (readonly [RegExp, TableKind | 'other'])[] = [
  [/^(?:Installing|Installing (?:weak )?dependencies|Installing group\/module packages.*):$/, 'install'],
  [/^(?:Upgrading|Downgrading|Reinstalling):$/, 'replace'],
  [/^Removing(?: dependent packages| unused dependencies)?:$/, 'remove'],
  // Of modules, groups and environments, which are no packages; and what is left out.
  [/^\S.*:$/, 'other'],
];

const COLUMNS = 5;

/** Undefined where it holds no transaction: then nothing is to be done, or it cannot be. */
export function parseTable(text: string): Table | undefined {
  const body = /\nDependencies resolved\.\n=+\n.*\n=+\n([\s\S]*?)\n\nTransaction Summary\n/.exec(
    `\n${text}`,
  )?.[1];
  if (body === undefined) return undefined;
  const [rows, obsoleted]: [TableRow[], TableRow[]] = [[], []];
  let heading: TableKind | 'other' = 'other';
  let words: string[] = [];
  for (const line of body.split('\n')) {
    const next = HEADINGS.find(([pattern]) => pattern.test(line));
    if (next !== undefined) {
      heading = next[1];
      words = [];
      continue;
    }
    const replaced = /^ +replacing +(\S+)\.([^.\s]+) (\S+)$/.exec(line);
    if (replaced) {
      const [, name = '', arch = '', version = ''] = replaced;
      obsoleted.push({ kind: 'remove', name, arch, version: canonicalVersion(version) });
      continue;
    }
    if (!line.startsWith(' ') || heading === 'other') continue;
    words.push(...line.trim().split(/\s+/));
    // The repository and the size, whose unit is a word of its own, come after.
    if (words.length < COLUMNS) continue;
    const [name = '', arch = '', version = ''] = words;
    words = [];
    rows.push({ kind: heading, name, arch, version: canonicalVersion(version) });
  }
  return { rows, obsoleted };
}
