import type { ChangeBody, PlannedHosts } from '../../api/contract.ts';
import { formatDuration } from '../duration.ts';
import { wrongUse } from '../failure.ts';
import { formatTime } from '../output/time.ts';
import type { PlanFile, PlanGroup } from './plan-file.ts';

/** A week: as long as a rollout lives where nothing else is said. */
export const MAX_PLAN_AGE_MS = 7 * 86_400_000;
/** New versions come daily. */
const OLD_MS = 86_400_000;
/** The plan's time and the controller's are of one clock, which may have been set. */
const AHEAD_MS = 5 * 60_000;

/** What the plan is held against: the controller's fleet and clock, as `status` says them. */
export interface PlanUse {
  readonly fleetId: string;
  readonly nowMs: number;
  readonly maxAgeMs?: number | undefined;
}

/** Whether this plan may be carried out there and now; returns what is better known before. Throws a Failure (wrong use). */
export function checkPlan(path: string, plan: PlanFile, use: PlanUse): string[] {
  const { fleetId, nowMs, maxAgeMs = MAX_PLAN_AGE_MS } = use;
  if (plan.fleetId !== fleetId)
    throw wrongUse(
      `${path} is of another fleet: ${plan.fleetId}, and this controller has ${fleetId}`,
      'see where the commands go: muster status',
    );
  if (plan.groups.length === 0)
    throw wrongUse(`${path} changes nothing: no host had anything to do when it was made`);
  const ageMs = nowMs - plan.madeAtMs;
  const made = formatTime(plan.madeAtMs);
  if (ageMs < -AHEAD_MS)
    throw wrongUse(
      `${path} was made at ${made}, which has not come yet by the controller's clock`,
      'see to its clock, or make the plan again',
    );
  if (ageMs > maxAgeMs)
    throw wrongUse(
      `${path} is ${formatDuration(ageMs)} old (made at ${made}), and no plan older than ${formatDuration(maxAgeMs)} is carried out`,
      'make it again, or allow it: --max-plan-age',
    );
  return ageMs > OLD_MS
    ? [
        `the plan is ${formatDuration(ageMs)} old (made at ${made}): hosts that changed since are left as they are, and called drifted`,
      ]
    : [];
}

export interface ChangeAsked {
  /** What the agent does with configuration files that were changed there and in the package. */
  readonly configFiles?: 'keep' | 'replace' | undefined;
  /** `go-on`: hosts are changed that cannot be brought back too. */
  readonly withoutWayBack?: 'refuse' | 'go-on' | undefined;
  /** How long whoever holds the package manager's lock is waited for. */
  readonly lockWaitMs?: number | undefined;
}

/** The plan as the change of a rollout. */
export function changeOfPlan(plan: PlanFile, asked: ChangeAsked = {}): ChangeBody {
  const { configFiles, withoutWayBack = 'refuse', lockWaitMs } = asked;
  const { digest, madeAtMs, groups } = plan;
  const wayBack = withoutWayBack === 'refuse' ? 'required' : 'wanted';
  const task = {
    ...({ action: 'apply', wayBack } as const),
    ...(configFiles === undefined ? {} : { configFiles }),
    ...(lockWaitMs === undefined ? {} : { lockWaitMs }),
  };
  return {
    kind: 'plan',
    title: titleOfPlan(plan),
    tasks: [{ packages: task }],
    plan: { digest, madeAtMs, hosts: groups.map(plannedHosts) },
  };
}

function plannedHosts({ hosts, manager, changes }: PlanGroup): PlannedHosts {
  return {
    agentIds: hosts.map(({ agentId }) => agentId),
    manager,
    changes: changes.map(({ name, arch, from, to }) => ({ name, arch, from, to })),
    wayBack: changes.every(({ wayBack }) => wayBack),
  };
}

const NAMED = 3;

/** `nginx, openssl, libc6 and 12 more`: the packages that most hosts change first. */
function titleOfPlan({ groups }: PlanFile): string {
  const counts = new Map<string, number>();
  for (const { hosts, changes } of groups)
    for (const { name } of changes) counts.set(name, (counts.get(name) ?? 0) + hosts.length);
  const names = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([name]) => name);
  const more = names.length - NAMED;
  return `patch ${names.slice(0, NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
