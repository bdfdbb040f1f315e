/** The SQL of what a restored database must not go on with as if no time had passed. */
import { k, type Params, query, sql, statement } from '../db/compile.ts';

type None = Record<never, never>;

/** Runs that had not left at the backup. `waits`: for its turn in a batch. */
export const queuedRuns = query((_: Params<None>) =>
  k
    .selectFrom('runs')
    .leftJoin('pace', 'pace.job_id', 'runs.job_id')
    .select([
      'runs.job_id',
      'runs.agent_id',
      sql<0 | 1>`runs.turn_at_ms is null and pace.job_id is not null`.as('waits'),
    ])
    .where('runs.ended_at_ms', 'is', null)
    .where('runs.state', '=', sql.lit('queued' as const)),
);

export const openTokens = query((_: Params<None>) =>
  k.selectFrom('tokens').select('id').where('revoked_at_ms', 'is', null).where('uses_left', '>', 0),
);

export const revokeOpenTokens = statement((p: Params<{ nowMs: number }>) =>
  k
    .updateTable('tokens')
    .set({ revoked_at_ms: p('nowMs') })
    .where('revoked_at_ms', 'is', null)
    .where('uses_left', '>', 0),
);

export const openJobIds = query((_: Params<None>) =>
  k.selectFrom('jobs').select('id').where('ended_at_ms', 'is', null).orderBy('created_at_ms'),
);

export const activeOperators = query((_: Params<None>) =>
  k.selectFrom('operators').select('name').where('revoked_at_ms', 'is', null).orderBy('name'),
);

export const countAgents = query((_: Params<None>) =>
  k
    .selectFrom('agents')
    .select((e) => e.fn.countAll<number>().as('agents'))
    .where('removed_at_ms', 'is', null),
);

export const openRolloutIds = query((_: Params<None>) =>
  k.selectFrom('rollouts').select('id').where('ended_at_ms', 'is', null).orderBy('created_at_ms'),
);

export const stopRollout = statement((p: Params<{ id: string; reason: string }>) =>
  k
    .updateTable('rollouts')
    .set({ state: sql.lit('stopped' as const), reason: p('reason') })
    .where('id', '=', p('id')),
);

export const tellRollout = statement((p: Params<{ id: string; reason: string; nowMs: number }>) =>
  k.insertInto('rollout_events').values({
    ...{ rollout_id: p('id'), at_ms: p('nowMs'), what: sql.lit('state'), to: sql.lit('stopped') },
    ...{ wave: null, agent_id: null, by: null, reason: p('reason') },
  }),
);
