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

const SPREAD_MS = 4_000;

export function createAdmission(
  options: AdmissionOptions,
  clock: Pick<Clock, 'monotonicMs'>,
  random: RandomBytes,
): Admission {
  let tokens = options.burst;
  let filledMs = clock.monotonicMs();
  let underWay = 0;
  let turnedAway = 0;
  return {
    ask() {
      const nowMs = clock.monotonicMs();
      tokens = Math.min(options.burst, tokens + ((nowMs - filledMs) * options.perSecond) / 1000);
      filledMs = nowMs;
      if (tokens >= 1 && underWay < options.concurrent) {
        tokens -= 1;
        underWay += 1;
        turnedAway = 0;
        return 0;
      }
      // Those who are turned away one after the other are spread over as long as it takes to admit them all.
      turnedAway += 1;
      const aheadMs = (turnedAway * 1000) / options.perSecond;
      return Math.ceil(1000 + aheadMs + fraction(random) * SPREAD_MS);
    },
    done() {
      underWay -= 1;
    },
  };
}
