import { MusterError } from '../../proto/errors.ts';
import type { Client } from './client.ts';
import { wrongUse } from './failure.ts';

const FULL_CHARS = 32;
const LEAST_CHARS = 4;
const PAGE = 1000;

/**
 * The job that an id or the beginning of one means. Throws `no-such-job`, and a Failure (wrong use) when it is no id,
 * too short, or the beginning of several.
 */
export async function findJob(client: Client, text: string): Promise<string> {
  const prefix = text.toLowerCase();
  if (!/^[0-9a-f]+$/.test(prefix) || prefix.length > FULL_CHARS)
    throw wrongUse(`"${text}" is not a job id`, 'see the latest with "muster jobs"');
  if (prefix.length === FULL_CHARS) return prefix;
  if (prefix.length < LEAST_CHARS)
    throw wrongUse(`"${text}" is too short; the least is ${LEAST_CHARS} digits`);
  const found: string[] = [];
  for (let before: string | undefined; ; ) {
    const page = await client.call('jobs.list', {
      query: { limit: PAGE, ...(before === undefined ? {} : { before }) },
    });
    for (const { job } of page) if (job.startsWith(prefix)) found.push(job);
    before = page.at(-1)?.job;
    if (page.length < PAGE) break;
  }
  const [job, ...others] = found;
  if (job === undefined) throw new MusterError('no-such-job', `none begins with ${prefix}`);
  if (others.length > 0) {
    // As many digits as tell them apart.
    let digits = Math.max(12, prefix.length);
    while (new Set(found.map((id) => id.slice(0, digits))).size < found.length) digits += 1;
    const some = found.slice(0, 4).map((id) => id.slice(0, digits));
    throw wrongUse(
      `"${text}" is the beginning of ${found.length} jobs: ${some.join(', ')}${found.length > 4 ? ', …' : ''}`,
    );
  }
  return job;
}
