import { resolve as resolvePath } from 'node:path';
import { MusterError } from '../../../proto/errors.ts';
import { LIMITS } from '../../../proto/limits.ts';
import { MUSTER_VERSION } from '../../../proto/version.ts';
import type { ChangeBody, TargetQuery } from '../../api/contract.ts';
import type { Client } from '../client.ts';
import type { CopyTarget } from '../content/copy-task.ts';
import { readSource } from '../content/local-file.ts';
import { showUploads } from '../content/upload-progress.ts';
import { wrongUse } from '../failure.ts';
import { mayChangeAgents } from '../install/may-change-agents.ts';
import { defined } from '../job-body.ts';
import { hosts, listNames } from '../output/summary.ts';
import { changeOfPlan, checkPlan } from '../patch/plan-change.ts';
import { readPlan } from '../patch/plan-file.ts';
import { resolve } from '../selection.ts';
import type { Surroundings } from '../surroundings.ts';
import { releaseOf, whoCanUpgrade } from '../upgrade-builds.ts';
import { tasksOf } from './steps.ts';

/** What is carried through the hosts, as the file or the flags name it. */
export type ChangeSource =
  | { plan: string; configFiles?: 'keep' | 'replace'; lockWaitMs?: number }
  | { bundle: string }
  | { copy: CopyTarget & { source: string } }
  | { upgrade: { onlineWithinMs?: number } };

export interface ChangeAsked {
  /** Where relative names begin. */
  folder: string;
  /** Whether hosts without a way back are changed too. */
  withoutWayBack?: 'refuse' | 'go-on' | undefined;
  /** Of a plan: how old it may be, and what of it an agent shall do otherwise. */
  maxAgeMs?: number | undefined;
  configFiles?: 'keep' | 'replace' | undefined;
  lockWaitMs?: number | undefined;
  /** A Node for executables, where npm cannot be reached. */
  runtimes?: readonly string[] | undefined;
}

export interface MadeChange {
  change: ChangeBody;
  /** Those who are left, where not everybody who is meant can get it. */
  targets?: string;
  /** What is better known before. */
  warnings: string[];
}

/** What was read of this machine, and becomes a change once there is a controller: uploads and signed releases are its. */
export type ReadyChange = (client: Client, meant: TargetQuery) => Promise<MadeChange>;

const NAMES_SHOWN = 8;

/** Looks at all that can be looked at here. Throws a Failure (wrong use) that names the file and says what is wrong with it. */
export async function readChange(
  surroundings: Surroundings,
  source: ChangeSource,
  asked: ChangeAsked,
): Promise<ReadyChange> {
  if ('plan' in source) {
    const { plan, ...ofFile } = source;
    return planChange(resolvePath(asked.folder, plan), {
      ...ofFile,
      ...defined(asked),
      folder: asked.folder,
    });
  }
  if ('bundle' in source) return bundleChange(surroundings, resolvePath(asked.folder, source.bundle));
  if ('copy' in source) return copyChange(surroundings, source.copy, asked.folder);
  return upgradeChange(surroundings, source.upgrade, asked.runtimes);
}

async function planChange(path: string, asked: ChangeAsked): Promise<ReadyChange> {
  const plan = await readPlan(path);
  return async (client) => {
    const { fleetId, timeMs } = await client.call('status', {});
    const warnings = checkPlan(path, plan, { fleetId, nowMs: timeMs, maxAgeMs: asked.maxAgeMs });
    return { change: changeOfPlan(plan, asked), warnings };
  };
}

async function bundleChange(surroundings: Surroundings, path: string): Promise<ReadyChange> {
  const { title, tasks } = await tasksOf(surroundings, path);
  return async (client) => ({
    change: { kind: 'bundle', title, tasks: await tasks(client) },
    warnings: [],
  });
}

async function copyChange(
  surroundings: Surroundings,
  { source, ...target }: CopyTarget & { source: string },
  folder: string,
): Promise<ReadyChange> {
  const local = await readSource(resolvePath(folder, source));
  if (local.kind === 'tree' && target.mode !== undefined)
    throw wrongUse(`${source} is a folder, and mode is for one file`, 'those of a folder keep their own');
  return async (client) => {
    const { copyTask } = await import('../content/copy-task.ts');
    const progress = showUploads(surroundings, client);
    try {
      const task = await copyTask(progress, local, source, target);
      return {
        change: { kind: 'file', title: `copy ${source} to ${target.path}`.slice(0, 255), tasks: [task] },
        warnings: [],
      };
    } finally {
      progress.stop();
    }
  };
}

async function upgradeChange(
  surroundings: Surroundings,
  { onlineWithinMs = LIMITS.onlineWithinMs }: { onlineWithinMs?: number },
  runtimes: readonly string[] = [],
): Promise<ReadyChange> {
  return async (client, query) => {
    await mayChangeAgents(client);
    const meant = await resolve(client, query);
    const { wanted, fitting, left } = await whoCanUpgrade(client, meant);
    if (fitting.length === 0) throw new MusterError('nobody-matched', 'nobody of them can be upgraded');
    const release = await releaseOf(surroundings, client, wanted, runtimes);
    return {
      change: {
        kind: 'upgrade',
        title: `upgrade agents to ${MUSTER_VERSION}`,
        tasks: [{ upgrade: { ...release, onlineWithinMs } }],
      },
      // Those who were looked at, and nobody who came meanwhile.
      targets: fitting.join(','),
      warnings: left.flatMap(([why, names]) =>
        names.length === 0
          ? []
          : [`left out, ${why}: ${hosts(names.length)} (${listNames(names, NAMES_SHOWN)})`],
      ),
    };
  };
}
