/**
 * Agents that all lost their controller, as a simulation of what decides about their return and nothing else: the controller's
 * admission and the agents' waits, both the real ones, on a queue of events.
 */
import { waitMs } from '../../../agent/link/state.ts';
import { type AdmissionOptions, createAdmission } from '../../../controller/gateway/admission.ts';
import { seededRandom } from '../../support/seeded-random.ts';

export interface Return {
  /** When each agent came in, in ms since the controller was back, in order. */
  readonly admittedMs: readonly number[];
  /** When each was turned away. */
  readonly refusedMs: readonly number[];
  /** The most tries that one agent needed. */
  readonly mostTries: number;
}

/** How long a handshake is under way. */
const HANDSHAKE_MS = 20;

/** The controller was away for `awayMs` before; every agent noticed at once. */
export function returnOf(count: number, options: AdmissionOptions, awayMs: number, seed: string): Return {
  const random = seededRandom(seed);
  let nowMs = 0;
  const admission = createAdmission(options, { monotonicMs: () => nowMs }, random);
  const events = queue();
  const admittedMs: number[] = [];
  const refusedMs: number[] = [];
  let mostTries = 0;

  function tryAt(atMs: number, round: number, tries: number): void {
    events.add(atMs, () => {
      const unreachable = nowMs < awayMs;
      const retryAfterMs = unreachable ? 0 : admission.ask();
      if (!unreachable && retryAfterMs === 0) {
        admittedMs.push(nowMs - awayMs);
        mostTries = Math.max(mostTries, tries);
        return events.add(nowMs + HANDSHAKE_MS, admission.done);
      }
      if (!unreachable) refusedMs.push(nowMs - awayMs);
      const end = unreachable
        ? { reason: 'gone' }
        : { reason: 'later', code: 'try-later' as const, retryAfterMs };
      tryAt(nowMs + waitMs(end, round, random), round + 1, unreachable ? tries : tries + 1);
    });
  }

  for (let agent = 0; agent < count; agent++) tryAt(waitMs({ reason: 'gone' }, 0, random), 1, 1);
  for (let next = events.take(); next; next = events.take()) {
    nowMs = next.atMs;
    next.fn();
  }
  return { admittedMs, refusedMs, mostTries };
}

interface Event {
  readonly atMs: number;
  readonly fn: () => void;
}

/** A binary heap: earliest first. */
function queue(): { add(atMs: number, fn: () => void): void; take(): Event | undefined } {
  const heap: Event[] = [];
  const at = (index: number): number => heap[index]?.atMs ?? Number.POSITIVE_INFINITY;
  const swap = (a: number, b: number): void => {
    const [first, second] = [heap[a], heap[b]];
    if (first && second) [heap[a], heap[b]] = [second, first];
  };
  return {
    add(atMs, fn) {
      heap.push({ atMs, fn });
      for (let child = heap.length - 1; child > 0; ) {
        const parent = (child - 1) >> 1;
        if (at(parent) <= at(child)) break;
        swap(parent, child);
        child = parent;
      }
    },
    take() {
      const first = heap[0];
      const last = heap.pop();
      if (heap.length > 0 && last) heap[0] = last;
      for (let parent = 0; ; ) {
        const child = at(2 * parent + 1) <= at(2 * parent + 2) ? 2 * parent + 1 : 2 * parent + 2;
        if (at(child) >= at(parent)) break;
        swap(parent, child);
        parent = child;
      }
      return first;
    },
  };
}
