import type { PackagePlan, PlannedChange } from '../../../proto/packages.ts';
import type { Answer } from './gather.ts';
import type { PlanContent, PlanGroup } from './plan-file.ts';
import { compareNames } from './ranges.ts';

/** What the answers of all hosts come to. Pure. */
export type Planned = Pick<PlanContent, 'groups' | 'nothing' | 'leftOut'>;

/** `allowRemovals`: packages that may go; `*`: any. A host that would lose another one is left out, with the reason. */
export function plannedOf(answers: Iterable<Answer<PackagePlan>>, allowRemovals: readonly string[]): Planned {
  const groups = new Map<string, PlanGroup>();
  const nothing: string[] = [];
  const leftOut: { name: string; why: string }[] = [];
  const allowed = new Set(allowRemovals);
  for (const { name, agentId, answer } of answers) {
    const { version: _, ...plan } = answer;
    const gone = removedBy(plan.changes).filter((one) => !allowed.has('*') && !allowed.has(one));
    if (plan.changes.length === 0) nothing.push(name);
    else if (gone.length > 0) leftOut.push({ name, why: removalsWhy(gone) });
    else {
      const sorted = ordered(plan);
      const key = JSON.stringify(sorted);
      const hosts = [...(groups.get(key)?.hosts ?? []), { name, agentId }];
      groups.set(key, { hosts, ...sorted });
    }
  }
  return { groups: [...groups.values()].sort(bySize), nothing, leftOut };
}

export function removedBy(changes: readonly PlannedChange[]): string[] {
  return changes.filter(({ to }) => to === '').map(({ name }) => name);
}

const NAMED = 5;

function removalsWhy(gone: readonly string[]): string {
  const more = gone.length - NAMED;
  const names = gone.slice(0, NAMED).join(', ');
  return `it would remove ${names}${more > 0 ? ` and ${more} more` : ''}, and --allow-removals does not say so`;
}

/** Hosts that say the same in another order are alike. */
function ordered({
  manager,
  changes,
  downloadBytes,
  wantsReboot,
  restarts,
  left,
}: Omit<PackagePlan, 'version'>) {
  return {
    manager,
    changes: changes
      .map(({ name, arch, from, to, security, wayBack }) => ({ name, arch, from, to, security, wayBack }))
      .sort((a, b) => compareNames(a.name, b.name) || compareNames(a.arch, b.arch)),
    ...{ downloadBytes, wantsReboot, restarts: [...restarts].sort(compareNames) },
    left: left.map(({ name, why }) => ({ name, why })).sort((a, b) => compareNames(a.name, b.name)),
  };
}

function bySize(a: PlanGroup, b: PlanGroup): number {
  return b.hosts.length - a.hosts.length || compareNames(a.hosts[0]?.name ?? '', b.hosts[0]?.name ?? '');
}

/** One change, and who gets it: the plan the other way round. */
export interface PlannedPackage {
  readonly change: PlannedChange;
  readonly names: readonly string[];
}

/** Security first, then what most hosts get. */
export function plannedPackages(groups: readonly PlanGroup[]): PlannedPackage[] {
  const packages = new Map<string, PlannedPackage>();
  for (const { hosts, changes } of groups)
    for (const change of changes) {
      const key = JSON.stringify(change);
      const known = packages.get(key)?.names ?? [];
      packages.set(key, { change, names: [...known, ...hosts.map(({ name }) => name)] });
    }
  return [...packages.values()].sort(
    (a, b) =>
      Number(b.change.security) - Number(a.change.security) ||
      b.names.length - a.names.length ||
      compareNames(a.change.name, b.change.name),
  );
}
