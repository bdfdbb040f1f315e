import type { Clock } from '../../proto/clock.ts';
import { LIMITS } from '../../proto/limits.ts';

export interface KeepAlive {
  /** Something came from the far end. */
  heard(): void;
  stop(): void;
}

/**
 * Watches a link that may be half open: asks the far end every `keepAliveMs`, also when it is heard, since its answer says what
 * time it is; silence of `keepAliveDeadMs` means that nobody is there. When this process itself stood still (its timer came late), what the far end sent meanwhile may still
 * lie unread, so it gets the time of one more answer before it is given up.
 */
export function keepAlive(clock: Clock, on: { ask(): void; dead(): void }): KeepAlive {
  let heardMs = clock.monotonicMs();
  let asked = false;
  let cancel = (): void => {};

  function wait(delayMs: number): void {
    const dueMs = clock.monotonicMs() + delayMs;
    cancel = clock.after(delayMs, () => check(clock.monotonicMs() - dueMs));
  }

  function check(lateMs: number): void {
    const nowMs = clock.monotonicMs();
    if (lateMs > STOOD_STILL_MS) {
      heardMs = Math.max(heardMs, nowMs - LIMITS.keepAliveMs);
      asked = false;
    }
    const silenceMs = nowMs - heardMs;
    if (silenceMs >= LIMITS.keepAliveDeadMs) return on.dead();
    if (!asked) on.ask();
    asked = true;
    wait(Math.min(LIMITS.keepAliveMs, LIMITS.keepAliveDeadMs - silenceMs));
  }

  wait(LIMITS.keepAliveMs);
  return {
    heard() {
      heardMs = clock.monotonicMs();
      asked = false;
    },
    stop: () => cancel(),
  };
}

/** A timer that fires this late was not merely waiting its turn. */
const STOOD_STILL_MS = 3_000;
