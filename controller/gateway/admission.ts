/**
 * How many handshakes a second the controller takes up. A token bucket: agents that come back all at once after a restart are
 * told when to try again instead of starving those that are connected and the operators.
 */
import type { Clock } from '../../proto/clock.ts';
import { fraction, type RandomBytes } from '../../proto/random.ts';

export interface AdmissionOptions {
  perSecond: number;
  burst: number;
  /** Handshakes under way at once. */
  concurrent: number;
}

export interface Admission {
  /** 0: come in, and call `done` when the handshake is over. Else try again after so many milliseconds. */
  ask(): number;
  done(): void;
}

/** Of the controller's one core about a third, while all agents come back at once. */
export const ADMISSION: AdmissionOptions = { perSecond: 400, burst: 800, concurrent: 400 };

const LEAST_MS = 1_000;
const SPREAD_MS = 4_000;
/** Strangers that knock without end must not book the door for hours. */
const BOOKED_MAX_MS = 60_000;

export function createAdmission(
  options: AdmissionOptions,
  clock: Pick<Clock, 'monotonicMs'>,
  random: RandomBytes,
): Admission {
  let tokens = options.burst;
  let filledMs = clock.monotonicMs();
  let underWay = 0;
  /** When the last of those who were turned away is expected again. */
  let bookedMs = Number.NEGATIVE_INFINITY;
  return {
    ask() {
      const nowMs = clock.monotonicMs();
      tokens = Math.min(options.burst, tokens + ((nowMs - filledMs) * options.perSecond) / 1000);
      filledMs = nowMs;
      if (tokens >= 1 && underWay < options.concurrent) {
        tokens -= 1;
        underWay += 1;
        return 0;
      }
      // Each is told a time of its own, one behind the other at the rate at which they are admitted.
      bookedMs = Math.min(Math.max(bookedMs, nowMs) + 1000 / options.perSecond, nowMs + BOOKED_MAX_MS);
      return Math.ceil(bookedMs - nowMs + LEAST_MS + fraction(random) * SPREAD_MS);
    },
    done() {
      underWay -= 1;
    },
  };
}
