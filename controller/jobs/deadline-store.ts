/** The SQL of what nobody answers for. */
import { k, type Params, query, sql, statement } from '../db/compile.ts';
import type { RunRow } from './store.ts';

export const dueRuns = query((p: Params<{ nowMs: number; limit: number }>) =>
  k
    .selectFrom('runs')
    .select(['job_id', 'agent_id', 'state', 'turn_at_ms'])
    .where('ended_at_ms', 'is', null)
    .where('deadline_at_ms', '<=', p('nowMs'))
    .orderBy('deadline_at_ms')
    .limit(p('limit')),
);

export const nextDeadline = query((_: Params<Record<never, never>>) =>
  k
    .selectFrom('runs')
    .select((e) => e.fn.min('deadline_at_ms').as('at_ms'))
    .where('ended_at_ms', 'is', null),
);

/** The scale of deadlines moved. */
export const moveDeadlines = statement((p: Params<{ byMs: number }>) =>
  k
    .updateTable('runs')
    .set({
      deadline_at_ms: sql`deadline_at_ms + ${p('byMs')}`,
      turn_at_ms: sql`turn_at_ms + ${p('byMs')}`,
    })
    .where('ended_at_ms', 'is', null),
);

/** No run of a job in this state is waited for longer than this. */
export const capDeadlines = statement((p: Params<{ jobId: string; state: RunRow['state']; atMs: number }>) =>
  k
    .updateTable('runs')
    .set({ deadline_at_ms: p('atMs') })
    .where('job_id', '=', p('jobId'))
    .where('ended_at_ms', 'is', null)
    .where('state', '=', p('state'))
    .where('deadline_at_ms', '>', p('atMs')),
);

/** The same, of those whose turn has come. */
export const capAfterTurn = statement((p: Params<{ jobId: string; state: RunRow['state']; atMs: number }>) =>
  k
    .updateTable('runs')
    .set({ deadline_at_ms: p('atMs') })
    .where('job_id', '=', p('jobId'))
    .where('ended_at_ms', 'is', null)
    .where('state', '=', p('state'))
    .where('deadline_at_ms', '>', p('atMs'))
    .where('turn_at_ms', 'is not', null),
);

/** No turn came later than now. */
export const capTurns = statement((p: Params<{ jobId: string; nowMs: number }>) =>
  k
    .updateTable('runs')
    .set({ turn_at_ms: p('nowMs') })
    .where('job_id', '=', p('jobId'))
    .where('ended_at_ms', 'is', null)
    .where('turn_at_ms', '>', p('nowMs')),
);

/** What an agent may know of is waited for at least until this. */
export const spareDeadlines = statement((p: Params<{ atMs: number }>) =>
  k
    .updateTable('runs')
    .set({ deadline_at_ms: p('atMs') })
    .where('ended_at_ms', 'is', null)
    .where('deadline_at_ms', '<', p('atMs'))
    .where('state', '<>', 'queued'),
);
