import type { HostEntry } from '../../installer/host.ts';
import { applyLimit, parseLimit } from '../../targeting/limit.ts';
import { match } from '../../targeting/match.ts';
import { parseTargets, type TargetTerms } from '../../targeting/parse.ts';
import { wrongUse } from '../failure.ts';
import { listNames } from '../output/summary.ts';

/**
 * `--limit`: `10` or `25%`, the first so many; else names and globs as -t takes them, of what a host is called here or there.
 * Throws MusterError (bad-limit, bad-target) and, for names that nobody has, a Failure (wrong use).
 */
export function narrow(entries: readonly HostEntry[], limit: string | undefined): readonly HostEntry[] {
  if (limit === undefined) return entries;
  if (/^\d+%?$/.test(limit)) return applyLimit(entries, parseLimit(limit));
  const { include, exclude } = parseTargets(limit);
  // An entry stands here once for each of its names; its place is its id, which no list can name.
  const named = entries.flatMap(({ name, host, labels }, index) =>
    [...new Set([name, host])].flatMap((one) =>
      one === undefined ? [] : [{ id: String(index), name: one.toLowerCase(), labels }],
    ),
  );
  const indexesOf = (terms: TargetTerms): { indexes: Set<string>; unknown: string[] } => {
    const { agents, unknown } = match(named, { targets: { include: terms, exclude: NOBODY } });
    return { indexes: new Set(agents.map(({ id }) => id)), unknown };
  };
  const meant = indexesOf(include);
  const left = indexesOf(exclude);
  const unknown = [...meant.unknown, ...left.unknown];
  if (unknown.length > 0)
    throw wrongUse(
      `--limit: the list has no ${listNames(unknown, 8)}`,
      'leave them out, or check the spelling',
    );
  return entries.filter((_, index) => meant.indexes.has(String(index)) && !left.indexes.has(String(index)));
}

const NOBODY: TargetTerms = { all: false, names: new Map(), globs: [] };
