import { LIMITS } from '../../proto/limits.ts';
import type { RunState } from './run.ts';

/** How long after the last moment at which word could come a run is called lost. */
export const LOST_GRACE_MS = 30_000;
/** What the agent may need, after the kill grace, to end a process tree. */
const KILL_SLACK_MS = 5_000;

export interface JobTimes {
  /** Nothing starts after it. */
  expiresAtMs: number;
  timeoutMs: number;
  killGraceMs: number;
}

/**
 * When the controller stops waiting in this state; undefined once the run is over.
 *
 * queued: its start can no longer happen. sent: an answer to it should have come by then. accepted: it may start at the
 * last moment and then take its whole timeout. running: counted from when it was said to run.
 */
export function deadlineOf(state: RunState, times: JobTimes, atMs: number): number | undefined {
  const atMost = times.timeoutMs + times.killGraceMs + KILL_SLACK_MS + LOST_GRACE_MS;
  switch (state) {
    case 'queued':
      return times.expiresAtMs;
    case 'sent':
      return times.expiresAtMs + LOST_GRACE_MS;
    case 'accepted':
      return times.expiresAtMs + atMost;
    case 'running':
      return atMs + atMost;
    default:
      return undefined;
  }
}

/** What a run becomes when its deadline passes without a word. */
export function whenDue(state: RunState): 'expired' | 'lost' | undefined {
  if (state === 'queued') return 'expired';
  return state === 'sent' || state === 'accepted' || state === 'running' ? 'lost' : undefined;
}

/** Why, in a sentence for the operator. `offlineSinceMs`: null when the agent never came; undefined while it is online. */
export function dueReason(state: RunState, offlineSinceMs: number | null | undefined): string {
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
