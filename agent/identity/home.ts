import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { MusterError } from '../../proto/errors.ts';
import { syncFolder } from './atomic-file.ts';

/**
 * An agent's home:
 *
 *   identity.json   who it is and its keys; 0600. With it the agent belongs to a fleet
 *   joining.json    the same, before the controller has granted it
 *   trust.json      the newest trust document, and the root that signs the next one
 *   counter         of sessions; written in place, so that a full disk does not keep the agent away
 *   journal.db      orders, runs and reports; `journal.db-mark` tells an older copy of it
 *   spool/          long outputs of finished runs that the controller does not have yet
 *   cache/          fetched files, by digest; may be removed while no agent runs
 *   runs/           what runs: one folder for each task
 *   packages/       versions of packages from before a change; since when updates wait
 *   status.json     what `muster-agent status` shows of the agent that runs; may be stale
 *   leaving.json    there once this agent was told to remove itself from its host
 *   policy.json     what this host allows; written by its administrator, never by the agent
 */
export interface Home {
  readonly folder: string;
  readonly identity: string;
  readonly joining: string;
  readonly trust: string;
  readonly counter: string;
  readonly journal: string;
  readonly spool: string;
  readonly cache: string;
  readonly runs: string;
  readonly packages: string;
  readonly status: string;
  readonly leaving: string;
  readonly policy: string;
}

export function homeAt(folder: string): Home {
  return {
    folder,
    identity: join(folder, 'identity.json'),
    joining: join(folder, 'joining.json'),
    trust: join(folder, 'trust.json'),
    counter: join(folder, 'counter'),
    journal: join(folder, 'journal.db'),
    spool: join(folder, 'spool'),
    cache: join(folder, 'cache'),
    runs: join(folder, 'runs'),
    packages: join(folder, 'packages'),
    status: join(folder, 'status.json'),
    leaving: join(folder, 'leaving.json'),
    policy: join(folder, 'policy.json'),
  };
}

/** Where commands run as other users, in a folder below, those may pass through it, but not look into it. */
const MODE = { ofRoot: 0o711, ofUser: 0o700 };

/** Throws MusterError('bad-request') with what stands in the way. */
export function makeHome(home: Home): void {
  try {
    mkdirSync(home.folder, { recursive: true, mode: MODE.ofUser });
    chmodSync(home.folder, statSync(home.folder).uid === 0 ? MODE.ofRoot : MODE.ofUser);
  } catch (cause) {
    throw new MusterError('bad-request', `the agent's home ${home.folder}: ${(cause as Error).message}`);
  }
}

/** Everything that makes this home an agent of a fleet goes; the administrator's policy stays. */
export function emptyHome(home: Home): void {
  // First what says that it belongs to a fleet: cut short, it is a home that belongs to none.
  rmSync(home.identity, { force: true });
  syncFolder(home.folder);
  for (const path of [home.joining, home.trust, home.counter, home.status, home.leaving])
    rmSync(path, { force: true });
  for (const name of readdirSync(home.folder))
    if (name.startsWith('journal.db')) rmSync(join(home.folder, name), { force: true });
  for (const folder of [home.spool, home.cache, home.runs, home.packages])
    rmSync(folder, { recursive: true, force: true });
  syncFolder(home.folder);
}

/** The file's text, or undefined where there is none. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new MusterError('bad-request', `${path}: ${(cause as Error).message}`, { cause });
  }
}
