import type { Clock } from '../../proto/clock.ts';

/** More than clocks drift and time servers mend. */
const JUMP_MS = 3_600_000;
/** Long enough for somebody to notice and to set it right; then it is believed. */
const DOUBTED_MS = 24 * 3_600_000;

/**
 * The wall clock, as far as ages are counted by it: one that was set far ahead makes everything look old, and what is removed does
 * not come back.
 */
export function createWall(clock: Pick<Clock, 'now' | 'uptimeMs'>): { isDoubted(): boolean } {
  const aheadOfUptime = (): number => clock.now() - clock.uptimeMs();
  let knownMs = aheadOfUptime();
  let believedAtMs = Number.NEGATIVE_INFINITY;
  return {
    /** Whether it jumped ahead within the last day. */
    isDoubted() {
      const jumpMs = aheadOfUptime() - knownMs;
      knownMs += jumpMs;
      if (jumpMs > JUMP_MS) believedAtMs = clock.uptimeMs() + DOUBTED_MS;
      return clock.uptimeMs() < believedAtMs;
    },
  };
}
