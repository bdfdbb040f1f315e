import { LIMITS } from '../../proto/limits.ts';
import type { RunState } from './run.ts';

/** How long after the last moment at which word could come a run is called lost. */
export const LOST_GRACE_MS = 30_000;
/** What the agent may need, after the kill grace, to end a process tree. */
const KILL_SLACK_MS = 5_000;

/** Times on the scale of steady.ts. */
export interface RunTimes {
  /** The controller sends nothing after it. */
  sendByMs: number;
  /** The order has expired: no agent starts anything after it. */
  orderEndMs: number;
  timeoutMs: number;
  killGraceMs: number;
}

/**
 * When the controller stops waiting in this state; undefined once the run is over.
 *
 * queued: its start can no longer happen. sent: an answer to it should have come by then. accepted: it may start at the
 * last moment and then take its whole timeout. running: counted from when it was said to run.
 */
export function deadlineOf(state: RunState, times: RunTimes, atMs: number): number | undefined {
  switch (state) {
    case 'queued':
      return times.sendByMs;
    case 'sent':
      return times.sendByMs + LOST_GRACE_MS;
    case 'accepted':
      return times.orderEndMs + longestRunMs(times);
    case 'running':
      return atMs + longestRunMs(times);
    default:
      return undefined;
  }
}

/** From when a run is said to run until its end must have been told. */
export function longestRunMs(times: { timeoutMs: number; killGraceMs: number }): number {
  return times.timeoutMs + times.killGraceMs + KILL_SLACK_MS + LOST_GRACE_MS;
}

/** How long an order is valid: long enough for the turns of all, each of which may wait, be sent late and take its whole time. */
export function orderLifeMs(asked: {
  targets: number;
  batch: number | null;
  ttlMs: number;
  timeoutMs: number;
  killGraceMs: number;
  attempts: number;
}): number {
  const turns = asked.batch === null ? 1 : Math.ceil(asked.targets / asked.batch);
  const turnMs = asked.ttlMs + asked.attempts * longestRunMs(asked);
  return Math.min(asked.ttlMs + (turns - 1) * turnMs, Math.max(asked.ttlMs, LIMITS.ttlMaxMs));
}

/**
 * When a job's order expires, on the scale of steady.ts. Agents go by the wall clock as they are told it, so a clock that was set
 * moves it: never to more than its life from now, so that nothing is waited for for a year.
 */
export function orderEnd(
  job: { created_at_ms: number; expires_at_ms: number },
  at: { wallMs: number; steadyMs: number },
): number {
  const lifeMs = job.expires_at_ms - job.created_at_ms;
  return at.steadyMs + Math.min(Math.max(0, job.expires_at_ms - at.wallMs), lifeMs);
}

/** What a run becomes when its deadline passes without a word. */
export function whenDue(state: RunState): 'expired' | 'lost' | undefined {
  if (state === 'queued') return 'expired';
  return state === 'sent' || state === 'accepted' || state === 'running' ? 'lost' : undefined;
}

/**
 * Why, in a sentence for the operator. `offlineSinceMs`: null when the agent never came; undefined while it is online.
 * `hadTurn`: false for a run whose turn in the batch did not come.
 */
export function dueReason(
  state: RunState,
  offlineSinceMs: number | null | undefined,
  hadTurn = true,
): string {
  if (!hadTurn) return 'its turn did not come before the order expired';
  const away =
    offlineSinceMs === undefined
      ? 'the agent is online but did not answer'
      : offlineSinceMs === null
        ? 'the agent has never connected'
        : `the agent is offline since ${new Date(offlineSinceMs).toISOString()}`;
  return state === 'queued'
    ? away
    : `${away}; it was ${state === 'sent' ? 'sent and may have started' : state}`;
}

export const DEFAULTS = {
  ttlMs: 15_000,
  timeoutMs: 3_600_000,
  killGraceMs: LIMITS.killGraceMs,
  outputCapBytes: LIMITS.outputCapBytes,
} as const;
