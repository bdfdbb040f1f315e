import type { HostEntry } from '../../installer/host.ts';
import { applyLimit, parseLimit } from '../../targeting/limit.ts';
import { match } from '../../targeting/match.ts';
import { parseTargets, type TargetTerms } from '../../targeting/parse.ts';
import { wrongUse } from '../failure.ts';
import { listNames } from '../output/summary.ts';

/**
 * `--limit`: `10` or `25%`, the first so many; else names and globs as -t takes them, of what a host is called here or there and
 * of the groups that an inventory has it in, and hosts as they were written. Throws MusterError (bad-limit, bad-target) and, for names that nobody has, a Failure (wrong use): one
 * that is mistyped behind a `!` would mean a host more than was intended.
 */
export function narrow<E extends Named>(entries: readonly E[], limit: string | undefined): readonly E[] {
  if (limit === undefined) return entries;
  if (/^\d+%?$/.test(limit)) return applyLimit(entries, parseLimit(limit));
  const ids = new Map(entries.map(({ written }, index) => [written, idOf(index)]));
  const items = limit.split(',').map((item) => {
    const [, not = '', name = ''] = /^(!?)(.*)$/s.exec(item.trim()) ?? [];
    return not + (ids.get(name) ?? name);
  });
  const { include, exclude } = parseTargets(items.join(','));
  // An entry stands here once for each of its names.
  const named = entries.flatMap(({ name, host, labels }, index) =>
    [...new Set([name, host, ...groupsIn(labels)])].flatMap((one) =>
      one === undefined ? [] : [{ id: idOf(index), name: one.toLowerCase(), labels }],
    ),
  );
  const idsOf = (terms: TargetTerms): { ids: Set<string>; unknown: string[] } => {
    const { agents, unknown } = match(named, { targets: { include: terms, exclude: NOBODY } });
    return { ids: new Set(agents.map(({ id }) => id)), unknown };
  };
  const meant = idsOf(include);
  const left = idsOf(exclude);
  const unknown = [...meant.unknown, ...left.unknown];
  if (unknown.length > 0)
    throw wrongUse(
      `--limit: the list has no ${listNames(unknown, 8)}`,
      'leave it out, or check the spelling',
    );
  return entries.filter((_, index) => meant.ids.has(idOf(index)) && !left.ids.has(idOf(index)));
}

/** The groups of an inventory, which are labels here: as Ansible's own --limit has them. */
const groupsIn = (labels: Readonly<Record<string, string>>): string[] =>
  Object.keys(labels).flatMap((key) => (key.startsWith('group.') ? [key.slice('group.'.length)] : []));

/** What a host may be named by. */
export type Named = Pick<HostEntry, 'written' | 'name' | 'host' | 'labels'>;

/** As a target list takes ids. */
const idOf = (index: number): string => index.toString(16).padStart(32, '0');
const NOBODY: TargetTerms = { all: false, names: new Map(), globs: [] };
