import { MusterError } from '../../proto/errors.ts';
import type { Jobs } from '../jobs/engine.ts';
import type { Active } from './active.ts';
import { type Actor, SYSTEM } from './ports.ts';
import type { Decision } from './reconcile.ts';

/** Said once: what an agent was told, or will be when it comes back, needs no saying again. */
export async function cancelRuns(
  jobs: Pick<Jobs, 'cancel'>,
  active: Active,
  { cancels }: Decision,
  actor: Actor = SYSTEM,
): Promise<void> {
  const byStep = new Map<string, string[]>();
  for (const { hostId, step } of cancels) {
    const key = `${step} ${hostId}`;
    if (active.cancelled.has(key)) continue;
    active.cancelled.add(key);
    const probing = step === 'check' ? active.probings.get(hostId) : undefined;
    if (probing) {
      probing.abort();
      active.probings.delete(hostId);
      const outcome = { reason: 'cancelled', code: null, rebooted: false, changed: null };
      active.words.push({ of: 'step', hostId, step, outcome: { ...outcome, state: 'cancelled' } });
    }
    const jobId = active.jobs.get(step);
    if (jobId !== undefined) byStep.set(jobId, [...(byStep.get(jobId) ?? []), hostId]);
  }
  for (const [jobId, agentIds] of byStep)
    try {
      await jobs.cancel(jobId, actor, { agentIds });
    } catch (error) {
      if (!(error instanceof MusterError && error.code === 'job-over')) throw error;
    }
}
