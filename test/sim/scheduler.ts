import type { Dice } from './dice.ts';

/**
 * The one loop of a history: takes the next event of virtual time, lets it happen, and lets every promise that waits for nothing
 * but other promises settle before it takes the one after. Events of the same moment come in an order of chance.
 */
export interface Scheduler {
  readonly nowMs: number;
  /** Events that happened. */
  readonly turns: number;
  /** Calls `fn` once; the returned function cancels it. */
  after(delayMs: number, fn: () => void): () => void;
  /** Until virtual time is there, or `stop` was called. */
  runUntil(atMs: number): Promise<void>;
  stop(): void;
}

/** Far beyond what any history needs: something that goes in a circle. */
const MOST_TURNS = 300_000;

interface Event {
  atMs: number;
  tie: number;
  fn: (() => void) | undefined;
}

/** `onThrow` is told what an event threw: in a real process that would have been its end. */
export function createScheduler(dice: Dice, onThrow: (cause: unknown) => void): Scheduler {
  const heap: Event[] = [];
  let nowMs = 0;
  let turns = 0;
  let stopped = false;

  const earlier = (a: Event, b: Event): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.tie < b.tie);

  function push(event: Event): void {
    let at = heap.length;
    heap.push(event);
    for (;;) {
      const up = (at - 1) >> 1;
      const above = heap[up];
      if (at === 0 || !above || !earlier(event, above)) break;
      heap[at] = above;
      at = up;
    }
    heap[at] = event;
  }

  function pop(): void {
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = heap[2 * at + 1];
      if (!left) break;
      const right = heap[2 * at + 2];
      const down = right && earlier(right, left) ? 2 * at + 2 : 2 * at + 1;
      const below = heap[down];
      if (!below || !earlier(below, last)) break;
      heap[at] = below;
      at = down;
    }
    heap[at] = last;
  }

  return {
    get nowMs() {
      return nowMs;
    },
    get turns() {
      return turns;
    },
    after(delayMs, fn) {
      const event: Event = { atMs: nowMs + Math.max(0, delayMs), tie: dice.fraction(), fn };
      push(event);
      return () => {
        event.fn = undefined;
      };
    },
    async runUntil(atMs) {
      for (;;) {
        const next = heap[0];
        if (stopped) return;
        if (!next || next.atMs > atMs) break;
        pop();
        const { fn } = next;
        if (!fn) continue;
        nowMs = Math.max(nowMs, next.atMs);
        turns += 1;
        try {
          if (turns > MOST_TURNS) throw new Error('it does not come to rest: too much happens');
          fn();
        } catch (cause) {
          onThrow(cause);
        }
        await quiet();
      }
      nowMs = Math.max(nowMs, atMs);
    },
    stop() {
      stopped = true;
    },
  };
}

/**
 * Resolves when no promise is left that can settle by itself. Not by a turn of the event loop: Node runs what was put off with
 * nextTick from a microtask only when all microtasks are done.
 */
export function quiet(): Promise<void> {
  return new Promise((resolve) => queueMicrotask(() => process.nextTick(resolve)));
}
