import type { Counts, Outcome, RunState, StateData, TaskResult } from '../api/contract.ts';
import { VERDICT } from './exit-status.ts';

export interface Tracked {
  agentId: string;
  name: string;
  state: RunState;
  outcome: Outcome | null;
  /** Starts so far. */
  attempt: number;
  /** Which task runs, or ran last, from 0. */
  task: number | null;
  /** As far as its report told them. */
  tasks: readonly TaskResult[];
  /** When something was last heard of it, on the clock of the caller. */
  heardMs: number;
}

export type Update = Pick<StateData, 'state' | 'attempt' | 'outcome' | 'task' | 'tasks'>;

export interface Tally {
  total(): number;
  get(agentId: string): Tracked | undefined;
  apply(agentId: string, update: Update, nowMs: number): Tracked;
  /** It wrote something. */
  heard(agentId: string, nowMs: number): void;
  all(): Iterable<Tracked>;
  /** Every state that somebody is in. */
  counts(): Counts;
  /** Runs without an outcome; the most silent first. */
  waiting(): Tracked[];
}

/** Where each run of a job stands, kept up to date from the job's events. */
export function createTally(targets: readonly { id: string; name: string }[], nowMs: number): Tally {
  const runs = new Map<string, Tracked>();
  for (const { id, name } of targets)
    runs.set(id, {
      ...{ agentId: id, name, state: 'queued', outcome: null, attempt: 0 },
      ...{ task: null, tasks: [], heardMs: nowMs },
    });
  return {
    total: () => runs.size,
    get: (agentId) => runs.get(agentId),
    apply(agentId, update, heardMs) {
      const before = runs.get(agentId);
      const name = before?.name ?? agentId;
      const { state, attempt, outcome, tasks, task = null } = update;
      const ran = { attempt, task: task ?? before?.task ?? null };
      const tracked = { agentId, name, state, outcome, ...ran, tasks, heardMs };
      runs.set(agentId, tracked);
      return tracked;
    },
    heard(agentId, heardMs) {
      const run = runs.get(agentId);
      if (run) runs.set(agentId, { ...run, heardMs });
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
        .sort((a, b) => a.heardMs - b.heardMs),
  };
}
