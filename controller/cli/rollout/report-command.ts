import { MusterError } from '../../../proto/errors.ts';
import type { RolloutReport } from '../../api/contract.ts';
import { EXIT } from '../failure.ts';
import { isThere, writePrivate } from '../files.ts';
import { jsonLine, sanitiseLine } from '../output/sanitise.ts';
import type { Surroundings } from '../surroundings.ts';
import { withClient } from '../with-client.ts';
import { renderReport } from './report-view.ts';
import { findRollout } from './rollout-id.ts';

/** All that is known of a rollout, as a document to keep. */
export async function report(
  surroundings: Surroundings,
  id: string,
  options: { json?: boolean; out?: string; force?: boolean },
): Promise<number> {
  const { stdout, stderr } = surroundings;
  const { out, force = false } = options;
  if (out !== undefined && !force && (await isThere(out))) throw new MusterError('file-exists', out);
  return withClient(surroundings, async (client) => {
    const rollout = await findRollout(client, id);
    const made: RolloutReport = await client.call('rollouts.report', { params: { rollout } });
    const text = options.json ? `${jsonLine(made)}\n` : renderReport(made);
    if (out === undefined) stdout.write(text);
    else {
      await writePrivate(out, text);
      stderr.write(`muster: the report is in ${sanitiseLine(out)}\n`);
    }
    return EXIT.ok;
  });
}
