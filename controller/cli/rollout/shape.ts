import * as z from 'zod';
import { LIMITS } from '../../../proto/limits.ts';
import type { FreezeBody, WindowBody } from '../../api/contract.ts';
import { probeMap } from '../bundle/probe.ts';
import {
  duration,
  group,
  map,
  matching,
  mode,
  owner,
  parsed,
  path,
  some,
  source,
  wrong,
} from '../bundle/values.ts';
import { wrongUse } from '../failure.ts';
import { GATE_SETTINGS, keyOf, NAME_CHARS, SETTINGS, type Setting } from './settings.ts';

/** What rollout.yaml may hold; docs/rollouts.md is the same in words. Steps (lists of tasks) and probes are looked at one by one. */

/** A setting of the table as a value of the file. */
function value<T>({ parse, what, number }: Setting<T>) {
  const text = parsed(parse, what);
  if (!number) return text.exactOptional();
  // A number of things is one, and no text that YAML could misread.
  return z.preprocess((given) => (Number.isSafeInteger(given) ? String(given) : given), text).exactOptional();
}

const targets = z
  .union([z.string(), z.array(some(LIMITS.nameChars, 'a name or glob')).min(1)], wrong('names and globs'))
  .transform((given) => (typeof given === 'string' ? given : given.join(',')))
  .refine((text) => text.trim() !== '', 'expected names and globs, not ""');
const selector = some(4096, 'a selector');
const name = value(SETTINGS.name);
const yes = (what: string) => z.literal(true, wrong(`${what}: true`));

export const GATE = map({
  success: value(GATE_SETTINGS.success),
  soak: value(GATE_SETTINGS.soakMs),
  approval: value(GATE_SETTINGS.approval),
});

const ofWave = {
  name,
  gate: GATE.exactOptional(),
  'max-failures': value(SETTINGS.maxFailures),
};
const share = value(SETTINGS.maxUnavailable).unwrap();
/** Of which a wave has one: who is in it. */
const MEMBERS = {
  canary: share,
  size: share,
  hosts: targets,
  selector,
  each: some(LIMITS.labelKeyChars, 'the name of a label'),
  rest: yes('rest'),
};
type Member = keyof typeof MEMBERS;
const memberKeys = Object.keys(MEMBERS) as Member[];

export const WAVE = map({
  ...ofWave,
  ...(Object.fromEntries(memberKeys.map((key) => [key, MEMBERS[key].exactOptional()])) as {
    [K in Member]: z.ZodExactOptional<(typeof MEMBERS)[K]>;
  }),
}).superRefine((wave, { addIssue }) => {
  const [first, second] = memberKeys.filter((key) => wave[key] !== undefined);
  if (first === undefined)
    addIssue({ code: 'custom', path: [], message: `expected one of ${memberKeys.join(', ')}` });
  else if (second !== undefined)
    addIssue({ code: 'custom', path: [second], message: `who is in the wave is said by ${first} already` });
});
export type CheckedWave = z.output<typeof WAVE>;

const from = z.union(
  [
    z.enum(['host', 'controller']),
    map({ targets: targets.exactOptional(), selector: selector.exactOptional() }).refine(
      (who) => who.targets !== undefined || who.selector !== undefined,
      'expected targets, selector or both',
    ),
  ],
  wrong('host, controller, or a map with targets and selector'),
);
export const PROBE = probeMap(
  {
    name: matching(
      (text) => text.trim() !== '' && text.length <= NAME_CHARS && !/\p{Cc}/u.test(text),
      SETTINGS.name.what,
    ),
    from: from.exactOptional(),
  },
  { forEachHost: true },
);

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
type Day = (typeof DAYS)[number];
const A_DAY = 'a day like mon, or days like mon..fri';

/** `sat`, `mon..fri`, `fri..mon`. */
function days(text: string): Day[] {
  const [first, last = first, more] = text.split('..').map((day) => DAYS.indexOf(day as Day));
  if (first === undefined || last === undefined || first < 0 || last < 0 || more !== undefined)
    throw wrongUse(`expected ${A_DAY}, not ${JSON.stringify(text)}`);
  const all: Day[] = [];
  for (let day = first; ; day = (day + 1) % DAYS.length) {
    all.push(DAYS[day] as Day);
    if (day === last) return all;
  }
}

const zone = matching((text) => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }) !== undefined;
  } catch {
    return false;
  }
}, 'a time zone like Europe/Berlin');
const time = matching((text) => /^([01]\d|2[0-3]):[0-5]\d$/.test(text), 'a time in quotes like "22:00"');
const WINDOW = map({
  days: z
    .array(parsed(days, A_DAY), wrong('a list of days'))
    .min(1, 'expected at least one day')
    .transform((lists) => [...new Set(lists.flat())])
    .exactOptional(),
  from: time,
  to: time,
  zone,
}) satisfies z.ZodType<WindowBody>;
const moment = matching(
  (text) =>
    /^\d{4}-\d{2}-\d{2}(T([01]\d|2[0-3]):[0-5]\d)?$/.test(text) &&
    !Number.isNaN(Date.parse(`${text.slice(0, 10)}T00:00Z`)),
  'a day like "2026-12-20", or a time like "2026-12-20T18:00"',
);
const FREEZE = map({ from: moment, to: moment, zone, reason: value(SETTINGS.reason) }).refine(
  ({ from: begin, to }) => begin <= to,
  { path: ['to'], error: 'is before from' },
) satisfies z.ZodType<FreezeBody>;

const COPY = map({
  source,
  path,
  owner: owner.exactOptional(),
  group: group.exactOptional(),
  mode: mode.exactOptional(),
});
/** A change is one of these. */
const CHANGES = {
  plan: source,
  bundle: source,
  copy: COPY,
  upgrade: z.union(
    [z.literal(true), map({ 'online-within': duration(LIMITS.onlineWithinMaxMs) })],
    wrong('true, or a map with online-within'),
  ),
};
const OF_A_PLAN = ['config-files', 'lock-wait'] as const;
type Kind = keyof typeof CHANGES;
const kinds = Object.keys(CHANGES) as Kind[];
const CHANGE = map({
  plan: CHANGES.plan.exactOptional(),
  bundle: CHANGES.bundle.exactOptional(),
  copy: CHANGES.copy.exactOptional(),
  upgrade: CHANGES.upgrade.exactOptional(),
  'config-files': z.enum(['keep', 'replace'], wrong('keep or replace')).exactOptional(),
  'lock-wait': duration(LIMITS.lockWaitMaxMs).exactOptional(),
}).superRefine((change, { addIssue }) => {
  for (const key of OF_A_PLAN)
    if (change[key] !== undefined && change.plan === undefined)
      addIssue({ code: 'custom', path: [key], message: 'is of a plan alone' });
  const [first, second] = kinds.filter((key) => change[key] !== undefined);
  if (first === undefined)
    addIssue({ code: 'custom', path: [], message: `expected one of ${kinds.join(', ')}` });
  else if (second !== undefined)
    addIssue({
      code: 'custom',
      path: [second],
      message: `a rollout has one change: there is ${first} already`,
    });
});
export type CheckedChange = z.output<typeof CHANGE>;

/** A list of tasks, or the bundle file that has them. */
const step = z.unknown().exactOptional();
export const STEP_FILE = map({ bundle: source });

const list = (what: string, least: number, most: number) =>
  z
    .array(z.unknown(), wrong(`a list of ${what}s`))
    .min(least, `expected at least one ${what}`)
    .max(most, `expected at most ${most} ${what}s`)
    .exactOptional();

const ofSettings = {
  name,
  'max-unavailable': value(SETTINGS.maxUnavailable),
  'max-failures': value(SETTINGS.maxFailures),
  'on-failure': value(SETTINGS.onFailure),
  'without-way-back': value(SETTINGS.withoutWayBack),
  reboot: value(SETTINGS.reboot),
  'reboot-timeout': value(SETTINGS.rebootTimeoutMs),
  order: value(SETTINGS.order),
  seed: value(SETTINGS.seed),
  busy: value(SETTINGS.busy),
  ttl: value(SETTINGS.ttlMs),
  timeout: value(SETTINGS.timeoutMs),
  life: value(SETTINGS.lifeMs),
  reason: value(SETTINGS.reason),
};
/** The table of settings has each of them. */
export const SETTING_KEYS = Object.fromEntries(
  (Object.keys(SETTINGS) as (keyof typeof SETTINGS)[]).map((field) => [field, keyOf(SETTINGS[field])]),
) as { [K in keyof typeof SETTINGS]: keyof typeof ofSettings };

export const WAVES_MOST = 200;
export const ROLLOUT = map({
  targets: targets.exactOptional(),
  selector: selector.exactOptional(),
  change: CHANGE,
  pre: step,
  post: step,
  undo: step,
  waves: list('wave', 1, WAVES_MOST),
  probes: list('probe', 0, 64),
  gate: GATE.exactOptional(),
  windows: z.array(WINDOW, wrong('a list of windows')).max(64).exactOptional(),
  freezes: z.array(FREEZE, wrong('a list of freezes')).max(64).exactOptional(),
  ...ofSettings,
});
