import { type MakeOptions, make, showTargets } from './dispatch.ts';
import { wrongUse } from './failure.ts';
import { defined } from './job-body.ts';
import { findJob } from './job-id.ts';
import { readSelection, type TargetOptions } from './selection.ts';
import type { Surroundings } from './surroundings.ts';
import { withClient } from './with-client.ts';

export interface RetryOptions extends MakeOptions, Omit<TargetOptions, 'failedOf'> {
  failed?: boolean;
  state?: string;
  list?: boolean;
  timeout?: number;
  ttl?: number;
  batch?: string;
  maxFailures?: string;
  reason?: string;
}

/** The same tasks once more, on the hosts on which they did not succeed. */
export function retry(surroundings: Surroundings, id: string, options: RetryOptions): Promise<number> {
  if ((options.failed === true) === (options.state !== undefined))
    throw wrongUse(
      'say which runs are meant: --failed, or --state with some of the states',
      'all that did not succeed: muster jobs retry JOB --failed',
    );
  return withClient(surroundings, async (client) => {
    const job = await findJob(client, id);
    const narrowed = {
      ...(await readSelection(surroundings, options)),
      ...defined({ states: options.state }),
    };
    const selection = { ...narrowed, failedOf: job };
    if (options.list) return showTargets(surroundings, client, selection, options);
    const { timeout: timeoutMs, ttl: ttlMs, batch, maxFailures, reason } = options;
    const body = { ...narrowed, ...defined({ timeoutMs, ttlMs, batch, maxFailures, reason }) };
    return make(surroundings, client, selection, options, (idempotencyKey) =>
      client.call('jobs.retry', { params: { job }, body }, { idempotencyKey }),
    );
  });
}
