import type { Clock } from '../../proto/clock.ts';

export interface VirtualClock extends Clock {
  /** Lets `ms` pass: timers fire in order of their time, and what they set going settles before the next one fires. */
  advance(ms: number): Promise<void>;
  /** Lets promises that wait for nothing but each other settle; no time passes. */
  settle(): Promise<void>;
  /** Sets the wall clock without letting time pass, as an administrator does. */
  stepWall(ms: number): void;
  /** Time that only `uptimeMs` counts, as in a suspend. */
  suspend(ms: number): void;
  /** Timers that are set and not yet due. */
  readonly pending: number;
}

interface Timer {
  atMs: number;
  order: number;
  fn(): void;
}

/** Time that passes only when told to. Starts at `startMs` of wall time, with zero elapsed. */
export function virtualClock(startMs = Date.UTC(2026, 0, 1)): VirtualClock {
  let elapsedMs = 0;
  let wallMs = startMs;
  let suspendedMs = 0;
  let order = 0;
  const timers = new Set<Timer>();

  function nextDue(limitMs: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of timers) {
      if (timer.atMs > limitMs) continue;
      if (!next || timer.atMs < next.atMs || (timer.atMs === next.atMs && timer.order < next.order))
        next = timer;
    }
    return next;
  }

  function pass(toMs: number): void {
    wallMs += toMs - elapsedMs;
    elapsedMs = toMs;
  }

  /** A few turns of the event loop: enough for a chain of promises, and for in-memory links, to come to rest. */
  async function settle(): Promise<void> {
    for (let turn = 0; turn < 8; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
  }

  return {
    now: () => Math.round(wallMs),
    monotonicMs: () => elapsedMs,
    uptimeMs: () => elapsedMs + suspendedMs,
    after(delayMs, fn) {
      const timer: Timer = { atMs: elapsedMs + Math.max(0, delayMs), order: order++, fn };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    async advance(ms) {
      const endMs = elapsedMs + ms;
      await settle();
      for (let timer = nextDue(endMs); timer; timer = nextDue(endMs)) {
        timers.delete(timer);
        pass(Math.max(elapsedMs, timer.atMs));
        timer.fn();
        await settle();
      }
      pass(endMs);
    },
    settle,
    stepWall(ms) {
      wallMs += ms;
    },
    suspend(ms) {
      suspendedMs += ms;
    },
    get pending() {
      return timers.size;
    },
  };
}
