import { fraction, type RandomBytes } from './random.ts';

export interface Backoff {
  /** Delay before the first retry's upper bound, milliseconds. */
  baseMs: number;
  /** The upper bound never grows past this, milliseconds. */
  capMs: number;
}

/**
 * Full jitter: uniform in [0, min(cap, base * 2^attempt)).
 * Source: M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
 */
export function fullJitterMs(backoff: Backoff, attempt: number, random: RandomBytes): number {
  const ceiling = Math.min(backoff.capMs, backoff.baseMs * 2 ** Math.min(attempt, 30));
  return Math.floor(fraction(random) * ceiling);
}
