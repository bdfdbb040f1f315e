import { EXIT } from './failure.ts';
import { jsonLine } from './output/sanitise.ts';
import { formatSize } from './size.ts';
import type { Surroundings } from './surroundings.ts';
import { withClient } from './with-client.ts';

export interface PruneOptions {
  /** Milliseconds; left out: as a controller does that was not told otherwise. */
  olderThan?: number;
  outputOnly?: boolean;
  dryRun?: boolean;
  json?: boolean;
}

/** Asks again until all of it is gone: one answer of the controller has an end. */
export function prune(surroundings: Surroundings, options: PruneOptions): Promise<number> {
  return withClient(surroundings, async (client) => {
    const { outputOnly = false, dryRun = false } = options;
    const defaultMs = (outputOnly ? 30 : 90) * DAY_MS;
    const body = { olderThanMs: options.olderThan ?? defaultMs, outputOnly, dryRun };
    const { stdout, stderr } = surroundings;
    // Each answer counts all that was left, so the first one has the whole.
    const { jobs, outputBytes, ...first } = await client.call('jobs.prune', { body });
    for (let more = first.more; more; ) {
      if (stderr.isTerminal) stderr.write('muster: there is more, going on\n');
      more = (await client.call('jobs.prune', { body })).more;
    }
    stdout.write(
      options.json
        ? `${jsonLine({ jobs, outputBytes, outputOnly, dryRun })}\n`
        : `${dryRun ? 'would remove' : 'removed'} ${outputOnly ? `the output of ${count(jobs)}` : count(jobs)}, ${formatSize(outputBytes)} of output\n`,
    );
    return EXIT.ok;
  });
}

const DAY_MS = 86_400_000;

const count = (jobs: number): string => `${jobs} ${jobs === 1 ? 'job' : 'jobs'}`;
