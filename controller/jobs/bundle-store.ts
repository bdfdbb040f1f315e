/** The SQL of what unfinished jobs still send. Apart from their rows, which change at the end of every run. */
import { insertMany, k, type Params, query, statement } from '../db/compile.ts';
import type { Statement } from '../db/database.ts';

export const insertBundles = insertMany('bundles', ['job_id', 'key_box', 'ciphertext']);

export const sealedJob = query((p: Params<{ id: string }>) =>
  k
    .selectFrom('bundles')
    .innerJoin('jobs', 'jobs.id', 'bundles.job_id')
    .select(['jobs.order_hash', 'bundles.key_box', 'bundles.ciphertext'])
    .where('bundles.job_id', '=', p('id')),
);

export const insertParams = insertMany('run_params', ['job_id', 'agent_id', 'box']);

export const paramsOfJob = query((p: Params<{ jobId: string }>) =>
  k.selectFrom('run_params').select(['agent_id', 'box']).where('job_id', '=', p('jobId')),
);

/** The job is over: K is gone, and what only its agents were to know. */
export function eraseBundle(of: { jobId: string }): Statement[] {
  return [eraseKey(of), eraseParams(of)];
}

const eraseKey = statement((p: Params<{ jobId: string }>) =>
  k.deleteFrom('bundles').where('job_id', '=', p('jobId')),
);
const eraseParams = statement((p: Params<{ jobId: string }>) =>
  k.deleteFrom('run_params').where('job_id', '=', p('jobId')),
);
