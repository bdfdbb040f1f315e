import { MusterError } from '../../proto/errors.ts';
import type { JobDetail, RunDetail } from '../api/contract.ts';
import { hosts } from './output/summary.ts';

/** A job's run on the host of this name or id. Throws `no-such-agent`. */
export function findRun(detail: JobDetail, nameOrId: string): RunDetail {
  const run = detail.runs.find(({ agent, agentId }) => agent === nameOrId || agentId === nameOrId);
  if (!run)
    throw new MusterError(
      'no-such-agent',
      `${nameOrId} is none of the ${hosts(detail.runs.length)} of this job`,
    );
  return run;
}
