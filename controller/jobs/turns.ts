import type { Late, Statement } from '../db/database.ts';
import { orderEnd } from './due.ts';
import { countWaitingDown, giveTurn, paceOfJob, queuedRuns, waitingRuns } from './pace-store.ts';
import { NO_OUTCOME } from './run.ts';
import { countsOfJob, type JobRow, jobById, runById } from './store.ts';
import { type Applied, type At, transition } from './transition.ts';
import { failuresOf, freePlaces, step } from './window.ts';

/**
 * Gives the free places of a job to the next runs, or ends what was not sent where too many failed. It runs in the transaction
 * that freed a place, so that a controller which is killed has either done both or nothing: there is nothing to mend at a start.
 */
export function nextTurns(
  jobId: string,
  at: At,
  isOnline: (agentId: string) => boolean,
  onApplied: (applied: Applied) => void,
): Late {
  return {
    late(tx) {
      const [pace] = tx.read(paceOfJob({ jobId }));
      const [job] = tx.read(jobById({ id: jobId }));
      if (!pace || !job || job.ended_at_ms !== null) return [];
      const { batch, max_failures: maxFailures } = pace;
      const inFlight = job.open_runs - pace.waiting;
      const limit = Math.min(pace.waiting, freePlaces(inFlight, batch));
      const waiting = limit === 0 ? [] : tx.read(waitingRuns({ jobId, limit }));
      const next = step(
        {
          inFlight,
          waiting: waiting.map((run) => run.agent_id),
          failures: maxFailures === null ? 0 : failuresOf(tx.read(countsOfJob({ jobId }))),
        },
        { batch, maxFailures },
      );
      if (next.stop !== null) {
        const outcome = { ...NO_OUTCOME, reason: next.stop, code: 'max-failures' };
        return tx
          .read(queuedRuns({ jobId }))
          .map(({ agent_id }) =>
            transition({ jobId, agentId: agent_id, from: 'queued', to: 'cancelled', outcome }, at, onApplied),
          );
      }
      const turns = next.take.flatMap((agentId) => turnOf(job, pace, agentId, at, isOnline, onApplied));
      return turns.length === 0 ? [] : [...turns, countWaitingDown({ jobId, runs: next.take.length })];
    },
  };
}

/** Turns of held jobs within one transaction: what they share is read once, and counted once. */
export interface HeldTurns {
  /**
   * Its turn for one run of a job that is held, unless it has had it or is over. It runs in the transaction of whoever decided so.
   */
  give(jobId: string, agentId: string): Late;
  /** Behind all of them. */
  counted: Late;
}

export function heldTurns(
  at: At,
  isOnline: (agentId: string) => boolean,
  onApplied: (applied: Applied) => void,
): HeldTurns {
  const held = new Map<string, { job: JobRow; pace: { ttl_ms: number }; given: number } | undefined>();
  return {
    give: (jobId, agentId) => ({
      late(tx) {
        if (!held.has(jobId)) {
          const [job] = tx.read(jobById({ id: jobId }));
          const [pace] = tx.read(paceOfJob({ jobId }));
          held.set(jobId, job && pace && { job, pace, given: 0 });
        }
        const of = held.get(jobId);
        const [run] = tx.read(runById({ jobId, agentId }));
        if (!of || run?.state !== 'queued' || run.turn_at_ms !== null) return [];
        of.given += 1;
        return turnOf(of.job, of.pace, agentId, at, isOnline, onApplied);
      },
    }),
    counted: {
      late: () =>
        [...held].flatMap(([jobId, of]) =>
          of && of.given > 0 ? countWaitingDown({ jobId, runs: of.given }) : [],
        ),
    },
  };
}

function turnOf(
  job: JobRow,
  pace: { ttl_ms: number },
  agentId: string,
  at: At,
  isOnline: (agentId: string) => boolean,
  onApplied: (applied: Applied) => void,
): Statement[] {
  const jobId = job.id;
  const orderEndMs = orderEnd(job, at);
  const deadlineAtMs = Math.min(at.steadyMs + pace.ttl_ms, orderEndMs);
  // An order that has expired meanwhile is not sent: the loop of the deadlines finds the run due.
  const isSent = at.steadyMs < orderEndMs && isOnline(agentId);
  const isWaiting = { deadlineAtMs, jobEnded: false, agentLeaves: false };
  return [
    giveTurn({ jobId, agentId, turnAtMs: at.steadyMs, deadlineAtMs }),
    isSent
      ? transition({ jobId, agentId, from: 'queued', to: 'sent' }, at, onApplied)
      : waits({ jobId, agentId, from: 'queued', to: 'queued', ...isWaiting }, onApplied),
  ];
}

/** Nothing is written: only that a deadline is nearer now. */
function waits(applied: Applied, onApplied: (applied: Applied) => void): Late {
  return {
    late() {
      onApplied(applied);
      return [];
    },
  };
}
