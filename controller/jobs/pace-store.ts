/** The SQL of jobs that do not go to everybody at once, or that give up after too many failures. */
import { insertMany, k, type Params, query, sql, statement } from '../db/compile.ts';

export const insertPace = insertMany('pace', ['job_id', 'batch', 'max_failures', 'ttl_ms', 'waiting']);

export const paceOfJob = query((p: Params<{ jobId: string }>) =>
  k.selectFrom('pace').selectAll().where('job_id', '=', p('jobId')),
);

/** So many runs less have a turn before them. */
export const countWaitingDown = statement((p: Params<{ jobId: string; runs: number }>) =>
  k
    .updateTable('pace')
    .set({ waiting: sql`waiting - ${p('runs')}` })
    .where('job_id', '=', p('jobId')),
);

/** Whose turn comes next, in their order. */
export const waitingRuns = query((p: Params<{ jobId: string; limit: number }>) =>
  k
    .selectFrom('runs')
    .select('agent_id')
    .where('job_id', '=', p('jobId'))
    .where('turn_at_ms', 'is', null)
    .where('ended_at_ms', 'is', null)
    .orderBy('target_index')
    .limit(p('limit')),
);

export const queuedRuns = query((p: Params<{ jobId: string }>) =>
  k
    .selectFrom('runs')
    .select('agent_id')
    .where('job_id', '=', p('jobId'))
    .where('state', '=', 'queued')
    .where('ended_at_ms', 'is', null)
    .orderBy('target_index'),
);

export const giveTurn = statement(
  (p: Params<{ jobId: string; agentId: string; turnAtMs: number; deadlineAtMs: number }>) =>
    k
      .updateTable('runs')
      .set({ turn_at_ms: p('turnAtMs'), deadline_at_ms: p('deadlineAtMs') })
      .where('job_id', '=', p('jobId'))
      .where('agent_id', '=', p('agentId')),
);

/** A run that its agent can be handed, and for how long after its turn; `ttl_ms` is null where the order alone decides. */
export const runToSend = query((p: Params<{ jobId: string; agentId: string }>) =>
  k
    .selectFrom('runs')
    .leftJoin('pace', 'pace.job_id', 'runs.job_id')
    .select(['runs.state', 'runs.turn_at_ms', 'pace.ttl_ms'])
    .where('runs.job_id', '=', p('jobId'))
    .where('runs.agent_id', '=', p('agentId')),
);
