/** The SQL of what unfinished jobs still send. Apart from their rows, which change at the end of every run. */
import { insertMany, k, type Params, query, statement } from '../db/compile.ts';

export const insertBundles = insertMany('bundles', ['job_id', 'key_box', 'ciphertext']);

export const sealedJob = query((p: Params<{ id: string }>) =>
  k
    .selectFrom('bundles')
    .innerJoin('jobs', 'jobs.id', 'bundles.job_id')
    .select(['jobs.order_hash', 'bundles.key_box', 'bundles.ciphertext'])
    .where('bundles.job_id', '=', p('id')),
);

/** The job is over: K is gone. */
export const eraseBundle = statement((p: Params<{ jobId: string }>) =>
  k.deleteFrom('bundles').where('job_id', '=', p('jobId')),
);
