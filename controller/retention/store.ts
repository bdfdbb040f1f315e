/** The SQL of what goes. Every statement is for a bounded number of rows, and for jobs that are over. */
import { k, type Params, query, sql, statement } from '../db/compile.ts';

export const usageOf = query((p: Params<{ name: string }>) =>
  k.selectFrom('usage').select('bytes').where('name', '=', p('name')),
);

export const oldestJob = query((_: Params<Record<never, never>>) =>
  k.selectFrom('jobs').select('created_at_ms').orderBy('created_at_ms').limit(1),
);

/** A place in the order in which jobs ended. */
export interface Place {
  atMs: number;
  id: string;
}

const after = sql<boolean>`(ended_at_ms, id)`;

/** Jobs of a rollout go with it: once it has ended, and nothing of it is left that could bring hosts back. */
const isFree = (beforeMs: number) => sql<boolean>`not exists (
  select 1 from rollout_jobs as own join rollouts as r on r.id = own.rollout_id
  where own.job_id = jobs.id and (
    r.ended_at_ms is null or r.ended_at_ms >= ${beforeMs} or exists (
      select 1 from rollout_jobs as other join jobs as held on held.id = other.job_id
      where other.rollout_id = r.id and held.ended_at_ms is null
    )
  )
)`;

export const finishedJobs = query((p: Params<Place & { beforeMs: number; limit: number }>) =>
  k
    .selectFrom('jobs')
    .select(['id', 'ended_at_ms', 'output_pruned_at_ms'])
    .where('ended_at_ms', 'is not', null)
    .where('ended_at_ms', '<', p('beforeMs'))
    .where(isFree(p('beforeMs')))
    .where(sql<boolean>`${after} > (${p('atMs')}, ${p('id')})`)
    .orderBy('ended_at_ms')
    .orderBy('id')
    .limit(p('limit')),
);

export const jobsWithOutput = query((p: Params<Place & { beforeMs: number; limit: number }>) =>
  k
    .selectFrom('jobs')
    .select(['id', 'ended_at_ms', 'output_pruned_at_ms'])
    .where('ended_at_ms', 'is not', null)
    .where('output_pruned_at_ms', 'is', null)
    .where('ended_at_ms', '<', p('beforeMs'))
    .where(sql<boolean>`${after} > (${p('atMs')}, ${p('id')})`)
    .orderBy('ended_at_ms')
    .orderBy('id')
    .limit(p('limit')),
);

/** What is stored of the output of all runs of a job. */
export const outputOfJob = query((p: Params<{ jobId: string }>) =>
  k
    .selectFrom('runs')
    .select((e) => e.fn.coalesce(e.fn.sum<number>('output_position'), sql<number>`0`).as('bytes'))
    .where('job_id', '=', p('jobId')),
);

export const markPruned = statement((p: Params<{ jobId: string; atMs: number }>) =>
  k
    .updateTable('jobs')
    .set({ output_pruned_at_ms: p('atMs') })
    .where('id', '=', p('jobId'))
    .where('output_pruned_at_ms', 'is', null)
    .where('ended_at_ms', 'is not', null),
);

const UNDER_WAY = 'pruning';

/** The job whose output is being removed, or was when the process ended. */
export const underWay = query((_: Params<Record<never, never>>) =>
  k.selectFrom('meta').select('value').where('key', '=', sql.lit(UNDER_WAY)),
);

export const noteUnderWay = statement((p: Params<{ value: Uint8Array }>) =>
  k
    .insertInto('meta')
    .values({ key: sql.lit(UNDER_WAY), value: p('value') })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value: sql`excluded.value` })),
);

export const forgetUnderWay = statement((_: Params<Record<never, never>>) =>
  k.deleteFrom('meta').where('key', '=', sql.lit(UNDER_WAY)),
);

/** Rows and what they weigh; the length of a blob is read without the blob. */
export const eventsOfJob = query((p: Params<{ jobId: string; after: number; limit: number }>) =>
  k
    .selectFrom('run_events')
    .select(['seq', 'kind', sql<number>`coalesce(length(data), 0)`.as('bytes')])
    .where('job_id', '=', p('jobId'))
    .where('seq', '>', p('after'))
    .orderBy('seq')
    .limit(p('limit')),
);

export const deleteOutput = statement((p: Params<{ jobId: string; after: number; upTo: number }>) =>
  k
    .deleteFrom('run_events')
    .where('job_id', '=', p('jobId'))
    .where('seq', '>', p('after'))
    .where('seq', '<=', p('upTo'))
    .where('kind', '=', sql.lit('output' as const)),
);

export const deleteEvents = statement((p: Params<{ jobId: string; after: number; upTo: number }>) =>
  k
    .deleteFrom('run_events')
    .where('job_id', '=', p('jobId'))
    .where('seq', '>', p('after'))
    .where('seq', '<=', p('upTo')),
);

export const agentsOfJob = query((p: Params<{ jobId: string; after: string; limit: number }>) =>
  k
    .selectFrom('runs')
    .select('agent_id')
    .where('job_id', '=', p('jobId'))
    .where('agent_id', '>', p('after'))
    .orderBy('agent_id')
    .limit(p('limit')),
);

/**
 * The last report of an agent's chain stays: the next one is checked against it when a journal comes back. So does one with a bad
 * signature: it is evidence.
 */
export const deleteReports = statement((p: Params<{ jobId: string; after: string; upTo: string }>) =>
  k
    .deleteFrom('reports')
    .where('job_id', '=', p('jobId'))
    .where('agent_id', '>', p('after'))
    .where('agent_id', '<=', p('upTo'))
    .where('verified', '=', sql.lit(1 as const))
    .where((e) =>
      e.exists(
        e
          .selectFrom('reports as later')
          .select(sql`1`.as('one'))
          .whereRef('later.agent_id', '=', 'reports.agent_id')
          .whereRef('later.epoch', '=', 'reports.epoch')
          .whereRef('later.report_seq', '>', 'reports.report_seq'),
      ),
    ),
);

export const deleteRuns = statement((p: Params<{ jobId: string; after: string; upTo: string }>) =>
  k
    .deleteFrom('runs')
    .where('job_id', '=', p('jobId'))
    .where('agent_id', '>', p('after'))
    .where('agent_id', '<=', p('upTo')),
);

/** With whatever hangs on it still. */
export const deleteJob = statement((p: Params<{ jobId: string }>) =>
  k.deleteFrom('jobs').where('id', '=', p('jobId')).where('ended_at_ms', 'is not', null),
);

export const rolloutOfJob = query((p: Params<{ jobId: string }>) =>
  k.selectFrom('rollout_jobs').select('rollout_id').where('job_id', '=', p('jobId')),
);

export const rolloutEvents = query((p: Params<{ rolloutId: string; limit: number }>) =>
  k
    .selectFrom('rollout_events')
    .select('seq')
    .where('rollout_id', '=', p('rolloutId'))
    .orderBy('seq')
    .limit(p('limit')),
);

export const deleteRolloutEvents = statement((p: Params<{ rolloutId: string; upTo: number }>) =>
  k.deleteFrom('rollout_events').where('rollout_id', '=', p('rolloutId')).where('seq', '<=', p('upTo')),
);

/** With its waves and hosts. */
export const deleteRollout = statement((p: Params<{ rolloutId: string }>) =>
  k.deleteFrom('rollouts').where('id', '=', p('rolloutId')),
);
