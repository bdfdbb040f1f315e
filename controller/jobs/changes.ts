import type { Lane, Late, Statement } from '../db/database.ts';
import type { JobsPorts } from './ports.ts';
import { isOpen } from './run.ts';
import type { Steady } from './steady.ts';
import { type Applied, type At, type Change, transition } from './transition.ts';
import { heldTurns, nextTurns } from './turns.ts';

export interface Changes {
  /**
   * Writes one batch, in which `change` makes the statement of a change: `commit((change) => [other, change({ … })])`. Also
   * for use inside a late statement. `turn` gives a run of a held job its turn. Places that become free are given on in the same
   * transaction. Resolves, after the commit, with what applied. `lane`: of an agent's words, the agent.
   */
  commit(
    batch: (
      change: (change: Change) => Statement,
      turn: (jobId: string, agentId: string) => Statement,
    ) => readonly Statement[],
    lane?: Lane,
  ): Promise<Applied[]>;
}

/** The one way into a run's history: writes, then tells. */
export function createChanges(
  ports: Pick<JobsPorts, 'db' | 'bus' | 'clock' | 'inventory'> & { steady: Steady },
  onApplied: (applied: Applied) => void,
): Changes {
  const isOnline = (agentId: string): boolean => ports.inventory.get(agentId)?.online ?? false;
  return {
    async commit(batch, lane) {
      const at: At = { wallMs: ports.clock.now(), steadyMs: ports.steady.now() };
      const applied: Applied[] = [];
      const note = (one: Applied): void => void applied.push(one);
      const givePlacesOn: Late = {
        late: () => [...freed(applied)].map((jobId) => nextTurns(jobId, at, isOnline, note)),
      };
      const turns = heldTurns(at, isOnline, note);
      const statements = batch((change) => transition(change, at, note), turns.give);
      if (statements.length === 0) return applied;
      await ports.db.write([...statements, turns.counted, givePlacesOn], lane);
      for (const one of applied) onApplied(one);
      for (const jobId of new Set(applied.map((one) => one.jobId)))
        ports.bus.emit({ type: 'job-changed', jobId });
      for (const { jobId, agentId, to } of applied)
        if (!isOpen(to)) ports.bus.emit({ type: 'run-over', jobId, agentId });
      for (const one of applied) if (one.jobEnded) ports.bus.emit({ type: 'job-ended', jobId: one.jobId });
      return applied;
    },
  };
}

/** Jobs of which a run ended and others are left. */
function freed(applied: readonly Applied[]): Set<string> {
  const over = new Set(applied.filter((one) => one.jobEnded).map((one) => one.jobId));
  const ended = applied.filter(({ from, to, jobId }) => isOpen(from) && !isOpen(to) && !over.has(jobId));
  return new Set(ended.map((one) => one.jobId));
}
