/** Transactions and hosts, compared. Pure. */
import type { Versions } from '../../proto/packages.ts';
import type { Installed, PackageId } from './manager.ts';

export const keyOf = ({ name, arch }: PackageId): string => `${name} ${arch}`;

/** `app 1 → 2`, `+app 1`, `−app 1`. */
export function changeLine({ name, from, to }: Versions): string {
  if (from === '') return `${name} ${to} is installed`;
  return to === '' ? `${name} ${from} is removed` : `${name} ${from} → ${to}`;
}

/** Where a package of a change is: `between` has its version and is not whole, `elsewhere` says what is there. */
export type Place =
  | { readonly is: 'from' | 'to' }
  | { readonly is: 'between'; readonly at: 'from' | 'to' }
  | { readonly is: 'elsewhere'; readonly has: string };

export function placeOf(change: Versions, installed: readonly Installed[]): Place {
  const all = installed.filter((one) => keyOf(one) === keyOf(change));
  if (all.some(({ isSideBySide }) => isSideBySide)) return placeBeside(change, all);
  const [found] = all;
  const version = found?.version ?? '';
  const at = version === change.to ? 'to' : version === change.from ? 'from' : undefined;
  if (at === undefined) return { is: 'elsewhere', has: version === '' ? 'not installed' : version };
  return found && !found.isWhole ? { is: 'between', at } : { is: at };
}

/** Of versions that are installed beside each other, such as kernels, a change is of those two alone. */
function placeBeside({ from, to }: Versions, all: readonly Installed[]): Place {
  const has = (version: string): boolean => version !== '' && all.some((one) => one.version === version);
  const [hasFrom, hasTo] = [has(from), has(to)];
  if (hasTo && !hasFrom) return { is: 'to' };
  if (hasFrom && !hasTo) return { is: 'from' };
  if (!hasFrom && !hasTo && from === '') return { is: 'from' };
  if (!hasFrom && !hasTo && to === '') return { is: 'to' };
  return { is: 'elsewhere', has: all.map(({ version }) => version).join(' and ') };
}

/** What is in one and not in the other, as people read it; undefined where they are the same. */
export function difference(planned: readonly Versions[], found: readonly Versions[]): string | undefined {
  const lines = (all: readonly Versions[], others: readonly Versions[]) => {
    const have = new Set(others.map((one) => `${keyOf(one)} ${one.from} ${one.to}`));
    return all.filter((one) => !have.has(`${keyOf(one)} ${one.from} ${one.to}`)).map(changeLine);
  };
  const [missing, more] = [lines(planned, found), lines(found, planned)];
  if (missing.length === 0 && more.length === 0) return undefined;
  const parts = [
    ...(missing.length > 0 ? [`planned and not so now: ${listed(missing)}`] : []),
    ...(more.length > 0 ? [`not planned: ${listed(more)}`] : []),
  ];
  return parts.join('; ');
}

const SHOWN = 8;

export function listed(words: readonly string[]): string {
  const more = words.length - SHOWN;
  return words.slice(0, SHOWN).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
