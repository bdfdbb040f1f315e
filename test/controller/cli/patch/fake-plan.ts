import { type PlanContent, type PlanGroup, planFileOf } from '../../../../controller/cli/patch/plan-file.ts';
import type { PackagePlan, PlannedChange } from '../../../../proto/packages.ts';
import { agentId, JOB } from '../fake-job.ts';

export const FLEET = '0a1b2c3d4e5f60718293a4b5c6d7e8f9';
export const MADE_AT = Date.UTC(2026, 10, 27, 8);

export function planned(
  name: string,
  from: string,
  to: string,
  more: Partial<PlannedChange> = {},
): PlannedChange {
  return { name, arch: 'amd64', from, to, security: false, wayBack: true, ...more };
}

/** What a host answers to `plan`. */
export function packagePlan(changes: PlannedChange[], more: Partial<PackagePlan> = {}): PackagePlan {
  return {
    ...{ version: 1, manager: 'apt', changes, downloadBytes: 1000 * changes.length },
    ...{ wantsReboot: false, restarts: [], left: [] },
    ...more,
  };
}

export function group(names: string[], changes: PlannedChange[], more: Partial<PlanGroup> = {}): PlanGroup {
  const { version: _, ...rest } = packagePlan(changes);
  return { hosts: names.map((name) => ({ name, agentId: agentId(name) })), ...rest, ...more };
}

export function planContent(groups: PlanGroup[], more: Partial<PlanContent> = {}): PlanContent {
  return {
    ...{ version: 1, fleetId: FLEET, madeAtMs: MADE_AT, by: 'kim', job: JOB, groups },
    asked: { targets: 'all', security: false, only: [], exclude: [], allowRemovals: [] },
    ...{ nothing: [], leftOut: [] },
    ...more,
  };
}

export const NGINX = planned('nginx', '1.22.1-9', '1.22.1-9+deb12u1', { security: true });
export const PLAN = planFileOf(
  planContent(
    [
      group(['web-1', 'web-2'], [NGINX, planned('tzdata', '2024a-0', '2024b-0', { arch: 'all' })]),
      group(['db-1'], [planned('libold', '1.0-1', '', { wayBack: false })], { wantsReboot: true }),
    ],
    { nothing: ['db-2'], leftOut: [{ name: 'db-3', why: 'expired: offline' }] },
  ),
);
