import * as z from 'zod';
import { LIMITS } from '../../../proto/limits.ts';
import { isPlainPath, isUnitName } from '../../../proto/validate-order.ts';
import { describe } from '../../documents/check.ts';
import { parseDuration } from '../duration.ts';
import { Failure } from '../failure.ts';
import { parseSize } from '../size.ts';

/** What a bundle file may hold, kind by kind; docs/bundles.md is the same in words. Messages say what was expected. */

const wrong = (what: string) => ({
  error: ({ input }: { input?: unknown }) =>
    input === undefined ? `is missing, expected ${what}` : `expected ${what}, not ${describe(input)}`,
});

function text(maxBytes: number, what = 'a text') {
  return z
    .string(wrong(what))
    .refine((value) => !value.includes('\0'), 'has a NUL character')
    .refine((value) => Buffer.byteLength(value) <= maxBytes, `is longer than ${maxBytes} bytes`);
}
const some = (maxBytes: number, what = 'a text') =>
  text(maxBytes, what).refine((value) => value !== '', `expected ${what}, not ""`);

function matching(accepts: (value: string) => boolean, what: string) {
  return z.string(wrong(what)).refine(accepts, {
    error: ({ input }) => `expected ${what}, not ${describe(input)}`,
  });
}

/** A text that one of the parsers of our options takes. */
function parsed<T>(parse: (value: string) => T, what: string) {
  return z.string(wrong(what)).transform((value, context) => {
    try {
      return parse(value);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      context.addIssue(error.message);
      return z.NEVER;
    }
  });
}

const duration = (maxMs: number) =>
  parsed((value) => parseDuration(value, { maxMs }), 'a duration like "10m"');
const whole = (least: number, most: number) => {
  const what = `a whole number from ${least} to ${most}`;
  return z.int(wrong(what)).refine((value) => value >= least && value <= most, `expected ${what}`);
};
const path = matching(isPlainPath, 'an absolute path without "//", "." and ".."');
const source = some(LIMITS.pathBytes, 'the name of a file');
const mode = matching(
  (value) => /^[0-7]{4}$/.test(value) && value !== '0000',
  'four octal digits in quotes, like "0644"',
).transform((value) => Number.parseInt(value, 8));
const owner = some(256, 'the name of a user');
const group = some(256, 'the name of a group');
const words = z.array(text(LIMITS.argBytes), wrong('a list of texts')).max(LIMITS.argvItems);

/** What any task may have beside what it does. */
const guarded = {
  name: matching(
    (value) => value !== '' && value.length <= 255 && !/\p{Cc}/u.test(value),
    'a name of 1 to 255 characters in one line',
  ).exactOptional(),
  unless: some(LIMITS.argBytes, 'a line for a shell').exactOptional(),
  creates: path.exactOptional(),
};
export const COMMON: object = guarded;
const stdin = { stdin: text(LIMITS.stdinBytes).exactOptional() };
const attributes = {
  mode: mode.exactOptional(),
  owner: owner.exactOptional(),
  group: group.exactOptional(),
};
function map<S extends z.ZodRawShape>(shape: S) {
  const keys = Object.keys(shape).join(', ');
  const { error } = wrong(`a map with ${keys}`);
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys' ? `is not known here, expected ${keys}` : error(issue),
  });
}

/** A task of each kind, by the key that says which kind it is. */
export const TASKS = {
  command: map({
    ...guarded,
    ...stdin,
    command: words.refine(([program]) => program !== undefined && program !== '', 'expected a program first'),
  }),
  shell: map({ ...guarded, ...stdin, shell: some(LIMITS.argBytes, 'a line for a shell') }),
  script: map({ ...guarded, ...stdin, script: source, args: words.exactOptional() }),
  file: map({
    ...guarded,
    file: map({
      path,
      content: text(LIMITS.inlineFileBytes).exactOptional(),
      source: source.exactOptional(),
      ...attributes,
    }).refine(
      (file) => (file.content === undefined) !== (file.source === undefined),
      'expected either content or source',
    ),
  }),
  tree: map({
    ...guarded,
    tree: map({ path, source, owner: owner.exactOptional(), group: group.exactOptional() }),
  }),
  directory: map({ ...guarded, directory: map({ path, ...attributes }) }),
  link: map({
    ...guarded,
    link: map({ path, target: some(LIMITS.pathBytes, 'where the link points') }),
  }),
  absent: map({ ...guarded, absent: path }),
  service: map({
    ...guarded,
    service: map({
      unit: matching(isUnitName, 'the name of a unit'),
      state: z
        .enum(
          ['started', 'stopped', 'restarted', 'reloaded'],
          wrong('started, stopped, restarted or reloaded'),
        )
        .exactOptional(),
      enabled: z.boolean(wrong('true or false')).exactOptional(),
    }).refine(
      ({ state, enabled }) => state !== undefined || enabled !== undefined,
      'expected state, enabled or both',
    ),
  }),
  reboot: map({
    ...guarded,
    reboot: map({ timeout: duration(LIMITS.rebootTimeoutMaxMs).exactOptional() }),
  }),
};
export type Kind = keyof typeof TASKS;
export const KINDS = Object.keys(TASKS) as Kind[];
export type CheckedTask = { [K in Kind]: z.output<(typeof TASKS)[K]> }[Kind];

/** What holds for all tasks, named as the options that win over it. */
const defaults = map({
  user: owner.exactOptional(),
  cwd: path.exactOptional(),
  env: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), text(LIMITS.argBytes), {
      error: (issue) =>
        issue.code === 'invalid_key'
          ? 'expected the name of a variable'
          : wrong('a map of variables').error(issue),
    })
    .exactOptional(),
  timeout: duration(LIMITS.timeoutMaxMs).exactOptional(),
  ttl: duration(LIMITS.ttlMaxMs).exactOptional(),
  'max-output': parsed(
    (value) => parseSize(value, { maxBytes: LIMITS.outputCapMaxBytes }),
    'a size like "10MiB"',
  ).exactOptional(),
  nice: whole(0, LIMITS.niceMax).exactOptional(),
});

/** The file but for its tasks, which are checked one by one. */
export const BUNDLE = map({
  name: guarded.name,
  defaults: defaults.exactOptional(),
  tasks: z
    .array(z.unknown(), wrong('a list of tasks'))
    .min(1, 'expected at least one task')
    .max(LIMITS.tasksPerOrder, `expected at most ${LIMITS.tasksPerOrder} tasks`),
});
export type CheckedDefaults = z.output<typeof defaults>;
