/** The SQL of agents that removed themselves. */
import { k, type Params, query, sql } from '../db/compile.ts';

/** What an uninstall that succeeded has left to do, also after a crash in between. */
export const uninstalledAgents = query((_: Params<Record<never, never>>) =>
  k
    .selectFrom('jobs')
    .innerJoin('runs', 'runs.job_id', 'jobs.id')
    .innerJoin('agents', 'agents.id', 'runs.agent_id')
    .select(['runs.agent_id', 'runs.job_id', 'jobs.created_by'])
    .where('jobs.kind', '=', sql.lit('uninstall' as const))
    .where('runs.state', '=', sql.lit('succeeded' as const))
    .where('agents.removed_at_ms', 'is', null),
);
