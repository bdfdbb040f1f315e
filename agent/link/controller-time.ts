import type { Clock } from '../../proto/clock.ts';

/**
 * The controller's time as this agent knows it: what the last Welcome said, and the time since then, suspends included.
 * Never persisted, and never this host's wall clock: that may be years off.
 */
export interface ControllerTime {
  /** Undefined before the first session. */
  nowMs(): number | undefined;
  set(controllerTimeMs: number): void;
}

export function controllerTime(clock: Pick<Clock, 'uptimeMs'>): ControllerTime {
  let offsetMs: number | undefined;
  return {
    nowMs: () => (offsetMs === undefined ? undefined : clock.uptimeMs() + offsetMs),
    set(controllerTimeMs) {
      offsetMs = controllerTimeMs - clock.uptimeMs();
    },
  };
}
