import type { HostEntry } from '../../installer/host.ts';
import { limitHosts } from '../../installer/inventory/limit.ts';
import { applyLimit, parseLimit } from '../../targeting/limit.ts';
import { wrongUse } from '../failure.ts';
import { listNames } from '../output/summary.ts';

/**
 * `--limit`: `10` or `25%`, the first so many; else names and globs. Throws MusterError('bad-limit') and, for names that nobody has, a
 * Failure (wrong use): one that was mistyped behind `!` would mean a host more than was intended.
 */
export function narrow(entries: readonly HostEntry[], limit: string | undefined): readonly HostEntry[] {
  if (limit === undefined) return entries;
  if (/^\d+%?$/.test(limit)) return applyLimit(entries, parseLimit(limit));
  const { entries: kept, unknown } = limitHosts(entries, limit);
  if (unknown.length === 0) return kept;
  throw wrongUse(`--limit: the list has no ${listNames(unknown, 8)}`, 'leave it out, or check the spelling');
}
