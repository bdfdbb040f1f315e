import { MusterError } from '../../../proto/errors.ts';
import type { PackagesBody } from '../../api/contract.ts';
import { EXIT, wrongUse } from '../failure.ts';
import { isThere, writePrivate } from '../files.ts';
import { defined, type JobOptions } from '../job-body.ts';
import { paintFor } from '../output/paint.ts';
import { jsonLine, sanitiseLine } from '../output/sanitise.ts';
import { readSelection } from '../selection.ts';
import type { Surroundings } from '../surroundings.ts';
import { withClient } from '../with-client.ts';
import { gather } from './gather.ts';
import { causeOf, silentOf } from './outcomes.ts';
import { checkNames } from './package-names.ts';
import type { PlanAsked, PlanFile } from './plan-file.ts';
import {
  ALL_ROOM,
  PLAN_ROOM,
  renderAside,
  renderGroups,
  renderPlannedPackages,
  renderPlanTotals,
} from './plan-text.ts';
import { plannedOf } from './planned.ts';

export interface PlanView {
  packages?: boolean;
  all?: boolean;
  json?: boolean;
}

export interface PlanOptions extends JobOptions, PlanView {
  security?: boolean;
  only?: string[];
  exclude?: string[];
  /** True: any. */
  allowRemovals?: true | string[];
  out?: string;
  force?: boolean;
}

/** What would be done on the hosts that are meant, and with -o a file that holds exactly that. */
export async function plan(surroundings: Surroundings, options: PlanOptions): Promise<number> {
  const { out, force = false } = options;
  const body = packagesOf(options);
  if (out !== undefined) await refuseThere(out, force);
  const { readPackagePlan } = await import('./answer-shape.ts');
  const { planFileOf } = await import('./plan-file.ts');
  const gathered = await gather(surroundings, options, body, readPackagePlan);
  if (gathered.end === null) return gathered.status;
  const allowRemovals = options.allowRemovals === true ? ['*'] : (options.allowRemovals ?? []);
  const planned = plannedOf(gathered.answers.values(), allowRemovals);
  const { names = [], exclude = [], security = false } = body;
  const asked = {
    ...(await selectionAsTyped(surroundings, options)),
    security,
    only: names,
    exclude,
    allowRemovals,
  };
  const silent = silentOf(gathered).map((one) => ({
    name: one.agent,
    why: causeOf(one).slice(0, WHY_CHARS),
  }));
  const made = await withClient(surroundings, async (client) => {
    const [{ fleetId, timeMs }, { name: by }] = [
      await client.call('status', {}),
      await client.call('whoami', {}),
    ];
    return { fleetId, madeAtMs: timeMs, by };
  });
  const file = planFileOf({
    ...{ version: 1, ...made, job: gathered.end.job, asked },
    ...{ groups: planned.groups, nothing: planned.nothing, leftOut: [...planned.leftOut, ...silent] },
  });
  showPlan(surroundings, file, options);
  if (out !== undefined) await keep(surroundings, out, file, force);
  const worse =
    planned.leftOut.length > 0 && (gathered.status === EXIT.ok || gathered.status === EXIT.noAnswer);
  return worse ? EXIT.failed : gathered.status;
}

const WHY_CHARS = 500;

/** Prints a plan again. */
export async function show(surroundings: Surroundings, path: string, options: PlanView): Promise<number> {
  const { readPlan } = await import('./plan-file.ts');
  showPlan(surroundings, await readPlan(path), options);
  return EXIT.ok;
}

function showPlan({ stdout, env }: Surroundings, file: PlanFile, options: PlanView): void {
  if (options.json) {
    stdout.write(`${jsonLine(file)}\n`);
    return;
  }
  const paint = paintFor(stdout.isTerminal, env);
  const room = options.all ? ALL_ROOM : PLAN_ROOM;
  const render = options.packages ? renderPlannedPackages : renderGroups;
  stdout.write(render(file.groups, room, paint) + renderAside(file, room, paint) + renderPlanTotals(file));
}

async function keep({ stderr }: Surroundings, out: string, file: PlanFile, force: boolean): Promise<void> {
  if (file.groups.length === 0 && file.nothing.length === 0) {
    stderr.write('muster: no host answered with anything that can be planned; no file was written\n');
    return;
  }
  // Somebody may have made one meanwhile.
  await refuseThere(out, force);
  const { planFileText } = await import('./plan-file.ts');
  await writePrivate(out, planFileText(file));
  stderr.write(`muster: the plan is in ${sanitiseLine(out)}, digest ${file.digest.slice(0, 12)}\n`);
}

async function refuseThere(out: string, force: boolean): Promise<void> {
  if (!force && (await isThere(out))) throw new MusterError('file-exists', out);
}

/** The words of the selection as they were typed; what a long list named is in the hosts of the plan. */
async function selectionAsTyped(
  surroundings: Surroundings,
  options: JobOptions,
): Promise<Pick<PlanAsked, 'targets' | 'selector' | 'limit' | 'seed'>> {
  const typed = (options.targets ?? []).join(',');
  const {
    targets: _,
    failedOf: __,
    ...rest
  } = await readSelection(surroundings, { ...options, targets: [] });
  return { ...rest, ...defined({ targets: typed === '' ? undefined : typed }) };
}

function packagesOf({ only = [], exclude = [], security, allowRemovals }: PlanOptions): PackagesBody {
  checkNames('--only', only);
  checkNames('--exclude', exclude);
  if (allowRemovals !== undefined && allowRemovals !== true) checkNames('--allow-removals', allowRemovals);
  const both = only.find((name) => exclude.includes(name));
  if (both !== undefined) throw wrongUse(`${both} is in --only and in --exclude`);
  return {
    action: 'plan',
    ...(only.length > 0 ? { names: [...new Set(only)] } : {}),
    ...(exclude.length > 0 ? { exclude: [...new Set(exclude)] } : {}),
    ...(security ? { security } : {}),
  };
}
