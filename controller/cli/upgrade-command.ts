import { MusterError } from '../../proto/errors.ts';
import { LIMITS } from '../../proto/limits.ts';
import { MUSTER_VERSION } from '../../proto/version.ts';
import type { Target, TargetQuery } from '../api/contract.ts';
import type { Client } from './client.ts';
import { showUploads } from './content/upload-progress.ts';
import { make, showTargets } from './dispatch.ts';
import { EXIT, Failure } from './failure.ts';
import { mayChangeAgents } from './install/may-change-agents.ts';
import { type JobOptions, jobBody, selectionOf } from './job-body.ts';
import { paintFor } from './output/paint.ts';
import { hosts, listNames } from './output/summary.ts';
import { createUpgradeView } from './output/upgrade-view.ts';
import type { WantedBuild } from './release.ts';
import { resolve, wholeSelection } from './selection.ts';
import { createJob, signingKey } from './signing/create-job.ts';
import type { Surroundings } from './surroundings.ts';
import { withClient } from './with-client.ts';

export interface UpgradeOptions extends JobOptions {
  onlineWithin?: number;
  runtime?: string[];
}

/** What agents that Muster installed may be, as their facts say it. */
const FORMS: readonly { readonly selector: string; readonly build: WantedBuild }[] = [
  { selector: 'agent.form=bundle', build: { form: 'bundle', arch: 'x64' } },
  { selector: 'agent.form=executable,agent.arch=x64', build: { form: 'executable', arch: 'x64' } },
  { selector: 'agent.form=executable,agent.arch=arm64', build: { form: 'executable', arch: 'arm64' } },
];
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
    const { wanted, fitting, left } = await sort(client, meant);
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
        const release = await publish(surroundings, client, wanted, options.runtime);
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

/** Who can be upgraded, and the builds that they need. */
async function sort(client: Client, meant: readonly Target[]) {
  const names = meant.map(({ name }) => name);
  const wanted: WantedBuild[] = [];
  const fitting = new Set<string>();
  for (const { selector, build } of FORMS) {
    const found = await resolve(client, { targets: names.join(','), selector }).catch(nobody);
    if (found.length > 0) wanted.push(build);
    for (const { name } of found) fitting.add(name);
  }
  const others = await resolve(client, { targets: names.join(','), selector: 'agent.form=other' }).catch(
    nobody,
  );
  const known = new Set([...fitting, ...others.map(({ name }) => name)]);
  return {
    wanted,
    fitting: names.filter((name) => fitting.has(name)),
    left: [
      ['Muster did not install the agent there', others.map(({ name }) => name)],
      ['the agent has not said yet what it is', names.filter((name) => !known.has(name))],
    ] as const,
  };
}

function nobody(error: unknown): Target[] {
  if (error instanceof MusterError && error.code === 'nobody-matched') return [];
  throw error;
}

async function publish(
  surroundings: Surroundings,
  client: Client,
  wanted: readonly WantedBuild[],
  archives: readonly string[] = [],
) {
  // What builds and packs, for those who need it.
  const [{ openBuilds }, { publishRelease }] = await Promise.all([
    import('./open-builds.ts'),
    import('./release.ts'),
  ]);
  const builds = openBuilds(surroundings, archives);
  try {
    const progress = showUploads(surroundings, client);
    try {
      return await publishRelease(progress, builds, wanted);
    } finally {
      progress.stop();
    }
  } finally {
    await builds.close();
  }
}
