import { quoted, refuse } from './problem.ts';

/** How many of those who are meant: a number, or a share of them. */
export type Limit =
  | { readonly kind: 'count'; readonly count: number }
  | { readonly kind: 'percent'; readonly percent: number };

/** `10` or `25%`; whole numbers from 1. Throws MusterError('bad-limit') with a Problem as its cause. */
export function parseLimit(text: string): Limit {
  const [, digits, percent] = /^(\d{1,7})(%?)$/.exec(text) ?? [];
  if (digits === undefined)
    refuse(
      'bad-limit',
      0,
      text.length,
      `expected a number such as 10 or a share such as 25%, found ${quoted(text)}`,
    );
  const value = Number(digits);
  if (percent === '') {
    if (value < 1) refuse('bad-limit', 0, text.length, 'expected 1 or more, found 0');
    return { kind: 'count', count: value };
  }
  if (value < 1 || value > 100) refuse('bad-limit', 0, text.length, `expected 1% to 100%, found ${value}%`);
  return { kind: 'percent', percent: value };
}

/** How many of `total` the limit leaves: shares round up, so that a share of somebody is never nobody. */
export function limitCount(limit: Limit, total: number): number {
  return limit.kind === 'count' ? Math.min(limit.count, total) : Math.ceil((total * limit.percent) / 100);
}

/**
 * The first ones, or with `random` (fractions in [0, 1)) a uniform choice. The order of the items is kept.
 */
export function applyLimit<T>(items: readonly T[], limit: Limit, random?: () => number): T[] {
  const count = limitCount(limit, items.length);
  if (!random) return items.slice(0, count);
  const indexes = items.map((_, index) => index);
  const chosen = new Set(shuffled(indexes, random, count));
  return items.filter((_, index) => chosen.has(index));
}

/**
 * The first `count` of a uniformly random order of the items: a Fisher–Yates shuffle that stops when it has enough (Durstenfeld,
 * CACM algorithm 235, 1964).
 */
export function shuffled<T>(items: readonly T[], random: () => number, count = items.length): T[] {
  const order = [...items];
  for (let at = 0; at < count; at++) {
    const other = at + Math.floor(random() * (order.length - at));
    const [here, there] = [order[at], order[other]] as [T, T];
    order[at] = there;
    order[other] = here;
  }
  return order.slice(0, count);
}

/**
 * Fractions that are the same for the same seed on every machine and version: mulberry32 (Tommy Ettinger, 2017, public
 * domain), started from the 32-bit FNV-1a hash (Fowler, Noll, Vo) of the seed's text. For choosing, not for secrets.
 */
export function seededFractions(seed: string | number): () => number {
  let state = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(String(seed))) state = Math.imul(state ^ byte, 0x01000193);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}
