/** Pure: from the rows of dnf's table and what is installed to changes. */
import type { Versions } from '../../../proto/packages.ts';
import type { PackageVersion } from '../manager.ts';
import type { Table, TableRow } from './table.ts';

/** Sorted by name and arch. */
export function changesOf({ rows, obsoleted }: Table, installed: readonly PackageVersion[]): Versions[] {
  const gone = new Map<string, Versions>();
  const come = new Map<string, Versions>();
  const key = ({ name, arch }: { name: string; arch: string }) => `${name} ${arch}`;
  const remove = ({ name, arch, version }: PackageVersion) =>
    gone.set(`${key({ name, arch })} ${version}`, { name, arch, from: version, to: '' });
  for (const row of [...rows, ...obsoleted]) {
    if (row.kind === 'remove') {
      remove(row);
      continue;
    }
    come.set(key(row), { name: row.name, arch: row.arch, from: '', to: row.version });
    if (row.kind === 'replace') {
      const old = replacedBy(row, installed);
      if (old !== undefined) remove(old);
    }
  }
  // Of what is installed side by side the oldest goes as the newest comes.
  for (const [id, removal] of gone) {
    const coming = come.get(key(removal));
    if (coming === undefined || coming.from !== '') continue;
    come.set(key(removal), { ...coming, from: removal.from });
    gone.delete(id);
  }
  const changes = [...come.values(), ...gone.values()].filter(({ from, to }) => from !== to);
  return changes.sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** The table does not show what an upgrade replaces; it may have been of another architecture. */
function replacedBy(row: TableRow, installed: readonly PackageVersion[]): PackageVersion | undefined {
  const named = installed.filter(({ name }) => name === row.name);
  return named.find(({ arch }) => arch === row.arch) ?? (named.length === 1 ? named[0] : undefined);
}
