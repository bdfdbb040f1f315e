import { MusterError } from '../../proto/errors.ts';
import { paceOfJob } from './pace-store.ts';
import type { JobsPorts } from './ports.ts';
import { digestsIn, type Kept, recalled } from './remembered.ts';
import type { Asked, JobRequest, PaceAsked } from './request.ts';
import { jobRequest } from './store.ts';

/** What a job is done again with; what is left out is as it was. */
export interface RetryRequest extends Omit<Asked, 'failedOf'>, PaceAsked {
  timeoutMs?: number | undefined;
  ttlMs?: number | undefined;
  reason?: string | undefined;
  idempotencyKey?: string | undefined;
}

/** The batch of a job whose runs wait for turns from outside. */
const HELD = 0;

/**
 * The request of a job once more, for those of its targets that did not succeed. Throws MusterError: no-such-job,
 * retry-incomplete, bad-request (of a job that is held).
 */
export async function retryRequest(
  { db, contents }: Pick<JobsPorts, 'db' | 'contents'>,
  jobId: string,
  retry: RetryRequest,
): Promise<JobRequest> {
  const [row] = await db.read(jobRequest({ id: jobId }));
  if (!row) throw new MusterError('no-such-job', jobId);
  const [pace] = await db.read(paceOfJob({ jobId }));
  if (pace?.batch === HELD)
    throw new MusterError(
      'bad-request',
      'it is a step of a rollout, which gives each host its turn: done again by itself it would go to all of them at once; resume the rollout, or start another',
    );
  const kept = JSON.parse(row.request) as Kept;
  const keys = new Map<string, string>();
  for (const sha512 of digestsIn(kept)) {
    const key = await contents.keyOf(sha512);
    if (key !== undefined) keys.set(sha512, key);
  }
  // Why it was done the first time is in the history of that job.
  const { reason: _, ...before } = recalled(kept, keys);
  return { ...before, ...retry, failedOf: jobId, retryOf: jobId };
}
