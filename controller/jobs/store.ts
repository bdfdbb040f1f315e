/** This feature's SQL, one function per statement. */
import { insertMany, k, type Params, query, sql, statement } from '../db/compile.ts';
import type { Row } from '../db/schema.ts';

export type JobRow = Omit<Row<'jobs'>, 'request' | 'retry_of'>;
export type RunRow = Row<'runs'>;
export type RunEventRow = Row<'run_events'>;

const JOB_COLUMNS = [
  'id',
  'kind',
  'title',
  'reason',
  'created_by',
  'created_at_ms',
  'expires_at_ms',
  'timeout_ms',
  'kill_grace_ms',
  'output_cap_bytes',
  'targets_count',
  'open_runs',
  'idempotency_key',
  'request_digest',
  'ended_at_ms',
  'output_pruned_at_ms',
  'order_hash',
  'attempts',
] as const;

export const insertJobs = insertMany('jobs', [...JOB_COLUMNS, 'request', 'retry_of']);

export const insertRuns = insertMany('runs', [
  'job_id',
  'agent_id',
  'target_index',
  'agent_name',
  'agent_epoch',
  'state',
  'sent_at_ms',
  'deadline_at_ms',
  'turn_at_ms',
]);

export const insertEvents = insertMany('run_events', [
  'job_id',
  'agent_id',
  'kind',
  'at_ms',
  'state',
  'attempt',
  'stream',
  'offset',
  'position',
  'data',
  'body',
]);

export const jobById = query((p: Params<{ id: string }>) =>
  k.selectFrom('jobs').select(JOB_COLUMNS).where('id', '=', p('id')),
);

export const jobRequest = query((p: Params<{ id: string }>) =>
  k.selectFrom('jobs').select(['request', 'retry_of']).where('id', '=', p('id')),
);

export const jobByKey = query((p: Params<{ by: string; key: string }>) =>
  k
    .selectFrom('jobs')
    .select(JOB_COLUMNS)
    .where('created_by', '=', p('by'))
    .where('idempotency_key', '=', p('key')),
);

type Edge = { atMs: number; id: string; limit: number };

const before = (p: Params<Edge>) =>
  k
    .selectFrom('jobs')
    .select(JOB_COLUMNS)
    .where((e) =>
      e.or([
        e('created_at_ms', '<', p('atMs')),
        e.and([e('created_at_ms', '=', p('atMs')), e('id', '<', p('id'))]),
      ]),
    )
    .orderBy('created_at_ms', 'desc')
    .orderBy('id', 'desc')
    .limit(p('limit'));

export const jobsBefore = query(before);

export const overBefore = query((p: Params<Edge>) => before(p).where('ended_at_ms', 'is not', null));

export const openJobs = query((_: Params<Record<never, never>>) =>
  k
    .selectFrom('jobs')
    .select(JOB_COLUMNS)
    .where('ended_at_ms', 'is', null)
    .orderBy('created_at_ms')
    .orderBy('id'),
);

export const jobsCount = query((_: Params<Record<never, never>>) =>
  k
    .selectFrom('jobs')
    .select((e) => e.fn.countAll<number>().as('running'))
    .where('ended_at_ms', 'is', null),
);

export const runsOfJob = query((p: Params<{ jobId: string }>) =>
  k.selectFrom('runs').selectAll().where('job_id', '=', p('jobId')).orderBy('target_index'),
);

/** Open runs, the one first of which nothing was heard for the longest time; last those whose turn has not come. */
export const silentRuns = query((p: Params<{ jobId: string; limit: number }>) =>
  k
    .selectFrom('runs')
    .selectAll()
    .where('job_id', '=', p('jobId'))
    .where('ended_at_ms', 'is', null)
    .orderBy(sql`turn_at_ms is null`)
    .orderBy((e) => e.fn.coalesce('word_at_ms', 'sent_at_ms', sql.lit(0)))
    .orderBy('target_index')
    .limit(p('limit')),
);

export const endedRuns = query((p: Params<{ jobId: string }>) =>
  k
    .selectFrom('runs')
    .select(['agent_id', 'state'])
    .where('job_id', '=', p('jobId'))
    .where('ended_at_ms', 'is not', null),
);

export const runById = query((p: Params<{ jobId: string; agentId: string }>) =>
  k.selectFrom('runs').selectAll().where('job_id', '=', p('jobId')).where('agent_id', '=', p('agentId')),
);

export const outputPlace = query((p: Params<{ jobId: string; agentId: string }>) =>
  k
    .selectFrom('runs')
    .innerJoin('jobs', 'jobs.id', 'runs.job_id')
    .select([
      'runs.state',
      'runs.attempt',
      'runs.output_position',
      'jobs.output_cap_bytes',
      'jobs.attempts',
      'jobs.output_pruned_at_ms',
    ])
    .where('runs.job_id', '=', p('jobId'))
    .where('runs.agent_id', '=', p('agentId')),
);

export const openRunsOfAgent = query((p: Params<{ agentId: string }>) =>
  k
    .selectFrom('runs')
    .innerJoin('jobs', 'jobs.id', 'runs.job_id')
    .select([
      'runs.job_id',
      'runs.state',
      'runs.attempt',
      'runs.agent_epoch',
      'runs.output_position',
      'runs.cancel_requested',
      'runs.turn_at_ms',
      'jobs.created_at_ms',
      'jobs.expires_at_ms',
    ])
    .where('runs.agent_id', '=', p('agentId'))
    .where('runs.ended_at_ms', 'is', null)
    .orderBy('jobs.created_at_ms')
    .orderBy('jobs.id'),
);

export const openRunByOrder = query((p: Params<{ agentId: string; orderHash: Uint8Array }>) =>
  k
    .selectFrom('runs')
    .innerJoin('jobs', 'jobs.id', 'runs.job_id')
    .select('runs.job_id')
    .where('runs.agent_id', '=', p('agentId'))
    .where('runs.ended_at_ms', 'is', null)
    .where('jobs.order_hash', '=', p('orderHash')),
);

export const countsOfJob = query((p: Params<{ jobId: string }>) =>
  k
    .selectFrom('run_counts')
    .select(['state', 'runs'])
    .where('job_id', '=', p('jobId'))
    .where('runs', '>', sql.lit(0)),
);

export const countsOfOpenJobs = query((_: Params<Record<never, never>>) =>
  k
    .selectFrom('jobs')
    .innerJoin('run_counts', 'run_counts.job_id', 'jobs.id')
    .select((e) => ['run_counts.state', e.fn.sum<number>('run_counts.runs').as('runs')])
    .where('jobs.ended_at_ms', 'is', null)
    .groupBy('run_counts.state'),
);

/** `runs` more of a job's runs are in this state, or fewer where it is negative. */
export const countRuns = statement((p: Params<{ jobId: string; state: RunRow['state']; runs: number }>) =>
  k
    .insertInto('run_counts')
    .values({ job_id: p('jobId'), state: p('state'), runs: p('runs') })
    .onConflict((conflict) =>
      conflict.columns(['job_id', 'state']).doUpdateSet({ runs: sql`runs + excluded.runs` }),
    ),
);

export const updateRunState = statement(
  (
    p: Params<{
      jobId: string;
      agentId: string;
      state: RunRow['state'];
      attempt: number;
      task: number | null;
      outputPosition: number;
      deadlineAtMs: number | null;
      sentAtMs: number | null;
      acceptedAtMs: number | null;
      startedAtMs: number | null;
      wordAtMs: number | null;
    }>,
  ) =>
    k
      .updateTable('runs')
      .set({
        state: p('state'),
        attempt: p('attempt'),
        task: p('task'),
        output_position: p('outputPosition'),
        deadline_at_ms: p('deadlineAtMs'),
        sent_at_ms: p('sentAtMs'),
        accepted_at_ms: p('acceptedAtMs'),
        started_at_ms: p('startedAtMs'),
        word_at_ms: p('wordAtMs'),
      })
      .where('job_id', '=', p('jobId'))
      .where('agent_id', '=', p('agentId')),
);

export interface EndRunParams {
  jobId: string;
  agentId: string;
  state: RunRow['state'];
  attempt: number;
  endedAtMs: number;
  startedAtMs: number | null;
  reason: string | null;
  code: string | null;
  exitCode: number | null;
  signal: string | null;
  durationMs: number | null;
  outputBytes: number;
  storedBytes: number;
  truncated: 0 | 1;
  reportSeq: number | null;
  results: string | null;
  awaySinceMs: number | null;
  gaps: string;
}

export const endRun = statement((p: Params<EndRunParams>) =>
  k
    .updateTable('runs')
    .set({
      state: p('state'),
      attempt: p('attempt'),
      ended_at_ms: p('endedAtMs'),
      deadline_at_ms: null,
      started_at_ms: p('startedAtMs'),
      reason: p('reason'),
      code: p('code'),
      exit_code: p('exitCode'),
      signal: p('signal'),
      duration_ms: p('durationMs'),
      output_bytes: p('outputBytes'),
      output_stored: p('storedBytes'),
      truncated: p('truncated'),
      report_seq: p('reportSeq'),
      results: p('results'),
      away_since_ms: p('awaySinceMs'),
      gaps: p('gaps'),
    })
    .where('job_id', '=', p('jobId'))
    .where('agent_id', '=', p('agentId')),
);

export const setOutputPosition = statement(
  (p: Params<{ jobId: string; agentId: string; attempt: number; position: number; atMs: number }>) =>
    k
      .updateTable('runs')
      .set({ attempt: p('attempt'), output_position: p('position'), word_at_ms: p('atMs') })
      .where('job_id', '=', p('jobId'))
      .where('agent_id', '=', p('agentId')),
);

export const requestCancel = statement((p: Params<{ jobId: string; agentId: string }>) =>
  k
    .updateTable('runs')
    .set({ cancel_requested: 1 })
    .where('job_id', '=', p('jobId'))
    .where('agent_id', '=', p('agentId')),
);

export const countDownJob = statement((p: Params<{ id: string }>) =>
  k.updateTable('jobs').set({ open_runs: sql`open_runs - 1` }).where('id', '=', p('id')),
);

export const endJob = statement((p: Params<{ id: string; atMs: number }>) =>
  k
    .updateTable('jobs')
    .set({ ended_at_ms: p('atMs') })
    .where('id', '=', p('id')),
);

export const eventsAfter = query((p: Params<{ jobId: string; after: number; limit: number }>) =>
  k
    .selectFrom('run_events')
    .selectAll()
    .where('job_id', '=', p('jobId'))
    .where('seq', '>', p('after'))
    .orderBy('seq')
    .limit(p('limit')),
);

/** Of the whole job; no row is there yet where it has none. */
export const lastEvent = query((p: Params<{ jobId: string }>) =>
  k.selectFrom('run_events').select('seq').where('job_id', '=', p('jobId')).orderBy('seq', 'desc').limit(1),
);

export const agentEventsAfter = query(
  (p: Params<{ jobId: string; agentId: string; after: number; limit: number }>) =>
    k
      .selectFrom('run_events')
      .selectAll()
      .where('job_id', '=', p('jobId'))
      .where((e) => e.or([e('agent_id', '=', p('agentId')), e('agent_id', 'is', null)]))
      .where('seq', '>', p('after'))
      .orderBy('seq')
      .limit(p('limit')),
);
