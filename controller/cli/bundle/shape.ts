import * as z from 'zod';
import { LIMITS } from '../../../proto/limits.ts';
import { isPackageName, isPackageVersion } from '../../../proto/packages.ts';
import { isUnitName } from '../../../proto/validate-order.ts';
import { parseSize } from '../size.ts';
import { PROBE } from './probe.ts';
import {
  argv,
  duration,
  group,
  line,
  map,
  matching,
  mode,
  owner,
  parsed,
  path,
  some,
  source,
  text,
  whole,
  words,
  wrong,
} from './values.ts';

/** What a bundle file may hold, kind by kind; docs/bundles.md is the same in words. */

/** What any task may have beside what it does. */
const guarded = {
  name: matching(
    (value) => value !== '' && value.length <= 255 && !/\p{Cc}/u.test(value),
    'a name of 1 to 255 characters in one line',
  ).exactOptional(),
  unless: line.exactOptional(),
  creates: path.exactOptional(),
};
const stdin = { stdin: text(LIMITS.stdinBytes).exactOptional() };
const attributes = {
  mode: mode.exactOptional(),
  owner: owner.exactOptional(),
  group: group.exactOptional(),
};
const content = text(LIMITS.inlineFileBytes);
const directory = map({ path, ...attributes });
const link = map({ path, target: some(LIMITS.pathBytes, 'where the link points') });
const service = map({
  unit: matching(isUnitName, 'the name of a unit'),
  state: z
    .enum(['started', 'stopped', 'restarted', 'reloaded'], wrong('started, stopped, restarted or reloaded'))
    .exactOptional(),
  enabled: z.boolean(wrong('true or false')).exactOptional(),
}).refine(
  ({ state, enabled }) => state !== undefined || enabled !== undefined,
  'expected state, enabled or both',
);
const packageName = matching(isPackageName, 'the name of a package');

/** What takes a task back, by the key that says which kind it is: nothing that would have to be fetched then. */
export const UNDO_TASKS = {
  command: map({ command: argv, ...stdin }),
  shell: map({ shell: line, ...stdin }),
  file: map({ file: map({ path, content, ...attributes }) }),
  directory: map({ directory }),
  link: map({ link }),
  absent: map({ absent: path }),
  service: map({ service }),
};
const undo = map({
  within: duration(LIMITS.undoWithinMaxMs),
  tasks: z
    .array(z.unknown(), wrong('a list of tasks'))
    .min(1, 'expected at least one task')
    .max(LIMITS.undoTasks, `expected at most ${LIMITS.undoTasks} tasks`),
});
/** Of what changes something and goes on. */
const common = { ...guarded, undo: undo.exactOptional() };
export const COMMON: object = common;

/** A task of each kind, by the key that says which kind it is. */
export const TASKS = {
  command: map({ ...common, ...stdin, command: argv }),
  shell: map({ ...common, ...stdin, shell: line }),
  script: map({ ...common, ...stdin, script: source, args: words.exactOptional() }),
  file: map({
    ...common,
    file: map({
      path,
      content: content.exactOptional(),
      source: source.exactOptional(),
      ...attributes,
    }).refine(
      (file) => (file.content === undefined) !== (file.source === undefined),
      'expected either content or source',
    ),
  }),
  tree: map({
    ...common,
    tree: map({ path, source, owner: owner.exactOptional(), group: group.exactOptional() }),
  }),
  directory: map({ ...common, directory }),
  link: map({ ...common, link }),
  absent: map({ ...common, absent: path }),
  service: map({ ...common, service }),
  package: map({
    ...common,
    package: map({
      name: packageName.exactOptional(),
      names: z
        .array(packageName, wrong('a list of packages'))
        .min(1, 'expected at least one package')
        .max(LIMITS.packageNames)
        .refine((names) => new Set(names).size === names.length, 'names a package twice')
        .exactOptional(),
      state: z.enum(['present', 'latest', 'absent'], wrong('present, latest or absent')).exactOptional(),
      version: matching(isPackageVersion, 'the version of a package').exactOptional(),
      'config-files': z.enum(['keep', 'replace'], wrong('keep or replace')).exactOptional(),
      'lock-wait': duration(LIMITS.lockWaitMaxMs).exactOptional(),
    })
      .refine(
        ({ name, names }) => (name === undefined) !== (names === undefined),
        'expected either name or names',
      )
      .refine(
        ({ name, state = 'present', version }) =>
          version === undefined || (name !== undefined && state === 'present'),
        { path: ['version'], error: 'is for one name whose state is present' },
      ),
  }),
  reboot: map({
    ...guarded,
    reboot: map({
      timeout: duration(LIMITS.rebootTimeoutMaxMs).exactOptional(),
      'if-needed': z.boolean(wrong('true or false')).exactOptional(),
    }),
  }),
  probe: map({ ...guarded, probe: PROBE }),
};
export type Kind = keyof typeof TASKS;
export const KINDS = Object.keys(TASKS) as Kind[];
export type CheckedTask = { [K in Kind]: z.output<(typeof TASKS)[K]> }[Kind];
export type CheckedUndoTask = {
  [K in keyof typeof UNDO_TASKS]: z.output<(typeof UNDO_TASKS)[K]>;
}[keyof typeof UNDO_TASKS];

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
