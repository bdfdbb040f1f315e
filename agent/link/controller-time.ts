import type { Clock } from '../../proto/clock.ts';

/**
 * The controller's time as this agent knows it: what was told of it in this session, and the time since then, suspends included.
 * Never persisted, and never this host's wall clock: that may be years off.
 */
export interface ControllerTime {
  /** Undefined before the first session. */
  nowMs(): number | undefined;
  /** A session begins. */
  set(controllerTimeMs: number): void;
  /**
   * The controller told it again, at most `ageMs` ago (infinite: nobody knows). What was told may have been on its way for so
   * long, or have lain unread while this process stood still; so the time is now between that and `ageMs` more.
   */
  correct(controllerTimeMs: number, ageMs: number): void;
}

export function controllerTime(clock: Pick<Clock, 'uptimeMs'>): ControllerTime {
  let offsetMs: number | undefined;
  return {
    nowMs: () => (offsetMs === undefined ? undefined : clock.uptimeMs() + offsetMs),
    set(controllerTimeMs) {
      offsetMs = controllerTimeMs - clock.uptimeMs();
    },
    correct(controllerTimeMs, ageMs) {
      const leastMs = controllerTimeMs - clock.uptimeMs();
      offsetMs = Math.min(Math.max(offsetMs ?? leastMs, leastMs), leastMs + ageMs);
    },
  };
}
