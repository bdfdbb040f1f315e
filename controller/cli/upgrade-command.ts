import { MusterError } from '../../proto/errors.ts';
import { LIMITS } from '../../proto/limits.ts';
import { MUSTER_VERSION } from '../../proto/version.ts';
import type { TargetQuery } from '../api/contract.ts';
import { make, showTargets } from './dispatch.ts';
import { EXIT, Failure } from './failure.ts';
import { mayChangeAgents } from './install/may-change-agents.ts';
import { type JobOptions, jobBody, selectionOf } from './job-body.ts';
import { paintFor } from './output/paint.ts';
import { hosts, listNames } from './output/summary.ts';
import { createUpgradeView } from './output/upgrade-view.ts';
import { resolve, wholeSelection } from './selection.ts';
import { createJob, signingKey } from './signing/create-job.ts';
import type { Surroundings } from './surroundings.ts';
import { releaseOf, whoCanUpgrade } from './upgrade-builds.ts';
import { withClient } from './with-client.ts';

export interface UpgradeOptions extends JobOptions {
  onlineWithin?: number;
  runtime?: string[];
}

const NAMES_SHOWN = 8;
/** For what has to be fetched, beside the time to come online. */
const FETCH_MS = 3_600_000;

/** Agents become the version that this program has, over their own link. What they are is looked up, so that only what fits is sent. */
export function upgrade(surroundings: Surroundings, options: UpgradeOptions): Promise<number> {
  const { stderr } = surroundings;
  return withClient(surroundings, async (client) => {
    const asked = await wholeSelection(client, await selectionOf(surroundings, options));
    if (options.list) return showTargets(surroundings, client, asked, options);
    await mayChangeAgents(client);
    const meant = await resolve(client, asked);
    if (meant.length === 0) throw new MusterError('nobody-matched');
    const { wanted, fitting, left } = await whoCanUpgrade(client, meant);
    for (const [why, names] of left)
      if (names.length > 0)
        stderr.write(`muster: left out, ${why}: ${hosts(names.length)} (${listNames(names, NAMES_SHOWN)})\n`);
    if (fitting.length === 0)
      throw new Failure(
        EXIT.failed,
        'there is nobody to upgrade',
        '"muster install" puts the agent on hosts',
      );
    // Those who were looked at, and nobody who came meanwhile.
    const selection: TargetQuery = { targets: fitting.join(',') };
    const onlineWithinMs = options.onlineWithin ?? LIMITS.onlineWithinMs;
    const timeout = options.timeout ?? FETCH_MS + onlineWithinMs;
    const body = jobBody(selection, [], { ...options, timeout, title: `upgrade to ${MUSTER_VERSION}` });
    const json = options.json ?? false;
    const key = await signingKey(surroundings, options);
    const status = await make(
      surroundings,
      client,
      selection,
      options,
      async (idempotencyKey) => {
        const release = await releaseOf(surroundings, client, wanted, options.runtime);
        const tasks = [{ upgrade: { ...release, onlineWithinMs } }];
        return createJob(surroundings, client, { ...body, tasks }, { ...options, idempotencyKey, key });
      },
      {
        insist: true,
        ...(!json && {
          show: (screen, names) =>
            createUpgradeView({ screen, names, paint: paintFor(stderr.isTerminal, surroundings.env) }),
        }),
      },
    );
    return status === EXIT.ok && fitting.length < meant.length ? EXIT.failed : status;
  });
}
