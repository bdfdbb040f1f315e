import { MusterError } from '../../proto/errors.ts';
import type { Target } from '../api/contract.ts';
import type { Client } from './client.ts';
import { showUploads } from './content/upload-progress.ts';
import type { WantedBuild } from './release.ts';
import { resolve } from './selection.ts';
import type { Surroundings } from './surroundings.ts';

/** What agents that Muster installed may be, as their facts say it. */
const FORMS: readonly { readonly selector: string; readonly build: WantedBuild }[] = [
  { selector: 'agent.form=bundle', build: { form: 'bundle', arch: 'x64' } },
  { selector: 'agent.form=executable,agent.arch=x64', build: { form: 'executable', arch: 'x64' } },
  { selector: 'agent.form=executable,agent.arch=arm64', build: { form: 'executable', arch: 'arm64' } },
];
/** Who can be upgraded, and the builds that they need. */
export async function whoCanUpgrade(client: Client, meant: readonly Target[]) {
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

/** Brings the builds to the controller and has them signed; see `publishRelease`. */
export async function releaseOf(
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
