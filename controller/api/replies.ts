import * as z from 'zod';
import { TASK_KINDS } from '../../proto/validate-order.ts';
import { type Change, type JobState, RUN_STATES } from './job-messages.ts';
import type { AgentState, Role } from './messages.ts';
import { event as rolloutEvent, started as rolloutStarted } from './rollout-replies.ts';

/**
 * The replies of messages.ts as schemas: for the OpenAPI document and the tests. The server does not check its own replies,
 * and they may grow keys, so these are not strict.
 */

const count = z.int().min(0);
const ms = z.number().min(0);
const instant = z.int();
const maybe = <T extends z.ZodType>(schema: T) => z.nullable(schema);
const labels = z.record(z.string(), z.string());
const record = z.record(z.string(), z.unknown());

export const role = z.enum(['viewer', 'runner', 'admin'] as const satisfies readonly Role[]);
export const actor = z.object({ name: z.string(), role });
export const done = z.object({ ok: z.literal(true) });
export const ready = z.object({ ready: z.boolean(), checks: z.record(z.string(), maybe(z.string())) });

export const status = z.object({
  version: z.string(),
  fleetId: z.string(),
  urls: z.array(z.string()),
  timeMs: instant,
  startedAtMs: instant,
  agents: z.object({ known: count, online: count, pending: count, quarantined: count }),
  jobs: z.object({ running: count }),
  rollouts: z.object({ open: count, stopped: count }),
  trust: z.object({ serial: count, expiresAtMs: instant }),
  rootKeyHere: z.boolean(),
  storage: z.object({
    databaseBytes: count,
    reusableBytes: count,
    outputBytes: count,
    contentBytes: count,
    freeBytes: maybe(count),
    oldestJobAtMs: maybe(instant),
    full: maybe(z.string()),
    keepJobsMs: maybe(ms),
    keepOutputMs: maybe(ms),
    maxOutputBytes: maybe(count),
    reserveBytes: count,
  }),
  warnings: z.array(z.string()),
});

export const content = z.object({
  sha512: z.string(),
  length: maybe(count),
  have: count,
  complete: z.boolean(),
  key: maybe(z.string()),
});
export const published = z.object({ sha512: z.string(), length: count, untilMs: instant });

const target = z.object({ name: z.string(), id: z.string(), online: z.boolean() });
export const targets = z.array(target);

const agentSummary = z.object({
  name: z.string(),
  id: z.string(),
  online: z.boolean(),
  state: z.enum(['active', 'pending', 'quarantined'] as const satisfies readonly AgentState[]),
  labels,
  os: maybe(z.string()),
  arch: maybe(z.string()),
  agentVersion: maybe(z.string()),
  enrolledAtMs: instant,
  lastSeenMs: maybe(instant),
});
export const agents = z.array(agentSummary);
export const agent = agentSummary.extend({
  keyId: z.string(),
  claims: labels,
  hostname: maybe(z.string()),
  address: maybe(z.string()),
  onlineSinceMs: maybe(instant),
  clockSkewMs: maybe(z.number()),
});
export const labelled = z.object({ labels });
export const facts = z.object({
  name: z.string(),
  id: z.string(),
  digest: z.string(),
  collectedAtMs: instant,
  facts: record,
});

export const registered = z.object({
  name: z.string(),
  id: z.string(),
  labels,
  created: z.boolean(),
  replaced: maybe(z.string()),
});
export const trust = z.object({
  fleetId: z.string(),
  rootKeyId: z.string(),
  urls: z.array(z.string()),
  documents: z.array(z.base64()),
});
export const release = z.object({
  release: z.base64(),
  signatures: z.array(z.object({ keyId: z.string(), signature: z.base64() })),
});

export const token = z.object({ id: z.string(), token: z.string(), expiresAtMs: instant });
export const tokens = z.array(
  z.object({
    id: z.string(),
    state: z.enum(['open', 'used', 'expired', 'revoked']),
    labels,
    allowLabels: z.array(z.string()),
    uses: count,
    used: count,
    approve: z.enum(['auto', 'manual']),
    name: maybe(z.string()),
    createdBy: z.string(),
    createdAtMs: instant,
    expiresAtMs: instant,
  }),
);

export const operatorAdded = z.object({ id: z.string(), token: z.string() });
export const operators = z.array(
  z.object({
    id: z.string(),
    name: z.string(),
    role,
    state: z.enum(['active', 'expired', 'revoked']),
    createdAtMs: instant,
    expiresAtMs: maybe(instant),
    keys: z.array(z.string()),
  }),
);
export const operatorKey = z.object({ keyId: z.string() });
export const keysRevoked = z.object({ revokedKeys: z.array(z.string()) });
export const operatorRevoked = keysRevoked.extend({ ok: z.literal(true), trustedKeys: z.array(z.string()) });

const runState = z.enum(RUN_STATES);
const jobState = z.enum(['running', 'over'] as const satisfies readonly JobState[]);
const outcomeFields = {
  exitCode: maybe(z.int()),
  signal: maybe(z.string()),
  durationMs: maybe(ms),
  outputBytes: count,
  storedBytes: count,
  truncated: z.boolean(),
  reason: maybe(z.string()),
  code: maybe(z.string()),
  awaySinceMs: maybe(instant),
  gaps: z.array(z.object({ stream: z.enum(['stdout', 'stderr']), offset: count })),
};
const jobFields = {
  job: z.string(),
  state: jobState,
  kind: z.enum([...TASK_KINDS, 'bundle']),
  title: z.string(),
  targets: count,
  counts: z.partialRecord(runState, count),
  actor: z.string(),
  reason: maybe(z.string()),
  createdAtMs: instant,
  expiresAtMs: instant,
  endedAtMs: maybe(instant),
  outputPrunedAtMs: maybe(instant),
};
const change = z.enum(['changed', 'unchanged', 'would-change'] as const satisfies readonly Change[]);
const taskFields = {
  index: count,
  state: z.enum(['succeeded', 'failed', 'timed-out', 'cancelled', 'interrupted', 'skipped']),
  exitCode: maybe(z.int()),
  signal: maybe(z.string()),
  durationMs: ms,
  change: maybe(change),
  reason: maybe(z.string()),
  code: maybe(z.string()),
  outputFrom: count,
  outputTo: count,
};
const runNow = {
  agent: z.string(),
  agentId: z.string(),
  state: runState,
  attempt: count,
  task: maybe(count),
  turnAtMs: maybe(instant),
  sendByMs: maybe(instant),
  online: z.boolean(),
  lastSeenMs: maybe(instant),
  wordAtMs: maybe(instant),
  sentAtMs: maybe(instant),
};
export const waiting = z.object({
  nowMs: instant,
  expiresAtMs: instant,
  total: count,
  runs: z.array(z.object(runNow)),
});
const run = z.object({
  ...outcomeFields,
  ...runNow,
  tasks: z.array(z.object({ ...taskFields, name: z.string() })),
  change: maybe(change),
  acceptedAtMs: maybe(instant),
  startedAtMs: maybe(instant),
  endedAtMs: maybe(instant),
});
export const jobCreated = z.object({
  job: z.string(),
  targets,
  tasks: z.array(z.string()),
  created: z.boolean(),
});
export const draft = z.object({
  draft: z.string(),
  untilMs: instant,
  orders: z.array(z.object({ what: z.string(), order: z.base64(), targets: maybe(z.array(count)) })),
  targets: z.array(z.object({ name: z.string(), id: z.string(), epoch: z.string() })),
});
export const jobDraft = z.union([
  z.object({ draft, made: z.null() }),
  z.object({ draft: z.null(), made: jobCreated }),
]);
export const rolloutDraft = z.union([
  z.object({ draft: draft.extend({ soaksMs: z.array(count) }), made: z.null() }),
  z.object({ draft: z.null(), made: rolloutStarted }),
]);
export const jobs = z.array(z.object(jobFields));
export const job = z.object({
  ...jobFields,
  asked: z.object({
    targets: z.string().exactOptional(),
    selector: z.string().exactOptional(),
    limit: z.string().exactOptional(),
    seed: z.number().exactOptional(),
    failedOf: z.string().exactOptional(),
    states: z.string().exactOptional(),
  }),
  timeoutMs: ms,
  tasks: z.array(z.string()),
  retryOf: maybe(z.string()),
  pace: maybe(z.object({ batch: maybe(count), maxFailures: maybe(count), waiting: count })),
  runs: z.array(run),
});
export const cancelled = z.object({ cancelled: count });
export const pruned = z.object({ jobs: count, outputBytes: count, more: z.boolean() });

/** The data of each server-sent event; not a reply's body, but part of the contract. */
const outcome = z.object(outcomeFields);
const runPlace = { agentId: z.string(), attempt: count };
export const streamEvents = {
  output: z.object({
    ...runPlace,
    stream: z.enum(['stdout', 'stderr']),
    offset: count,
    position: count,
    base64: z.base64(),
    atMs: instant,
  }),
  state: z.object({
    ...runPlace,
    state: runState,
    task: maybe(count),
    outcome: maybe(outcome),
    tasks: z.array(z.object(taskFields)),
    atMs: instant,
  }),
  job: z.object({
    what: z.enum(['created', 'cancelled', 'ended']),
    by: maybe(z.string()),
    atMs: instant,
  }),
  end: z.object({ why: z.enum(['over', 'no-follow', 'stopping']), after: count }),
};
export const rolloutStreamEvents = { rollout: rolloutEvent, end: streamEvents.end };

export const auditEntries = z.array(
  z.object({
    seq: count,
    atMs: instant,
    actor: z.string(),
    action: z.string(),
    subject: maybe(z.string()),
    detail: record,
    hash: z.string(),
  }),
);
export const auditHead = z.object({
  seq: count,
  hash: z.string(),
  atMs: instant,
  keyId: maybe(z.string()),
  signature: maybe(z.string()),
});
export const auditVerified = z.object({
  ok: z.boolean(),
  checked: count,
  head: maybe(auditHead),
  firstBad: maybe(z.object({ seq: count, why: z.string() })),
  tailChecked: z.boolean(),
});

export const failure = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    detail: z.string().exactOptional(),
    retryable: z.boolean(),
    requestId: z.string().exactOptional(),
  }),
});
