import { MusterError } from '../../proto/errors.ts';
import type { Changes } from './changes.ts';
import type { Deliveries } from './deliver.ts';
import type { Actor, JobsPorts } from './ports.ts';
import { isOpen, NO_OUTCOME } from './run.ts';
import { jobById, type RunRow, requestCancel, runsOfJob } from './store.ts';
import { jobEvent } from './transition.ts';

/** Which runs; nothing said: all that are not over. */
export interface CancelRequest {
  agentIds?: readonly string[] | undefined;
  targets?: string | undefined;
  selector?: string | undefined;
}

/**
 * Ends what can be ended. What was not sent yet is cancelled here and now; what was is told to its agent, now or when it comes
 * back, and counts as cancelled when the agent says so. Resolves with how many runs that concerns.
 * Throws MusterError: no-such-job, job-over, no-such-agent, nobody-matched, bad-target, bad-selector.
 */
export async function cancelJob(
  ports: JobsPorts,
  changes: Changes,
  deliveries: Deliveries,
  jobId: string,
  actor: Actor,
  only: CancelRequest = {},
): Promise<{ cancelled: number }> {
  const { db, clock, audit, bus } = ports;
  const [job] = await db.read(jobById({ id: jobId }));
  if (!job) throw new MusterError('no-such-job', jobId);
  if (job.ended_at_ms !== null) throw new MusterError('job-over', jobId);
  const runs = await db.read(runsOfJob({ jobId }));
  const wanted = wantedOf(ports, runs, only);
  const open = runs.filter((run) => isOpen(run.state) && (!wanted || wanted.has(run.agent_id)));
  const reason = `cancelled by ${actor.name}`;
  const outcome = { ...NO_OUTCOME, reason };
  await changes.commit((change) => [
    ...open.map((run) => requestCancel({ jobId, agentId: run.agent_id })),
    ...jobEvent(jobId, 'cancelled', actor.name, clock.now()),
    audit.entry(actor, 'job.cancel', {
      job: jobId,
      runs: open.length,
      ...(wanted ? { agents: [...wanted] } : {}),
    }),
    ...open
      .filter((run) => run.state === 'queued')
      .map((run) => change({ jobId, agentId: run.agent_id, from: 'queued', to: 'cancelled', outcome })),
  ]);
  bus.emit({ type: 'job-changed', jobId });
  // Not only what was sent when it was read: a queued run may have been sent meanwhile.
  await deliveries.cancel(
    jobId,
    open.map((run) => run.agent_id),
  );
  return { cancelled: open.length };
}

function wantedOf(
  { inventory }: Pick<JobsPorts, 'inventory'>,
  runs: readonly RunRow[],
  { agentIds, targets, selector }: CancelRequest,
): ReadonlySet<string> | undefined {
  const ofJob = new Set(runs.map((run) => run.agent_id));
  const stranger = agentIds?.find((id) => !ofJob.has(id));
  if (stranger !== undefined) throw new MusterError('no-such-agent', `${stranger} is no target of this job`);
  if (targets === undefined && selector === undefined) return agentIds && new Set(agentIds);
  const named = agentIds && new Set(agentIds);
  const meant = inventory
    .list({ targets, selector })
    .map((agent) => agent.id)
    .filter((id) => ofJob.has(id) && (!named || named.has(id)));
  if (meant.length === 0) throw new MusterError('nobody-matched', 'none of the hosts of this job');
  return new Set(meant);
}
