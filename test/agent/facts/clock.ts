import type { Clock } from '../../../proto/clock.ts';

export interface ManualClock extends Clock {
  /** Runs every timer that is waiting. */
  expire(): void;
  waiting(): number;
}

/** Time that stands still until a test says otherwise. */
export function manualClock(nowMs = 1_764_000_500_000, uptimeMs = 377_900): ManualClock {
  const timers = new Set<() => void>();
  return {
    now: () => nowMs,
    monotonicMs: () => uptimeMs,
    uptimeMs: () => uptimeMs,
    after(_delayMs, fn) {
      timers.add(fn);
      return () => void timers.delete(fn);
    },
    expire() {
      for (const fn of [...timers]) {
        timers.delete(fn);
        fn();
      }
    },
    waiting: () => timers.size,
  };
}
