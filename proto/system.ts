import { randomBytes } from 'node:crypto';
import { uptime } from 'node:os';
import type { Clock } from './clock.ts';
import type { RandomBytes } from './random.ts';

/** The adapters of the real world. Only composition roots import this file. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  uptimeMs: () => uptime() * 1000,
  after(delayMs, fn) {
    // Node runs a longer timer at once instead of late, so a long wait is cut into pieces.
    const longestMs = 2 ** 31 - 1;
    if (delayMs > longestMs) {
      let cancel = systemClock.after(longestMs, () => {
        cancel = systemClock.after(delayMs - longestMs, fn);
      });
      return () => cancel();
    }
    const timer = setTimeout(fn, Math.max(0, delayMs));
    return () => clearTimeout(timer);
  },
};

export const systemRandom: RandomBytes = (length) => randomBytes(length);
