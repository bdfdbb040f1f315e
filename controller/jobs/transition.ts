import { equalBytes } from '../../proto/ids.ts';
import type { Late, Statement } from '../db/database.ts';
import type { Json } from '../db/schema.ts';
import { eraseBundle } from './bundle-store.ts';
import { deadlineOf, orderEnd, type RunTimes } from './due.ts';
import { countWaitingDown } from './pace-store.ts';
import { apply, isOpen, NO_OUTCOME, type Outcome, type Run, type RunState } from './run.ts';
import {
  countDownJob,
  countRuns,
  endJob,
  endRun,
  insertEvents,
  type JobRow,
  jobById,
  type RunRow,
  runById,
  updateRunState,
} from './store.ts';

/** Something that was learned of a run. */
export interface Change {
  jobId: string;
  agentId: string;
  to: RunState;
  /** The change is right only for a run that is still in this state; left out: in any that it may follow. */
  from?: RunState;
  /** Left out: as it is. */
  attempt?: number;
  /** Of `running`: which task. */
  task?: number;
  /** The order that this is about; a change of another order than the job's does not apply. */
  orderHash?: Uint8Array;
  outcome?: Outcome;
  reportSeq?: number;
  startedAtMs?: number | null;
  /** What the report says of the tasks. */
  results?: Json | null;
}

/** What a change did; nothing is said of a change that did not apply. */
export interface Applied {
  jobId: string;
  agentId: string;
  from: RunState;
  to: RunState;
  /** When the controller stops waiting for this run, or undefined: it is over. */
  deadlineAtMs: number | undefined;
  jobEnded: boolean;
  /** The job was to remove the agent from its host, which it is about to do. */
  agentLeaves: boolean;
}

/** One moment: what is shown, and the scale of deadlines. */
export interface At {
  wallMs: number;
  steadyMs: number;
}

/** Decides inside the transaction, from the rows as they are there, so that the store is the only truth. */
export function transition(change: Change, at: At, onApplied: (applied: Applied) => void): Late {
  const atMs = at.wallMs;
  return {
    late(tx) {
      const { jobId, agentId } = change;
      const [row] = tx.read(runById({ jobId, agentId }));
      const [job] = tx.read(jobById({ id: jobId }));
      if (!row || !job) return [];
      if (change.from !== undefined && change.from !== row.state) return [];
      if (change.orderHash && !equalBytes(change.orderHash, job.order_hash)) return [];
      const run = { jobId, agentId, state: row.state, attempt: row.attempt, task: row.task };
      const { to, attempt = row.attempt, task } = change;
      // Each attempt has its own time and its own output: whoever counts past what his order allows would have both without end.
      if (attempt > job.attempts) return [];
      const next = apply(run, { to, attempt, ...(task === undefined ? {} : { task }) });
      if (!next) return [];
      // Each attempt has an output of its own.
      const heldBytes = next.attempt === row.attempt ? row.output_position : 0;
      const outcome = heldOutput(change.outcome ?? NO_OUTCOME, heldBytes);
      const over = isOpen(row.state) && !isOpen(next.state);
      const jobEnded = over && job.open_runs === 1;
      // The next task is within the time of its attempt.
      const goesOn = row.state === next.state && row.attempt === next.attempt;
      const deadlineAtMs = goesOn
        ? (row.deadline_at_ms ?? undefined)
        : deadlineOf(next.state, timesOfRun(row, job, at), at.steadyMs);
      const agentLeaves = job.kind === 'uninstall' && next.state === 'succeeded';
      onApplied({ jobId, agentId, from: row.state, to: next.state, deadlineAtMs, jobEnded, agentLeaves });
      const statements: Statement[] = [
        isOpen(next.state)
          ? movedOn(row, next, heldBytes, deadlineAtMs ?? null, atMs)
          : ended(row, next, { ...change, outcome }, atMs),
        ...insertEvents([
          {
            job_id: jobId,
            agent_id: agentId,
            kind: 'state',
            at_ms: atMs,
            state: next.state,
            attempt: next.attempt,
            body: bodyOf(next, outcome, change.results ?? null),
          },
        ]),
      ];
      if (next.state !== row.state)
        statements.push(
          countRuns({ jobId, state: row.state, runs: -1 }),
          countRuns({ jobId, state: next.state, runs: 1 }),
        );
      if (over) statements.push(countDownJob({ id: jobId }));
      if (over && row.turn_at_ms === null) statements.push(countWaitingDown({ jobId, runs: 1 }));
      if (jobEnded)
        statements.push(
          endJob({ id: jobId, atMs }),
          ...eraseBundle({ jobId }),
          ...jobEvent(jobId, 'ended', null, atMs),
        );
      return statements;
    },
  };
}

function timesOfRun(row: RunRow, job: JobRow, at: At): RunTimes {
  const orderEndMs = orderEnd(job, at);
  return {
    // That of a queued run is the end of its wait.
    sendByMs: row.deadline_at_ms ?? orderEndMs,
    orderEndMs,
    timeoutMs: job.timeout_ms,
    killGraceMs: job.kill_grace_ms,
  };
}

export function jobEvent(
  jobId: string,
  what: 'created' | 'cancelled' | 'ended',
  by: string | null,
  atMs: number,
): Statement[] {
  return insertEvents([{ job_id: jobId, kind: 'job', at_ms: atMs, body: JSON.stringify({ what, by }) }]);
}

/** What is missing at the end of the output is said, never passed off as complete. */
function heldOutput(outcome: Outcome, heldBytes: number): Outcome {
  const missing = outcome.storedBytes - heldBytes;
  if (missing <= 0) return outcome;
  const note = `the last ${missing} bytes of its output did not arrive`;
  const reason = outcome.reason === null ? note : `${outcome.reason}; ${note}`;
  return { ...outcome, storedBytes: heldBytes, truncated: true, reason };
}

/** What the history keeps beside the state: which task runs, or how it ended. */
function bodyOf(run: Run, outcome: Outcome, results: Json | null): Json | null {
  if (!isOpen(run.state)) return JSON.stringify({ outcome, tasks: JSON.parse(results ?? '[]') });
  return run.state === 'running' ? JSON.stringify({ task: run.task }) : null;
}

function movedOn(
  row: RunRow,
  { state, attempt, task }: Run,
  outputPosition: number,
  deadlineAtMs: number | null,
  atMs: number,
): Statement {
  const begins = state === 'running' && (row.state !== 'running' || row.attempt !== attempt);
  return updateRunState({
    jobId: row.job_id,
    agentId: row.agent_id,
    state,
    attempt,
    task,
    outputPosition,
    deadlineAtMs,
    sentAtMs: state === 'sent' ? atMs : row.sent_at_ms,
    acceptedAtMs: row.accepted_at_ms ?? (state === 'sent' ? null : atMs),
    startedAtMs: begins ? atMs : row.started_at_ms,
    wordAtMs: state === 'sent' ? row.word_at_ms : atMs,
  });
}

function ended(row: RunRow, { state, attempt }: Run, change: Change, atMs: number): Statement {
  const outcome = change.outcome ?? NO_OUTCOME;
  return endRun({
    jobId: row.job_id,
    agentId: row.agent_id,
    state,
    attempt,
    endedAtMs: atMs,
    startedAtMs: change.startedAtMs ?? row.started_at_ms,
    reason: outcome.reason,
    code: outcome.code,
    exitCode: outcome.exitCode,
    signal: outcome.signal,
    durationMs: outcome.durationMs,
    outputBytes: outcome.outputBytes,
    storedBytes: outcome.storedBytes,
    truncated: outcome.truncated ? 1 : 0,
    reportSeq: change.reportSeq ?? null,
    results: change.results ?? null,
    awaySinceMs: outcome.awaySinceMs,
    gaps: JSON.stringify(outcome.gaps),
  });
}
