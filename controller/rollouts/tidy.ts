import type { Database } from '../db/database.ts';
import type { Jobs } from '../jobs/engine.ts';
import { queuedRuns } from '../jobs/pace-store.ts';
import { uselessJobs } from './store.ts';

/** In one transaction; a few milliseconds. */
const AT_ONCE = 200;

/** Withdraws what is held for steps that nothing comes to any more: of this rollout, or of all that have ended. */
export async function tidy(
  { db, jobs }: { db: Database; jobs: Pick<Jobs, 'direct'> },
  rollout?: string,
): Promise<void> {
  for (const { job_id: jobId, rollout_id } of await db.read(uselessJobs())) {
    if (rollout !== undefined && rollout_id !== rollout) continue;
    const held = await db.read(queuedRuns({ jobId }));
    for (let at = 0; at < held.length; at += AT_ONCE)
      await jobs.direct((direct) =>
        held
          .slice(at, at + AT_ONCE)
          .map((run) => direct.withdraw(jobId, run.agent_id, 'the rollout ended before its turn')),
      );
  }
}
