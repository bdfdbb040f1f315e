import * as z from 'zod';
import { LIMITS } from '../../../proto/limits.ts';
import { nameProblem } from '../../../proto/name.ts';
import { type Failure, wrongUse } from '../failure.ts';
import * as shapes from './package-shapes.ts';
import { digestOfPlan, PLAN_VERSION, type PlanFile } from './plan-file.ts';

const id = z.string().regex(/^[0-9a-f]{32}$/, 'expected 32 hex digits');
const digest = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hex digits');
const hostName = z
  .string()
  .max(LIMITS.nameChars)
  .refine((name) => nameProblem(name) === undefined, 'expected the name of a host');
const asked = z.string().min(1).max(LIMITS.orderBytes);
const packageNames = z.array(shapes.packageName).max(LIMITS.packageNames);
const hostsMax = LIMITS.targetsPerOrder;

const group = z.strictObject({
  hosts: z
    .array(z.strictObject({ name: hostName, agentId: id }))
    .min(1)
    .max(hostsMax),
  manager: shapes.manager,
  changes: shapes.changes.min(1),
  downloadBytes: shapes.count,
  wantsReboot: z.boolean(),
  restarts: shapes.units,
  left: shapes.left,
});

const shape = z.strictObject({
  version: z.literal(PLAN_VERSION),
  fleetId: id,
  madeAtMs: shapes.timeMs,
  by: z.string().min(1).max(256),
  job: id,
  asked: z.strictObject({
    targets: asked.exactOptional(),
    selector: asked.exactOptional(),
    limit: z.string().max(16).exactOptional(),
    seed: shapes.count.exactOptional(),
    failedOf: id.exactOptional(),
    security: z.boolean(),
    only: packageNames,
    exclude: packageNames,
    allowRemovals: z.array(z.literal('*').or(shapes.packageName)).max(LIMITS.packageNames),
  }),
  groups: z.array(group).max(hostsMax),
  nothing: z.array(hostName).max(hostsMax),
  leftOut: z.array(z.strictObject({ name: hostName, why: shapes.sentence })).max(hostsMax),
  digest,
});

const AGAIN = 'make it again: muster patch plan -t … -o FILE';

/** Shape, then digest, then what it means. Throws a Failure (wrong use) that names the file. */
export function parsePlan(path: string, bytes: Uint8Array): PlanFile {
  const value = jsonOf(path, bytes);
  const { version } = Object(value) as { version?: unknown };
  if (typeof version === 'number' && version !== PLAN_VERSION)
    throw wrongUse(`${path} is a plan of version ${version}, and this muster knows ${PLAN_VERSION}`, AGAIN);
  const read = shape.safeParse(value);
  if (!read.success) throw noPlan(path, shapes.problemOf(read.error));
  const plan: PlanFile = read.data;
  if (digestOfPlan(plan) !== plan.digest)
    throw wrongUse(`${path} was edited after it was made: its digest is another one`, AGAIN);
  const twice = repeated(plan);
  if (twice !== undefined) throw noPlan(path, `${twice} is in it twice`);
  return plan;
}

function jsonOf(path: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw noPlan(path, 'it is not JSON');
  }
}

function noPlan(path: string, why: string): Failure {
  return wrongUse(`${path} is no plan: ${why}`, AGAIN);
}

function repeated({ groups }: PlanFile): string | undefined {
  const known = new Set<string>();
  for (const { name, agentId } of groups.flatMap(({ hosts }) => hosts)) {
    if (known.has(agentId)) return name;
    known.add(agentId);
  }
  return undefined;
}
