import type { StatementSync } from 'node:sqlite';
import type { DatabaseDisk } from './database-disk.ts';
import { Violation } from './verdict.ts';

/** A run as the controller's store tells it, read from its history alone. */
export interface Told {
  readonly jobId: string;
  readonly agentId: string;
  readonly states: string[];
  state: string;
  attempt: number;
  /** Of its outcome. */
  reason: string | undefined;
  /** What is stored of its output, put together. */
  output: Uint8Array[];
  outputBytes: number;
  outputAttempt: number;
}

export interface RunFigures {
  job_id: string;
  agent_id: string;
  agent_name: string;
  state: string;
  attempt: number;
  reason: string | null;
  code: string | null;
  exit_code: number | null;
  signal: string | null;
  output_bytes: number;
  output_stored: number;
  truncated: number;
  /** JSON. */
  gaps: string;
  deadline_at_ms: number | null;
  ended_at_ms: number | null;
  cancel_requested: number;
}

/** Reads the controller's history as it grows. What it finds there is checked for order as it comes: promise 4. */
export interface Record {
  /** After a commit. Told of each state that a run came to, in their order. */
  read(moved: (told: Told, before: string) => void): void;
  ofJob(jobId: string): Told[];
  told(jobId: string, agentId: string): Told | undefined;
  runs(): RunFigures[];
  /** Open runs whose deadline was before this. */
  overdue(wallMs: number): RunFigures[];
  /** How many runs have no outcome, or one that should still be replaced. */
  waitsFor(): number;
  hasReport(agentId: string, epoch: string, seq: number): boolean;
  job(jobId: string): { targets: number; expiresAtMs: number } | undefined;
  /** Another store took the place of the one before. */
  replaced(disk: DatabaseDisk): void;
}

const REAL: ReadonlySet<string> = new Set([
  'succeeded',
  'failed',
  'timed-out',
  'cancelled',
  'rejected',
  'expired',
]);
/** How far a run is; said here anew, and not taken from the table that is judged. */
const RANK: Readonly<{ [state: string]: number }> = { queued: 0, sent: 1, accepted: 2, running: 3 };

export const isOver = (state: string): boolean => RANK[state] === undefined;
export const isReal = (state: string): boolean => REAL.has(state);

export function createRecord(first: DatabaseDisk): Record {
  let runs = new Map<string, Told>();
  let cursor = 0;
  let eye = statementsOf(first);

  function take(row: EventRow, moved: (told: Told, before: string) => void): void {
    if (row.agent_id === null) return;
    const key = `${row.job_id}/${row.agent_id}`;
    let told = runs.get(key);
    if (!told) {
      told = {
        jobId: row.job_id,
        agentId: row.agent_id,
        states: [],
        state: '',
        attempt: 0,
        reason: undefined,
        output: [],
        outputBytes: 0,
        outputAttempt: 0,
      };
      runs.set(key, told);
    }
    if (row.kind === 'output') takeOutput(told, row);
    else if (row.kind === 'state' && row.state !== null) {
      checkOrder(told, row.state, row.attempt ?? 0);
      const before = told.state;
      told.state = row.state;
      told.reason = row.body === null ? undefined : reasonIn(row.body);
      told.attempt = row.attempt ?? 0;
      told.states.push(row.state);
      moved(told, before);
    }
  }

  return {
    ofJob: (jobId) => [...runs.values()].filter((told) => told.jobId === jobId),
    read(moved) {
      for (const row of eye.events.all(cursor) as unknown as EventRow[]) {
        cursor = row.seq;
        take(row, moved);
      }
    },
    told: (jobId, agentId) => runs.get(`${jobId}/${agentId}`),
    runs: () => eye.runs.all() as unknown as RunFigures[],
    overdue: (wallMs) => eye.overdue.all(Math.round(wallMs)) as unknown as RunFigures[],
    waitsFor: () => Number(eye.waiting.get()?.runs),
    hasReport: (agentId, epoch, seq) => eye.report.get(agentId, epoch, seq) !== undefined,
    job: (jobId) => eye.job.get(jobId) as unknown as { targets: number; expiresAtMs: number } | undefined,
    replaced(disk) {
      eye = statementsOf(disk);
      runs = new Map();
      cursor = 0;
    },
  };
}

interface EventRow {
  seq: number;
  job_id: string;
  agent_id: string | null;
  kind: string;
  state: string | null;
  attempt: number | null;
  position: number | null;
  data: Uint8Array | null;
  body: string | null;
}

function statementsOf({ eye }: DatabaseDisk): {
  [name in 'events' | 'runs' | 'overdue' | 'waiting' | 'report' | 'job']: StatementSync;
} {
  return {
    events: eye.prepare(
      'select seq, job_id, agent_id, kind, state, attempt, position, data, body from run_events where seq > ? order by seq',
    ),
    runs: eye.prepare('select * from runs'),
    overdue: eye.prepare('select * from runs where ended_at_ms is null and deadline_at_ms < ? limit 1'),
    waiting: eye.prepare(`select count(*) as runs from runs where ended_at_ms is null or state = 'lost'`),
    report: eye.prepare('select 1 from reports where agent_id = ? and epoch = ? and report_seq = ?'),
    job: eye.prepare('select targets_count as targets, expires_at_ms as expiresAtMs from jobs where id = ?'),
  };
}

function reasonIn(body: string): string | undefined {
  return (JSON.parse(body) as { outcome?: { reason?: string | null } }).outcome?.reason ?? undefined;
}

function checkOrder(told: Told, next: string, attempt: number): void {
  const before = told.state;
  const say = `the history of a run goes from ${before} to ${next}`;
  if (before === '') return;
  if (attempt < told.attempt)
    throw new Violation(4, `${say}, and back from attempt ${told.attempt} to ${attempt}`);
  if (isReal(before)) throw new Violation(4, `${say}: a real outcome was replaced`);
  if (before === 'lost' && !isOver(next))
    throw new Violation(4, `${say}: only an outcome replaces a lost one`);
  if (before === 'lost' && next === 'lost') throw new Violation(4, `${say}: it was lost twice`);
  if (before === 'interrupted' && !isReal(next) && attempt === told.attempt)
    throw new Violation(4, `${say}: only a real outcome replaces it`);
  // Running may be told again, for its next task.
  const back = (RANK[next] ?? 0) - (RANK[before] ?? 0);
  if (isOver(before) || isOver(next) || attempt !== told.attempt) return;
  if (back < 0 || (back === 0 && next !== 'running')) throw new Violation(4, say);
}

function takeOutput(told: Told, row: EventRow): void {
  const data = row.data ?? new Uint8Array(0);
  // Each attempt has an output of its own.
  if ((row.attempt ?? 0) > told.outputAttempt) Object.assign(told, { output: [], outputBytes: 0 });
  told.outputAttempt = Math.max(told.outputAttempt, row.attempt ?? 0);
  if (row.position !== told.outputBytes)
    throw new Violation(
      6,
      `stored output of a run goes on at ${row.position} after ${told.outputBytes} bytes`,
    );
  told.output.push(data);
  told.outputBytes += data.length;
}
