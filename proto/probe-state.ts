/**
 * What tries come to: whether a probe holds, goes on to hold, or has failed. Pure; times in milliseconds of a clock that never goes back.
 *
 *   waiting ──need of the last `of` tries succeeded──> holding ──for holdMs──> held
 *      └──not within withinMs──> failed <──fewer of them did──┘
 */
import type { Message } from './codec.ts';

export type ProbeRules = Pick<
  Message<'ProbeTask'>,
  'need' | 'of' | 'everyMs' | 'timeoutMs' | 'withinMs' | 'holdMs'
>;

export interface ProbeState {
  readonly beganMs: number;
  /** The last `of`, oldest first. */
  readonly last: readonly boolean[];
  readonly tries: number;
  readonly failures: number;
  /** Of the last try; undefined before the first. */
  readonly triedMs: number | undefined;
  readonly heldSinceMs: number | undefined;
  readonly lostMs: number | undefined;
}

export type ProbeNext =
  /** Not before `inMs` from now, and for at most `forMs`. */
  | { readonly is: 'try'; readonly inMs: number; readonly forMs: number }
  | { readonly is: 'held' }
  /** `never`: it did not hold in time; `lost`: it did, and then not any more. */
  | { readonly is: 'failed'; readonly how: 'never' | 'lost' };

export function beginProbe(nowMs: number): ProbeState {
  return {
    beganMs: nowMs,
    ...{ last: [], tries: 0, failures: 0 },
    ...{ triedMs: undefined, heldSinceMs: undefined, lostMs: undefined },
  };
}

export function addTry(
  state: ProbeState,
  rules: ProbeRules,
  tried: { readonly beganMs: number; readonly endedMs: number; readonly succeeded: boolean },
): ProbeState {
  const last = [...state.last, tried.succeeded].slice(-rules.of);
  const holds = succeeded(last) >= rules.need;
  const wasHolding = state.heldSinceMs !== undefined;
  return {
    ...state,
    last,
    tries: state.tries + 1,
    failures: state.failures + (tried.succeeded ? 0 : 1),
    triedMs: tried.beganMs,
    heldSinceMs: state.heldSinceMs ?? (holds ? tried.endedMs : undefined),
    lostMs: state.lostMs ?? (wasHolding && !holds ? tried.endedMs : undefined),
  };
}

export function succeeded(last: readonly boolean[]): number {
  return last.filter((one) => one).length;
}

/** While it has to go on to hold, the last try begins at the end of that time: what stopped in the middle of it is not taken for well. */
export function nextTry(state: ProbeState, rules: ProbeRules, nowMs: number): ProbeNext {
  const { beganMs, triedMs, heldSinceMs } = state;
  const { everyMs, timeoutMs, withinMs, holdMs } = rules;
  if (state.lostMs !== undefined) return { is: 'failed', how: 'lost' };
  const dueMs = triedMs === undefined ? nowMs : Math.max(nowMs, triedMs + everyMs);
  if (heldSinceMs === undefined) {
    const untilMs = beganMs + withinMs;
    if (dueMs >= untilMs) return { is: 'failed', how: 'never' };
    return { is: 'try', inMs: dueMs - nowMs, forMs: Math.min(timeoutMs, untilMs - dueMs) };
  }
  const endMs = heldSinceMs + holdMs;
  if (holdMs === 0 || (triedMs !== undefined && triedMs >= endMs)) return { is: 'held' };
  return { is: 'try', inMs: Math.max(0, Math.min(dueMs, endMs) - nowMs), forMs: timeoutMs };
}
