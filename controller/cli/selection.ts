import type { Target, TargetQuery } from '../api/contract.ts';
import type { Client } from './client.ts';
import { wrongUse } from './failure.ts';
import { readBytes } from './files.ts';
import { findJob } from './job-id.ts';
import type { Surroundings } from './surroundings.ts';

export interface TargetOptions {
  targets?: string[];
  selector?: string;
  limit?: string;
  seed?: number;
  failedOf?: string;
}

/** As many as a list may have. */
const RANGE_NAMES = 10_000;
/** A list of 10,000 long names. */
const LIST_BYTES = 768 * 1024;
/** Longer lists do not go into a URL. */
const QUERY_CHARS = 2000;

/**
 * What -t, -l, --limit, --seed and --failed-of ask for; `@FILE` (`@-`: standard input) is replaced by the names in it, `web-[01:12]` by
 * those that it stands for. Throws a Failure (wrong use).
 */
export async function readSelection(
  surroundings: Surroundings,
  options: TargetOptions,
): Promise<TargetQuery> {
  const lists: string[] = [];
  for (const list of options.targets ?? []) {
    if (list.trim() === '') throw wrongUse('-t is empty');
    // Without a file or a range in it a list goes on as it was typed, so that an error can point at its column.
    lists.push(/(^|,)\s*@|\[[^\]]*:/.test(list) ? await expand(surroundings, list) : list);
  }
  const targets = lists.join(',');
  if (options.selector !== undefined && options.selector.trim() === '') throw wrongUse('-l is empty');
  return {
    ...(targets === '' ? {} : { targets }),
    ...(options.selector === undefined ? {} : { selector: options.selector }),
    ...(options.limit === undefined ? {} : { limit: options.limit }),
    ...(options.seed === undefined ? {} : { seed: options.seed }),
    ...(options.failedOf === undefined ? {} : { failedOf: options.failedOf }),
  };
}

/** Nobody is meant by accident: everybody has to be said. */
export function requireSelection(query: TargetQuery): void {
  if (query.targets === undefined && query.selector === undefined && query.failedOf === undefined)
    throw wrongUse('nobody is named', 'say who is meant: -t NAMES or -l SELECTOR; everybody is "-t all"');
}

/** The job of --failed-of by its whole id. Throws what `findJob` does. */
export async function wholeSelection(client: Client, query: TargetQuery): Promise<TargetQuery> {
  return query.failedOf === undefined ? query : { ...query, failedOf: await findJob(client, query.failedOf) };
}

async function expand(surroundings: Surroundings, list: string): Promise<string> {
  const items = list.split(',').map((item) => item.trim());
  const names = await Promise.all(
    items.map((item) => (item.startsWith('@') ? readList(surroundings, item.slice(1)) : [item])),
  );
  const all = names.flat();
  return (all.some(isRange) ? await withoutRanges(all) : all).join(',');
}

/** A class of a glob has no colon. */
const isRange = (name: string): boolean => /\[[^\]]*:/.test(name);

async function withoutRanges(names: readonly string[]): Promise<string[]> {
  const { expandRanges } = await import('../installer/inventory/range.ts');
  return names.flatMap((name) => {
    if (!isRange(name)) return [name];
    const without = name.replace(/^!/, '');
    const read = expandRanges(without, RANGE_NAMES);
    if ('problem' in read) throw wrongUse(`-t: ${read.problem}`);
    return read.names.map((one) => (name === without ? one : `!${one}`));
  });
}

async function readList(surroundings: Surroundings, path: string): Promise<string[]> {
  if (path === '') throw wrongUse('"@" in -t needs the name of a file');
  const bytes =
    path === '-' ? await surroundings.stdin.readAll(LIST_BYTES) : await readBytes(path, LIST_BYTES);
  const names = parseList(Buffer.from(bytes).toString());
  if (names.length === 0) throw wrongUse(`${path} names nobody`);
  return names;
}

/** Names one a line or separated by commas; `#` begins a comment. */
export function parseList(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/#.*/, ''))
    .flatMap((line) => line.split(','))
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** Who would be meant. Throws `nobody-matched`. */
export function resolve(client: Client, query: TargetQuery): Promise<Target[]> {
  return (query.targets?.length ?? 0) > QUERY_CHARS
    ? client.call('targets.match', { body: query })
    : client.call('targets.list', { query });
}

/** The most agents that can be meant, without asking: each plain name is at most one. */
export function atMost(query: TargetQuery): number {
  const absolute = /^\d+$/.test(query.limit ?? '') ? Number(query.limit) : Number.POSITIVE_INFINITY;
  const items = query.targets?.split(',') ?? [];
  const plain =
    items.length > 0 && items.every((item) => item.trim().toLowerCase() !== 'all' && !/[*?[]/.test(item));
  return Math.min(absolute, plain ? items.length : Number.POSITIVE_INFINITY);
}
