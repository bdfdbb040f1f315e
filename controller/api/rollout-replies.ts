import * as z from 'zod';
import {
  HOST_PHASES,
  ROLLOUT_STATES,
  type RolloutEvent,
  type RolloutPolicy,
  type StepDetail,
  WAVE_STATES,
} from './rollout-messages.ts';
import { freeze, window } from './rollout-shapes.ts';

/** The replies of rollout-messages.ts as schemas, as replies.ts has the rest. */

const count = z.int().min(0);
const instant = z.int();
const maybe = <T extends z.ZodType>(schema: T) => z.nullable(schema);
const counts = z.partialRecord(z.enum(HOST_PHASES), count);

const gate = z.object({
  successPercent: maybe(z.number()),
  soakMs: z.number().min(0),
  approval: z.enum(['nobody', 'anybody', 'not-starter']),
});
const policy = z.object({
  maxUnavailable: count,
  maxFailures: count,
  onFailure: z.enum(['host', 'wave', 'all', 'none'] as const satisfies readonly RolloutPolicy['onFailure'][]),
  reboot: z.enum(['never', 'if-needed', 'always']),
  windows: z.array(window),
  freezes: z.array(freeze),
  busy: z.enum(['refuse', 'wait']),
  expiresAtMs: instant,
});

export const summary = z.object({
  rollout: z.string(),
  name: z.string(),
  kind: z.enum(['plan', 'bundle', 'file', 'upgrade']),
  title: z.string(),
  state: z.enum(ROLLOUT_STATES),
  reason: maybe(z.string()),
  actor: z.string(),
  createdAtMs: instant,
  endedAtMs: maybe(instant),
  hosts: count,
  counts,
  wave: maybe(count),
  waves: count,
});
export const rollouts = z.array(summary);

const host = z.object({
  agent: z.string(),
  agentId: z.string(),
  wave: count,
  phase: z.enum(HOST_PHASES),
  reason: maybe(z.string()),
  code: maybe(z.string()),
  wayBack: z.boolean(),
  changed: maybe(z.boolean()),
  rebooted: z.boolean(),
  beganAtMs: maybe(instant),
  endedAtMs: maybe(instant),
});
export const rollout = summary.extend({
  seq: count,
  nowMs: instant,
  note: maybe(z.string()),
  planDigest: maybe(z.string()),
  policy,
  waveDetails: z.array(
    z.object({
      index: count,
      name: z.string(),
      state: z.enum(WAVE_STATES),
      reason: maybe(z.string()),
      hosts: count,
      counts,
      maxFailures: maybe(count),
      gate,
      beganAtMs: maybe(instant),
      doneAtMs: maybe(instant),
      soakUntilMs: maybe(instant),
      approvedBy: maybe(z.string()),
      approvedAtMs: maybe(instant),
    }),
  ),
  hostDetails: z.array(host),
  steps: z.array(
    z.object({
      step: z.enum([
        'pre',
        'change',
        'check',
        'post',
        'undo',
        'restore',
        'soak',
        'observe',
      ] as const satisfies readonly StepDetail['step'][]),
      wave: maybe(count),
      job: z.string(),
    }),
  ),
  probes: z.array(z.object({ name: z.string(), from: z.string() })),
});

export const checked = z.object({
  hosts: count,
  policy,
  waves: z.array(z.object({ name: z.string(), hosts: z.array(z.string()), gate })),
  warnings: z.array(z.string()),
});
export const started = z.object({ rollout: z.string(), created: z.boolean(), hosts: count, waves: count });

export const event = z.object({
  seq: count,
  atMs: instant,
  what: z.enum([
    'created',
    'state',
    'wave',
    'host',
    'approved',
    'paused',
    'resumed',
    'aborted',
    'rollback',
    'probe',
  ] as const satisfies readonly RolloutEvent['what'][]),
  to: z.string(),
  wave: maybe(count),
  agent: maybe(z.string()),
  agentId: maybe(z.string()),
  by: maybe(z.string()),
  reason: maybe(z.string()),
});
export const report = z.object({
  rollout,
  events: z.array(event),
  hosts: z.array(
    host.extend({
      changes: z.array(
        z.object({
          name: z.string(),
          arch: z.string(),
          before: z.string(),
          planned: z.string(),
          after: z.string(),
        }),
      ),
    }),
  ),
  madeAtMs: instant,
  auditHead: maybe(z.string()),
});
