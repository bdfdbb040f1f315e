import * as z from 'zod';
import { LIMITS } from '../../proto/limits.ts';
import { labelProblem, nameProblem } from '../../proto/name.ts';
import type { RouteName } from './contract.ts';
import type { JobState } from './job-messages.ts';
import { API_LIMITS as CAPS } from './limits.ts';
import * as replies from './replies.ts';
import * as rolloutReplies from './rollout-replies.ts';
import { abortion, approval, atRollout, rollback, rollout, withReason } from './rollout-shapes.ts';
import { durationMs, hex, sha512, some, task, text, transactions } from './task-shapes.ts';

/**
 * What the server lets in: the requests of messages.ts as strict schemas (an unknown key is refused, every string has an end).
 * Queries arrive as strings and leave as numbers and booleans.
 */

const queryNumber = (max: number, min = 0) =>
  z
    .string()
    .regex(/^(0|[1-9]\d{0,15})$/, 'expected a whole number')
    .transform(Number)
    .pipe(z.int().min(min).max(max));
const queryFlag = z
  .enum(['true', 'false'])
  .transform((value) => value === 'true')
  .pipe(z.boolean());

const jobId = z.string().regex(/^[0-9a-f]{32}$/, 'expected a job id: 32 hex digits');
const agentId = z.string().regex(/^[0-9a-f]{32}$/, 'expected an agent id: 32 hex digits');
const agentName = text(LIMITS.nameChars).superRefine((value, context) => {
  const problem = nameProblem(value);
  if (problem) context.addIssue({ code: 'custom', message: problem });
});
const operatorName = z
  .string()
  .max(CAPS.operatorChars)
  .regex(/^[a-z0-9][a-z0-9._@-]*$/, 'expected lower-case letters, digits, dots, dashes, underscores and @');

const labelKey = z.string().max(LIMITS.labelKeyChars);
const labels = z.record(labelKey, z.string().max(LIMITS.labelValueChars)).superRefine((record, context) => {
  const entries = Object.entries(record);
  if (entries.length > LIMITS.labelsPerAgent)
    context.addIssue({ code: 'custom', message: `more than ${LIMITS.labelsPerAgent} labels` });
  for (const [key, value] of entries) {
    const problem = labelProblem(key, value);
    if (problem) context.addIssue({ code: 'custom', message: problem, path: [key] });
  }
});
const labelKeys = z.array(labelKey).max(LIMITS.labelsPerAgent);

const who = {
  targets: some(CAPS.targetsChars).exactOptional(),
  selector: some(CAPS.selectorChars).exactOptional(),
};
const share = z
  .string()
  .regex(/^([1-9]\d{0,6}|([1-9]\d?|100)%)$/, 'expected a number like 10, or a share like 25%');
const failures = z
  .string()
  .regex(/^(0|[1-9]\d{0,6}|(\d|[1-9]\d|100)%)$/, 'expected a number like 3, or a share like 10%');
const states = z
  .string()
  .max(100)
  .regex(
    /^(failed|timed-out|cancelled|rejected|expired|interrupted|lost)(,(?!,)[a-z-]+)*$/,
    'expected states that are no success, such as lost,expired',
  );
const narrowed = {
  ...who,
  limit: some(16).exactOptional(),
  failedOf: jobId.exactOptional(),
  states: states.exactOptional(),
};
const seedMax = 2 ** 32 - 1;

const env = z
  .record(
    z
      .string()
      .max(255)
      .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'expected the name of a variable'),
    text(LIMITS.argBytes),
  )
  .refine(
    (record) => Object.keys(record).length <= LIMITS.envItems,
    `more than ${LIMITS.envItems} variables`,
  );

const job = z.strictObject({
  ...narrowed,
  seed: z.int().min(0).max(seedMax).exactOptional(),
  tasks: z.array(task).min(1).max(LIMITS.tasksPerOrder),
  transactions: transactions.exactOptional(),
  title: some(255).exactOptional(),
  check: z.boolean().exactOptional(),
  timeoutMs: durationMs(LIMITS.timeoutMaxMs).exactOptional(),
  ttlMs: durationMs(LIMITS.ttlMaxMs).exactOptional(),
  killGraceMs: z.int().min(0).max(LIMITS.killGraceMaxMs).exactOptional(),
  outputCapBytes: z.int().min(0).max(LIMITS.outputCapMaxBytes).exactOptional(),
  user: some(CAPS.userChars).exactOptional(),
  cwd: some(CAPS.pathChars).startsWith('/').exactOptional(),
  env: env.exactOptional(),
  nice: z.int().min(0).max(LIMITS.niceMax).exactOptional(),
  attempts: z.int().min(1).max(LIMITS.attemptsMax).exactOptional(),
  batch: share.exactOptional(),
  maxFailures: failures.exactOptional(),
  reason: text(LIMITS.reasonChars).exactOptional(),
});

const signer = hex(LIMITS.keyIdBytes);
/** For a draft with at most so many orders. */
const signatures = (orders: number) =>
  z.strictObject({ signer, signatures: z.array(z.base64().max(100)).min(1).max(orders) });

const JOB_STATES = ['running', 'over'] as const satisfies readonly JobState[];
const atJob = z.strictObject({ job: jobId });
const atAgent = z.strictObject({ agent: some(LIMITS.nameChars) });
const atOperator = z.strictObject({ name: some(CAPS.operatorChars) });
const page = { limit: queryNumber(CAPS.listMax, 1).exactOptional() };
const after = { after: queryNumber(Number.MAX_SAFE_INTEGER).exactOptional() };

/** A row's absent part is one that its route does not have. */
export interface Shape {
  params?: z.ZodType;
  query?: z.ZodType;
  body?: z.ZodType;
  reply: z.ZodType;
}

export const SHAPES = {
  whoami: { reply: replies.actor },
  status: { reply: replies.status },
  'targets.list': {
    query: z.strictObject({ ...narrowed, seed: queryNumber(seedMax).exactOptional() }),
    reply: replies.targets,
  },
  'targets.match': {
    body: z.strictObject({ ...narrowed, seed: z.int().min(0).max(seedMax).exactOptional() }),
    reply: replies.targets,
  },

  'agents.list': { query: z.strictObject(who), reply: replies.agents },
  'agents.show': { params: atAgent, reply: replies.agent },
  'agents.facts': { params: atAgent, reply: replies.facts },
  'agents.label': {
    params: atAgent,
    body: z.strictObject({ set: labels.exactOptional(), remove: labelKeys.exactOptional() }),
    reply: replies.labelled,
  },
  'agents.approve': { params: atAgent, reply: replies.done },
  'agents.remove': { params: atAgent, reply: replies.done },

  'agents.register': {
    body: z.strictObject({
      name: agentName,
      signKey: hex(LIMITS.publicKeyBytes),
      boxKey: hex(LIMITS.publicKeyBytes),
      epoch: hex(LIMITS.keyIdBytes),
      labels: labels.exactOptional(),
      hostname: text(LIMITS.nameChars).exactOptional(),
      replace: z.boolean().exactOptional(),
    }),
    reply: replies.registered,
  },

  'fleet.trust': { reply: replies.trust },
  'releases.sign': {
    body: z.strictObject({
      agentVersion: z.string().regex(/^\d{1,9}\.\d{1,9}\.\d{1,9}$/, 'expected a version like 1.2.3'),
      builds: z
        .array(
          z.strictObject({
            form: z.enum(['bundle', 'executable']),
            arch: z.enum(['x64', 'arm64']).exactOptional(),
            sha512,
            length: z.int().min(1).max(LIMITS.buildBytes),
          }),
        )
        .min(1)
        .max(LIMITS.buildsPerRelease),
    }),
    reply: replies.release,
  },

  'tokens.create': {
    body: z.strictObject({
      ttlMs: durationMs(CAPS.tokenTtlMaxMs).exactOptional(),
      labels: labels.exactOptional(),
      allowLabels: labelKeys.exactOptional(),
      uses: z.int().min(1).max(CAPS.tokenUsesMax).exactOptional(),
      approve: z.enum(['auto', 'manual']).exactOptional(),
      name: agentName.exactOptional(),
    }),
    reply: replies.token,
  },
  'tokens.list': { reply: replies.tokens },
  'tokens.revoke': { params: z.strictObject({ id: some(CAPS.idChars) }), reply: replies.done },

  'jobs.create': { body: job, reply: replies.jobCreated },
  'jobs.draft': { body: z.strictObject({ ...job.shape, signer }), reply: replies.jobDraft },
  'jobs.submit': { params: atJob, body: signatures(1), reply: replies.jobCreated },
  'jobs.list': {
    query: z.strictObject({
      ...page,
      before: jobId.exactOptional(),
      state: z.enum(JOB_STATES).exactOptional(),
    }),
    reply: replies.jobs,
  },
  'jobs.show': { params: atJob, reply: replies.job },
  'jobs.waiting': { params: atJob, query: z.strictObject(page), reply: replies.waiting },
  'jobs.retry': {
    params: atJob,
    body: z.strictObject({
      ...who,
      limit: some(16).exactOptional(),
      seed: z.int().min(0).max(seedMax).exactOptional(),
      states: states.exactOptional(),
      timeoutMs: durationMs(LIMITS.timeoutMaxMs).exactOptional(),
      ttlMs: durationMs(LIMITS.ttlMaxMs).exactOptional(),
      batch: share.exactOptional(),
      maxFailures: failures.exactOptional(),
      reason: text(LIMITS.reasonChars).exactOptional(),
    }),
    reply: replies.jobCreated,
  },
  'jobs.cancel': {
    params: atJob,
    body: z.strictObject({
      ...who,
      agentIds: z.array(agentId).min(1).max(LIMITS.targetsPerOrder).exactOptional(),
    }),
    reply: replies.cancelled,
  },
  'jobs.prune': {
    body: z.strictObject({
      olderThanMs: z.int().min(0).max(CAPS.pruneMaxMs),
      outputOnly: z.boolean().exactOptional(),
      dryRun: z.boolean().exactOptional(),
    }),
    reply: replies.pruned,
  },
  'jobs.events': {
    params: atJob,
    query: z.strictObject({ ...after, agentId: agentId.exactOptional(), follow: queryFlag.exactOptional() }),
    reply: z.string(),
  },
  'jobs.output': {
    params: z.strictObject({ job: jobId, agent: some(LIMITS.nameChars) }),
    query: z.strictObject({
      stream: z.enum(['stdout', 'stderr']).exactOptional(),
      task: queryNumber(LIMITS.tasksPerOrder - 1).exactOptional(),
    }),
    reply: z.string(),
  },

  'rollouts.check': { body: rollout, reply: rolloutReplies.checked },
  'rollouts.start': { body: rollout, reply: rolloutReplies.started },
  'rollouts.draft': { body: z.strictObject({ ...rollout.shape, signer }), reply: replies.rolloutDraft },
  'rollouts.submit': {
    params: atRollout,
    body: signatures(CAPS.rolloutOrders),
    reply: rolloutReplies.started,
  },
  'rollouts.list': {
    query: z.strictObject({
      ...page,
      before: atRollout.shape.rollout.exactOptional(),
      state: z.enum(['open', 'over']).exactOptional(),
    }),
    reply: rolloutReplies.rollouts,
  },
  'rollouts.show': { params: atRollout, reply: rolloutReplies.rollout },
  'rollouts.report': { params: atRollout, reply: rolloutReplies.report },
  'rollouts.events': {
    params: atRollout,
    query: z.strictObject({ ...after, follow: queryFlag.exactOptional() }),
    reply: z.string(),
  },
  'rollouts.pause': { params: atRollout, body: withReason, reply: rolloutReplies.summary },
  'rollouts.resume': { params: atRollout, body: withReason, reply: rolloutReplies.summary },
  'rollouts.approve': { params: atRollout, body: approval, reply: rolloutReplies.summary },
  'rollouts.abort': { params: atRollout, body: abortion, reply: rolloutReplies.summary },
  'rollouts.rollback': { params: atRollout, body: rollback, reply: rolloutReplies.summary },

  'contents.show': { params: z.strictObject({ sha512 }), reply: replies.content },
  'contents.put': {
    params: z.strictObject({ sha512 }),
    query: z.strictObject({
      offset: queryNumber(LIMITS.contentMaxBytes),
      length: queryNumber(LIMITS.contentMaxBytes),
    }),
    reply: replies.content,
  },
  'contents.publish': {
    params: z.strictObject({ sha512 }),
    body: z.strictObject({ ttlMs: durationMs(LIMITS.ttlMaxMs) }),
    reply: replies.published,
  },

  'operators.add': {
    body: z.strictObject({
      name: operatorName,
      role: replies.role,
      ttlMs: durationMs(CAPS.operatorTtlMaxMs).exactOptional(),
    }),
    reply: replies.operatorAdded,
  },
  'operators.list': { reply: replies.operators },
  'operators.revoke': { params: atOperator, reply: replies.operatorRevoked },
  'operators.trust': {
    params: atOperator,
    body: z.strictObject({ publicKey: hex(LIMITS.publicKeyBytes) }),
    reply: replies.operatorKey,
  },
  'operators.untrust': {
    params: atOperator,
    query: z.strictObject({ keyId: signer.exactOptional() }),
    reply: replies.keysRevoked,
  },

  'audit.list': { query: z.strictObject({ ...after, ...page }), reply: replies.auditEntries },
  'audit.verify': {
    query: z.strictObject({
      since: z
        .string()
        .regex(/^\d{1,16}:[0-9a-f]{64,128}$/, 'expected a head as SEQ:HASH')
        .exactOptional(),
    }),
    reply: replies.auditVerified,
  },
  'audit.head': { reply: replies.auditHead },

  openapi: { reply: z.record(z.string(), z.unknown()) },
  health: { reply: z.object({ ok: z.literal(true) }) },
  ready: { reply: replies.ready },
  metrics: { reply: z.string() },
  'install.build': { params: z.strictObject({ sha512 }), reply: z.string() },
  home: { reply: z.string() },
} satisfies Record<RouteName, Shape>;

export type Shapes = typeof SHAPES;
