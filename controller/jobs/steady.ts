import type { Clock } from '../../proto/clock.ts';

/** Less than this between the two clocks is how they run, not that somebody set one. */
const STEP_MS = 5_000;
const SUSPEND_MS = 2_000;

/**
 * The scale of deadlines and turns: the wall clock as it was at the start, and from then on the time that really passes,
 * suspends included. Setting the wall clock neither ends all that runs at once nor lets it hang for a year. It decides how long
 * we wait; what is signed and what is shown is wall time.
 */
export interface Steady {
  /** Milliseconds. */
  now(): number;
  /** By how much the wall clock was set, or 0. Also takes in what a suspend took. */
  look(): number;
  /** From now on it is so much later, as the wall clock says; what is stored on this scale moves in the same commit. */
  move(byMs: number): void;
}

export function createSteady(clock: Clock): Steady {
  let baseMs = clock.now() - clock.monotonicMs();
  const suspended = (): number => clock.uptimeMs() - clock.monotonicMs();
  let suspendedMs = suspended();
  const now = (): number => Math.round(baseMs + clock.monotonicMs());
  return {
    now,
    look() {
      const sleptMs = suspended() - suspendedMs;
      if (sleptMs >= SUSPEND_MS) {
        baseMs += sleptMs;
        suspendedMs += sleptMs;
      }
      const driftMs = Math.round(clock.now() - now());
      return Math.abs(driftMs) >= STEP_MS ? driftMs : 0;
    },
    move(byMs) {
      baseMs += byMs;
    },
  };
}
