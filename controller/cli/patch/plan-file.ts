import { shortHash } from '../../../proto/frame.ts';
import { toHex } from '../../../proto/ids.ts';
import { MIB } from '../../../proto/limits.ts';
import type { PackagePlan, PlannedChange } from '../../../proto/packages.ts';
import { readBytes } from '../files.ts';

/**
 * A plan as a file: what `muster patch plan` found out, host by host, and what a rollout carries out. The digest is over all of its content, however the file is laid out; it is what an approval, the audit log and the report
 * name. It shows that a file was edited, and keeps nobody from making another plan: that a host does nothing but its own transaction is
 * held by the signed order. docs/patching.md describes the file, plan-file-shape.ts reads it, plan-change.ts makes a change of it.
 */
export const PLAN_VERSION = 1;

export interface PlanHost {
  readonly name: string;
  readonly agentId: string;
}

/** Hosts on which the same transaction does the same. */
export interface PlanGroup extends Omit<PackagePlan, 'version'> {
  readonly hosts: readonly PlanHost[];
}

/** As it was typed. */
export interface PlanAsked {
  readonly targets?: string;
  readonly selector?: string;
  readonly limit?: string;
  readonly seed?: number;
  readonly failedOf?: string;
  readonly security: boolean;
  readonly only: readonly string[];
  readonly exclude: readonly string[];
  /** Packages that may go; `*`: any. */
  readonly allowRemovals: readonly string[];
}

export interface PlanContent {
  readonly version: typeof PLAN_VERSION;
  readonly fleetId: string;
  /** By the controller's clock. */
  readonly madeAtMs: number;
  readonly by: string;
  readonly asked: PlanAsked;
  /** The job whose runs answered. */
  readonly job: string;
  readonly groups: readonly PlanGroup[];
  /** Hosts that have nothing to do. */
  readonly nothing: readonly string[];
  /** Hosts that were asked and are not in it, and why. */
  readonly leftOut: readonly { readonly name: string; readonly why: string }[];
}

export interface PlanFile extends PlanContent {
  readonly digest: string;
}

export const PLAN_BYTES = 64 * MIB;

/** Its keys in one order, and no others. */
function ordered(content: PlanContent): PlanContent {
  const { version, fleetId, madeAtMs, by, job } = content;
  const { targets, selector, limit, seed, failedOf, security, only, exclude, allowRemovals } = content.asked;
  return {
    ...{ version, fleetId, madeAtMs, by, job },
    asked: {
      ...(targets === undefined ? {} : { targets }),
      ...(selector === undefined ? {} : { selector }),
      ...(limit === undefined ? {} : { limit }),
      ...(seed === undefined ? {} : { seed }),
      ...(failedOf === undefined ? {} : { failedOf }),
      ...{ security, only, exclude, allowRemovals },
    },
    groups: content.groups.map(orderedGroup),
    nothing: content.nothing,
    leftOut: content.leftOut.map(({ name, why }) => ({ name, why })),
  };
}

function orderedGroup(group: PlanGroup): PlanGroup {
  const { hosts, manager, changes, downloadBytes, wantsReboot, restarts, left } = group;
  return {
    hosts: hosts.map(({ name, agentId }) => ({ name, agentId })),
    ...{ manager, changes: changes.map(orderedChange), downloadBytes, wantsReboot, restarts },
    left: left.map(({ name, why }) => ({ name, why })),
  };
}

function orderedChange({ name, arch, from, to, security, wayBack }: PlannedChange): PlannedChange {
  return { name, arch, from, to, security, wayBack };
}

/** 32 bytes in hex. */
export function digestOfPlan(content: PlanContent): string {
  return toHex(shortHash('plan', Buffer.from(JSON.stringify(ordered(content)))));
}

export function planFileOf(content: PlanContent): PlanFile {
  return { ...ordered(content), digest: digestOfPlan(content) };
}

/** A host and a change on a line each, so that people can read it, and diff can compare two. */
export function planFileText({ groups, nothing, leftOut, digest, ...head }: PlanFile): string {
  const list = (items: readonly unknown[], indent: string): string =>
    items.length === 0
      ? '[]'
      : `[\n${items.map((item) => `${indent}  ${JSON.stringify(item)}`).join(',\n')}\n${indent}]`;
  const texts = groups.map(({ hosts, changes, ...rest }) => {
    const members = [`"hosts": ${list(hosts, '    ')}`, `"changes": ${list(changes, '    ')}`];
    for (const [key, value] of Object.entries(rest)) members.push(`"${key}": ${JSON.stringify(value)}`);
    return `  {\n    ${members.join(',\n    ')}\n  }`;
  });
  const members = Object.entries(head).map(([key, value]) => `"${key}": ${JSON.stringify(value)}`);
  members.push(`"groups": ${texts.length === 0 ? '[]' : `[\n${texts.join(',\n')}\n]`}`);
  members.push(`"nothing": ${list(nothing, '')}`, `"leftOut": ${list(leftOut, '')}`, `"digest": "${digest}"`);
  return `{\n${members.join(',\n')}\n}\n`;
}

/** Throws a Failure (wrong use) that names the file and says what is wrong with it. */
export async function readPlan(path: string): Promise<PlanFile> {
  const bytes = await readBytes(path, PLAN_BYTES);
  const { parsePlan } = await import('./plan-file-shape.ts');
  return parsePlan(path, bytes);
}
