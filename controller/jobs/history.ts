/** What is told of jobs: lists, one job, and the pages of its history that live views and replays read alike. */
import { MusterError } from '../../proto/errors.ts';
import { DEFAULTS } from './due.ts';
import { paceOfJob } from './pace-store.ts';
import type { JobsPorts } from './ports.ts';
import type { Asked, JobRequest } from './request.ts';
import { type Change, changeOf, resultsIn, type TaskResult } from './results.ts';
import { isOpen, type Outcome, type RunState } from './run.ts';
import {
  agentEventsAfter,
  countsOfJob,
  countsOfOpenJobs,
  eventsAfter,
  type JobRow,
  jobById,
  jobRequest,
  jobsBefore,
  jobsCount,
  lastEvent,
  openJobs,
  overBefore,
  type RunEventRow,
  type RunRow,
  runById,
  runsOfJob,
  silentRuns,
} from './store.ts';
import { type JobKind, nameOf } from './task.ts';

export type Counts = Partial<Record<RunState, number>>;
export type JobState = 'running' | 'over';

export interface JobSummary {
  job: string;
  state: JobState;
  kind: JobKind;
  title: string;
  targets: number;
  counts: Counts;
  actor: string;
  reason: string | null;
  createdAtMs: number;
  expiresAtMs: number;
  endedAtMs: number | null;
  /** From then on no output of it is kept; states and outcomes are. */
  outputPrunedAtMs: number | null;
}

export interface RunDetail extends Outcome {
  agent: string;
  agentId: string;
  state: RunState;
  attempt: number;
  task: number | null;
  tasks: (TaskResult & { name: string })[];
  change: Change | null;
  turnAtMs: number | null;
  sendByMs: number | null;
  online: boolean;
  lastSeenMs: number | null;
  wordAtMs: number | null;
  sentAtMs: number | null;
  acceptedAtMs: number | null;
  startedAtMs: number | null;
  endedAtMs: number | null;
}

/** Runs that have no outcome yet, as they are now. */
export interface Waiting {
  nowMs: number;
  expiresAtMs: number;
  /** How many there are; `runs` has those of which nothing was heard for the longest time. */
  total: number;
  runs: Pick<
    RunDetail,
    | 'agent'
    | 'agentId'
    | 'state'
    | 'attempt'
    | 'task'
    | 'turnAtMs'
    | 'sendByMs'
    | 'online'
    | 'lastSeenMs'
    | 'wordAtMs'
    | 'sentAtMs'
  >[];
}

export interface JobDetail extends JobSummary {
  asked: Pick<Asked, never> & {
    targets?: string;
    selector?: string;
    limit?: string;
    seed?: number;
    failedOf?: string;
    states?: string;
  };
  timeoutMs: number;
  tasks: string[];
  retryOf: string | null;
  pace: { batch: number | null; maxFailures: number | null; waiting: number } | null;
  runs: RunDetail[];
}

export type RunProgress = Pick<RunDetail, 'attempt' | 'state' | 'storedBytes'> &
  Pick<JobSummary, 'outputPrunedAtMs'> & { tasks: TaskResult[] };

interface At {
  seq: number;
  atMs: number;
}

export type RunEvent =
  | (At & {
      kind: 'output';
      agentId: string;
      attempt: number;
      stream: 'stdout' | 'stderr';
      offset: number;
      position: number;
      data: Uint8Array;
    })
  | (At & {
      kind: 'state';
      agentId: string;
      attempt: number;
      state: RunState;
      task: number | null;
      outcome: Outcome | null;
      tasks: TaskResult[];
    })
  | (At & { kind: 'job'; what: 'created' | 'cancelled' | 'ended'; by: string | null });

export interface EventPage {
  events: RunEvent[];
  over: boolean;
  readTo: number;
}

export interface History {
  list(query: { limit: number; before?: string; state?: JobState }): Promise<JobSummary[]>;
  show(jobId: string): Promise<JobDetail>;
  waiting(jobId: string, limit: number): Promise<Waiting>;
  events(jobId: string, afterSeq: number, limit: number, agentId?: string): Promise<EventPage>;
  progress(jobId: string, agentId: string): Promise<RunProgress>;
  figures(): Promise<{ runs: Counts; jobs: Record<JobState, number> }>;
}

export function createHistory({
  db,
  inventory,
  clock,
}: Pick<JobsPorts, 'db' | 'inventory' | 'clock'>): History {
  async function find(jobId: string): Promise<JobRow> {
    const [job] = await db.read(jobById({ id: jobId }));
    if (!job) throw new MusterError('no-such-job', jobId);
    return job;
  }

  async function countsOf(jobId: string): Promise<Counts> {
    const rows = await db.read(countsOfJob({ jobId }));
    return Object.fromEntries(rows.map((row) => [row.state, row.runs]));
  }

  function presenceOf(run: RunRow): Pick<RunDetail, 'online' | 'lastSeenMs'> {
    const agent = inventory.get(run.agent_id);
    if (agent?.online) return { online: true, lastSeenMs: clock.now() };
    return { online: false, lastSeenMs: agent?.lastSeenMs ?? null };
  }

  async function summary(job: JobRow): Promise<JobSummary> {
    return {
      job: job.id,
      state: job.ended_at_ms === null ? 'running' : 'over',
      kind: job.kind,
      title: job.title,
      targets: job.targets_count,
      counts: await countsOf(job.id),
      actor: job.created_by,
      reason: job.reason,
      createdAtMs: job.created_at_ms,
      expiresAtMs: job.expires_at_ms,
      endedAtMs: job.ended_at_ms,
      outputPrunedAtMs: job.output_pruned_at_ms,
    };
  }

  async function page(query: { limit: number; before?: string; state?: JobState }): Promise<JobRow[]> {
    if (query.state === 'running') {
      const open = (await db.read(openJobs())).reverse();
      const from = query.before ? open.findIndex((job) => job.id === query.before) + 1 : 0;
      return open.slice(from, from + query.limit);
    }
    let edge = { atMs: Number.MAX_SAFE_INTEGER, id: '' };
    if (query.before) {
      const before = await find(query.before);
      edge = { atMs: before.created_at_ms, id: before.id };
    }
    return db.read((query.state === 'over' ? overBefore : jobsBefore)({ ...edge, limit: query.limit }));
  }

  return {
    async list(query) {
      return Promise.all((await page(query)).map(summary));
    },
    async show(jobId) {
      const job = await find(jobId);
      const [request] = await db.read(jobRequest({ id: jobId }));
      const [pace] = await db.read(paceOfJob({ jobId }));
      const asked = JSON.parse(request?.request ?? '{}') as JobDetail['asked'] & Partial<JobRequest>;
      const { targets, selector, limit, seed, failedOf, states, tasks = [] } = asked;
      const names = tasks.map(nameOf);
      return {
        ...(await summary(job)),
        asked: {
          ...(targets === undefined ? {} : { targets }),
          ...(selector === undefined ? {} : { selector }),
          ...(limit === undefined ? {} : { limit }),
          ...(seed === undefined ? {} : { seed }),
          ...(failedOf === undefined ? {} : { failedOf }),
          ...(states === undefined ? {} : { states }),
        },
        timeoutMs: asked.timeoutMs ?? DEFAULTS.timeoutMs,
        ...{ tasks: names, retryOf: request?.retry_of ?? null },
        pace: pace ? { batch: pace.batch, maxFailures: pace.max_failures, waiting: pace.waiting } : null,
        runs: (await db.read(runsOfJob({ jobId }))).map((run) => ({
          ...runDetail(run, names),
          ...presenceOf(run),
        })),
      };
    },
    async waiting(jobId, limit) {
      const job = await find(jobId);
      return {
        nowMs: clock.now(),
        expiresAtMs: job.expires_at_ms,
        total: job.open_runs,
        runs: (await db.read(silentRuns({ jobId, limit }))).map((run) => ({
          agent: run.agent_name,
          agentId: run.agent_id,
          state: run.state,
          attempt: run.attempt,
          task: run.task,
          turnAtMs: run.turn_at_ms,
          sendByMs: sendByOf(run),
          wordAtMs: run.word_at_ms,
          sentAtMs: run.sent_at_ms,
          ...presenceOf(run),
        })),
      };
    },
    async progress(jobId, agentId) {
      const { output_pruned_at_ms: outputPrunedAtMs } = await find(jobId);
      const [run] = await db.read(runById({ jobId, agentId }));
      if (!run) throw new MusterError('no-such-agent', `${agentId} is no target of this job`);
      const { attempt, state, output_stored: storedBytes } = run;
      return { attempt, state, storedBytes, tasks: resultsIn(run), outputPrunedAtMs };
    },
    async events(jobId, afterSeq, limit, agentId) {
      // First whether it is over, then the page: a job that ends in between is found over at the next page.
      const job = await find(jobId);
      const [last] = await db.read(lastEvent({ jobId }));
      const rows = await db.read(
        agentId === undefined
          ? eventsAfter({ jobId, after: afterSeq, limit })
          : agentEventsAfter({ jobId, agentId, after: afterSeq, limit }),
      );
      const readTo = Math.max(rows.at(-1)?.seq ?? afterSeq, rows.length < limit ? (last?.seq ?? 0) : 0);
      return { events: rows.map(eventOf), over: job.ended_at_ms !== null, readTo };
    },
    async figures() {
      const open = (await db.read(countsOfOpenJobs())).filter((row) => isOpen(row.state) && row.runs > 0);
      const [jobs] = await db.read(jobsCount());
      return {
        runs: Object.fromEntries(open.map((row) => [row.state, row.runs])),
        jobs: { running: jobs?.running ?? 0, over: 0 },
      };
    },
  };
}

function runDetail(run: RunRow, names: readonly string[]): Omit<RunDetail, 'online' | 'lastSeenMs'> {
  const results = resultsIn(run);
  return {
    agent: run.agent_name,
    agentId: run.agent_id,
    state: run.state,
    attempt: run.attempt,
    task: run.task,
    tasks: results.map((result) => ({ ...result, name: names[result.index] ?? '' })),
    change: changeOf(results),
    turnAtMs: run.turn_at_ms,
    sendByMs: sendByOf(run),
    sentAtMs: run.sent_at_ms,
    acceptedAtMs: run.accepted_at_ms,
    startedAtMs: run.started_at_ms,
    endedAtMs: run.ended_at_ms,
    exitCode: run.exit_code,
    signal: run.signal,
    durationMs: run.duration_ms,
    outputBytes: run.output_bytes,
    storedBytes: run.output_stored,
    truncated: run.truncated === 1,
    reason: run.reason,
    code: run.code,
    awaySinceMs: run.away_since_ms,
    gaps: JSON.parse(run.gaps) as Outcome['gaps'],
    wordAtMs: run.word_at_ms,
  };
}

function eventOf(row: RunEventRow): RunEvent {
  const at = { seq: row.seq, atMs: row.at_ms };
  const body: unknown = row.body === null ? null : JSON.parse(row.body);
  switch (row.kind) {
    case 'output':
      return {
        ...at,
        kind: 'output',
        agentId: row.agent_id ?? '',
        attempt: row.attempt ?? 0,
        stream: row.stream ?? 'stdout',
        offset: row.offset ?? 0,
        position: row.position ?? 0,
        data: row.data ?? new Uint8Array(0),
      };
    case 'state':
      return {
        ...at,
        kind: 'state',
        agentId: row.agent_id ?? '',
        attempt: row.attempt ?? 0,
        state: row.state ?? 'queued',
        task: row.state === 'running' ? (body as { task: number | null }).task : null,
        ...(isOpen(row.state ?? 'queued')
          ? { outcome: null, tasks: [] }
          : (body as { outcome: Outcome; tasks: TaskResult[] })),
      };
    case 'job': {
      const { what, by } = body as { what: 'created' | 'cancelled' | 'ended'; by: string | null };
      return { ...at, kind: 'job', what, by };
    }
  }
}

/** What is due of a queued run is the end of its wait. */
function sendByOf(run: RunRow): number | null {
  return run.state === 'queued' ? run.deadline_at_ms : null;
}
