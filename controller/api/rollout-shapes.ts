import * as z from 'zod';
import { LIMITS } from '../../proto/limits.ts';
import { isProbeHost, isProbeUrl } from '../../proto/validate-probe.ts';
import { API_LIMITS as CAPS } from './limits.ts';
import { durationMs, hex, probeOf, some, task, text, transaction } from './task-shapes.ts';

/** What the server lets in of rollouts, as shapes.ts has the rest. What it means is looked at where a rollout is started. */

const share = z
  .string()
  .regex(/^([1-9]\d{0,6}|([1-9]\d?|100)%)$/, 'expected a number like 10, or a share like 25%');
const failures = z
  .string()
  .regex(/^(0|[1-9]\d{0,6}|(\d|[1-9]\d|100)%)$/, 'expected a number like 3, or a share like 10%');
const targets = some(CAPS.targetsChars);
const selector = some(CAPS.selectorChars);
const tasks = z.array(task).min(1).max(LIMITS.tasksPerOrder);
const reason = text(LIMITS.reasonChars);

const gate = z.strictObject({
  success: z
    .string()
    .regex(/^(\d|[1-9]\d|100)%$/, 'expected a share like 95%')
    .exactOptional(),
  soakMs: z.int().min(0).max(LIMITS.probeTimeMaxMs).exactOptional(),
  approval: z.enum(['nobody', 'anybody', 'not-starter']).exactOptional(),
});

const ofWave = {
  name: some(CAPS.rolloutNameChars).exactOptional(),
  gate: gate.exactOptional(),
  maxFailures: failures.exactOptional(),
};
const wave = z.union(
  [
    z.strictObject({ ...ofWave, size: share }),
    z.strictObject({ ...ofWave, hosts: targets }),
    z.strictObject({ ...ofWave, selector }),
    z.strictObject({ ...ofWave, each: some(LIMITS.labelKeyChars) }),
    z.strictObject({ ...ofWave, rest: z.literal(true) }),
  ],
  'expected one of size, hosts, selector, each and rest',
);

/**
 * Each wave's hosts are looked for among all of the rollout, and a viewer may ask how it would go: what that takes of everybody else's time
 * is bounded as for one list of targets and one selector.
 */
function areQuick(waves: readonly z.infer<typeof wave>[]): boolean {
  const selectorChars = waves.reduce((sum, one) => sum + ('selector' in one ? one.selector.length : 0), 0);
  const globs = waves.reduce(
    (sum, one) =>
      sum + ('hosts' in one ? one.hosts.split(',').filter((item) => /[*?[]/.test(item)).length : 0),
    0,
  );
  return selectorChars <= CAPS.selectorChars && globs <= CAPS.rolloutWaves;
}

/** In a URL or host that the controller probes. */
const HOLES = /\{(?:name|address)\}/g;
const probe = probeOf(
  {
    name: some(CAPS.rolloutNameChars),
    from: z
      .union(
        [
          z.literal(['host', 'controller']),
          z.strictObject({ targets: targets.exactOptional(), selector: selector.exactOptional() }),
        ],
        'expected host, controller, or targets and selector',
      )
      .exactOptional(),
  },
  {
    url: z
      .string()
      .max(2048)
      .refine(
        (url) => isProbeUrl(url.replace(HOLES, 'host')) && !/[{}]/.test(url.replace(HOLES, '')),
        'expected a URL of http or https without a password, and no braces but {name} and {address}',
      ),
    host: z
      .string()
      .max(253)
      .refine((host) => isProbeHost(host.replace(HOLES, 'host')), 'expected a host'),
  },
);

const zone = z
  .string()
  .max(64)
  .regex(/^[A-Za-z0-9][A-Za-z0-9_+/-]*$/, 'expected a time zone like Europe/Berlin');
const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'expected a time like 22:00');
const localTime = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}(T([01]\d|2[0-3]):[0-5]\d)?$/, 'expected a day, or a time like 2026-12-20T18:00');
export const window = z.strictObject({
  days: z
    .array(z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']))
    .min(1)
    .max(7)
    .exactOptional(),
  from: timeOfDay,
  to: timeOfDay,
  zone,
});
export const freeze = z.strictObject({
  from: localTime,
  to: localTime,
  zone,
  reason: reason.exactOptional(),
});

const planned = z.strictObject({ ...transaction, wayBack: z.boolean() });
const change = z.strictObject({
  kind: z.enum(['plan', 'bundle', 'file', 'upgrade']),
  title: some(255),
  tasks,
  plan: z
    .strictObject({
      digest: some(CAPS.digestChars),
      madeAtMs: z.int().min(0),
      hosts: z.array(planned).min(1).max(CAPS.rolloutHosts),
    })
    .exactOptional(),
});

export const rollout = z.strictObject({
  name: some(CAPS.rolloutNameChars).exactOptional(),
  targets: targets.exactOptional(),
  selector: selector.exactOptional(),
  change,
  pre: tasks.exactOptional(),
  post: tasks.exactOptional(),
  undo: tasks.exactOptional(),
  reboot: z.enum(['never', 'if-needed', 'always']).exactOptional(),
  rebootTimeoutMs: durationMs(LIMITS.rebootTimeoutMaxMs).exactOptional(),
  waves: z
    .array(wave)
    .min(1)
    .max(CAPS.rolloutWaves)
    .refine(areQuick, 'the selectors and globs of all waves together are too many')
    .exactOptional(),
  order: z.enum(['name', 'random']).exactOptional(),
  seed: z
    .int()
    .min(0)
    .max(2 ** 32 - 1)
    .exactOptional(),
  maxUnavailable: share.exactOptional(),
  maxFailures: failures.exactOptional(),
  probes: z.array(probe).max(CAPS.rolloutProbes).exactOptional(),
  gate: gate.exactOptional(),
  onFailure: z.enum(['host', 'wave', 'all', 'none']).exactOptional(),
  withoutWayBack: z.enum(['refuse', 'go-on']).exactOptional(),
  windows: z.array(window).max(CAPS.rolloutWindows).exactOptional(),
  freezes: z.array(freeze).max(CAPS.rolloutWindows).exactOptional(),
  busy: z.enum(['refuse', 'wait']).exactOptional(),
  ttlMs: durationMs(LIMITS.ttlMaxMs).exactOptional(),
  timeoutMs: durationMs(LIMITS.timeoutMaxMs).exactOptional(),
  lifeMs: durationMs(LIMITS.ttlMaxMs).exactOptional(),
  reason: reason.exactOptional(),
});

export const atRollout = z.strictObject({ rollout: hex(LIMITS.jobIdBytes) });
export const withReason = z.strictObject({ reason: reason.exactOptional() });
export const approval = withReason.extend({
  wave: z
    .int()
    .min(0)
    .max(CAPS.rolloutHosts - 1)
    .exactOptional(),
});
export const abortion = withReason.extend({ cancel: z.boolean().exactOptional() });
export const rollback = withReason.extend({ targets: targets.exactOptional() });
