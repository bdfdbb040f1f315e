import { MusterError } from '../../proto/errors.ts';
import type { JobAgent, JobsPorts } from './ports.ts';
import type { Asked } from './request.ts';
import { isOpen, RUN_STATES, type RunState } from './run.ts';
import { endedRuns, jobById } from './store.ts';

/**
 * Who is meant, also where that is who did not succeed in an earlier job: those of them that are still active, and that targets
 * and selector mean where there are any. Throws MusterError: no-such-job, bad-request, and what the inventory throws.
 */
export async function meant(
  { db, inventory }: Pick<JobsPorts, 'db' | 'inventory'>,
  query: Asked,
): Promise<JobAgent[]> {
  const { failedOf, states, ...rest } = query;
  if (failedOf === undefined) {
    if (states !== undefined) throw new MusterError('bad-request', 'states is of failedOf');
    return inventory.meant(rest);
  }
  const wanted = states === undefined ? UNSUCCESSFUL : statesOf(states);
  const [job] = await db.read(jobById({ id: failedOf }));
  if (!job) throw new MusterError('no-such-job', failedOf);
  const ended = await db.read(endedRuns({ jobId: failedOf }));
  const among = new Set(ended.filter((run) => wanted.has(run.state)).map((run) => run.agent_id));
  return inventory.meant({ ...rest, among });
}

/** Ended without success; also those that were cancelled, so that what a failing job left out is done by the next one. */
const UNSUCCESSFUL: ReadonlySet<RunState> = new Set(
  RUN_STATES.filter((state) => !isOpen(state) && state !== 'succeeded'),
);

function statesOf(text: string): ReadonlySet<RunState> {
  const states = text.split(',').map((word) => {
    const state = RUN_STATES.find((one) => one === word);
    if (state === undefined || !UNSUCCESSFUL.has(state))
      throw new MusterError('bad-request', `states: "${word}" is none of ${[...UNSUCCESSFUL].join(', ')}`);
    return state;
  });
  return new Set(states);
}
