/** This feature's SQL, one function per statement. */
import { insertMany, k, type Params, query, sql, statement } from '../db/compile.ts';
import type { Row } from '../db/schema.ts';

export type ContentRow = Row<'contents'>;

export const insertContents = insertMany('contents', [
  'sha512',
  'length',
  'key_box',
  'state',
  'created_at_ms',
  'used_at_ms',
]);

export const insertJobContents = insertMany('job_contents', ['job_id', 'sha512']);

export const contentByDigest = query((p: Params<{ sha512: string }>) =>
  k.selectFrom('contents').selectAll().where('sha512', '=', p('sha512')),
);

export const allContents = query((_: Params<Record<never, never>>) =>
  k.selectFrom('contents').select(['sha512', 'length', 'state']),
);

export const contentUsed = statement((p: Params<{ sha512: string; nowMs: number }>) =>
  k
    .updateTable('contents')
    .set({ used_at_ms: p('nowMs') })
    .where('sha512', '=', p('sha512')),
);

export const contentCompleted = statement((p: Params<{ sha512: string; nowMs: number }>) =>
  k
    .updateTable('contents')
    .set({ state: 'complete', used_at_ms: p('nowMs') })
    .where('sha512', '=', p('sha512')),
);

/** Nothing where it is not here whole. A later time than this one stays. */
export const contentPublished = statement((p: Params<{ sha512: string; untilMs: number }>) =>
  k
    .updateTable('contents')
    .set({ public_until_ms: sql<number>`max(coalesce(public_until_ms, 0), ${p('untilMs')})` })
    .where('sha512', '=', p('sha512'))
    .where('state', '=', 'complete'),
);

export const publicContent = query((p: Params<{ sha512: string; nowMs: number }>) =>
  k
    .selectFrom('contents')
    .select(['length', 'key_box'])
    .where('sha512', '=', p('sha512'))
    .where('state', '=', 'complete')
    .where('public_until_ms', '>', p('nowMs')),
);

/** Everything that a job names was used now. */
export const usedByJob = statement((p: Params<{ jobId: string; nowMs: number }>) =>
  k
    .updateTable('contents')
    .set({ used_at_ms: p('nowMs') })
    .where('sha512', 'in', k.selectFrom('job_contents').select('sha512').where('job_id', '=', p('jobId'))),
);

/** The content, where a run of this agent that is not over belongs to a job that names it. */
export const contentForRun = query((p: Params<{ jobId: string; agentId: string; sha512: string }>) =>
  k
    .selectFrom('job_contents')
    .innerJoin('runs', 'runs.job_id', 'job_contents.job_id')
    .innerJoin('contents', 'contents.sha512', 'job_contents.sha512')
    .select(['contents.length', 'contents.key_box'])
    .where('job_contents.job_id', '=', p('jobId'))
    .where('job_contents.sha512', '=', p('sha512'))
    .where('runs.agent_id', '=', p('agentId'))
    .where('runs.ended_at_ms', 'is', null)
    .where('contents.state', '=', 'complete'),
);

/** Used and public last before a time, and named by no job that is alive or ended later. */
const staleSince = (cutoffMs: number) =>
  sql<boolean>`contents.used_at_ms < ${cutoffMs} and coalesce(contents.public_until_ms, 0) < ${cutoffMs} and not exists (
    select 1 from job_contents named join jobs on jobs.id = named.job_id
    where named.sha512 = contents.sha512 and (jobs.ended_at_ms is null or jobs.ended_at_ms >= ${cutoffMs})
  )`;

export const staleContents = query((p: Params<{ cutoffMs: number; limit: number }>) =>
  k
    .selectFrom('contents')
    .select('sha512')
    .where(staleSince(p('cutoffMs')))
    .orderBy('used_at_ms')
    .limit(p('limit')),
);

export const staleContent = query((p: Params<{ sha512: string; cutoffMs: number }>) =>
  k
    .selectFrom('contents')
    .select('sha512')
    .where('sha512', '=', p('sha512'))
    .where(staleSince(p('cutoffMs'))),
);

/** The sealed bytes are not all there any more: they can be uploaded again, under the same key. */
export const contentDamaged = statement((p: Params<{ sha512: string }>) =>
  k.updateTable('contents').set({ state: 'partial' }).where('sha512', '=', p('sha512')),
);

/** Unless a job names it. */
export const deleteUnnamed = statement((p: Params<{ sha512: string }>) =>
  k
    .deleteFrom('contents')
    .where('sha512', '=', p('sha512'))
    .where(
      'sha512',
      'not in',
      k.selectFrom('job_contents').select('sha512').where('sha512', '=', p('sha512')),
    ),
);

export const unnameContent = statement((p: Params<{ sha512: string }>) =>
  k.deleteFrom('job_contents').where('sha512', '=', p('sha512')),
);

export const deleteContent = statement((p: Params<{ sha512: string }>) =>
  k.deleteFrom('contents').where('sha512', '=', p('sha512')),
);
