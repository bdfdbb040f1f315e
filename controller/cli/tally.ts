import type { Counts, Outcome, RunState } from '../api/contract.ts';
import { VERDICT } from './exit-status.ts';

export interface Tracked {
  agentId: string;
  name: string;
  state: RunState;
  outcome: Outcome | null;
  /** When the state began, on the clock of the caller. */
  sinceMs: number;
}

export interface Tally {
  total(): number;
  get(agentId: string): Tracked | undefined;
  apply(agentId: string, state: RunState, outcome: Outcome | null, nowMs: number): Tracked;
  all(): Iterable<Tracked>;
  /** Every state that somebody is in. */
  counts(): Counts;
  /** Runs without an outcome; the one that waits longest first. */
  waiting(): Tracked[];
}

/** Where each run of a job stands, kept up to date from the job's events. */
export function createTally(targets: readonly { id: string; name: string }[], nowMs: number): Tally {
  const runs = new Map<string, Tracked>();
  for (const { id, name } of targets)
    runs.set(id, { agentId: id, name, state: 'queued', outcome: null, sinceMs: nowMs });
  return {
    total: () => runs.size,
    get: (agentId) => runs.get(agentId),
    apply(agentId, state, outcome, sinceMs) {
      const name = runs.get(agentId)?.name ?? agentId;
      const tracked = { agentId, name, state, outcome, sinceMs };
      runs.set(agentId, tracked);
      return tracked;
    },
    all: () => runs.values(),
    counts() {
      const counts: Counts = {};
      for (const { state } of runs.values()) counts[state] = (counts[state] ?? 0) + 1;
      return counts;
    },
    waiting: () =>
      [...runs.values()]
        .filter(({ state }) => VERDICT[state] === 'open')
        .sort((a, b) => a.sinceMs - b.sinceMs),
  };
}
