import * as z from 'zod';
import { LIMITS } from '../../proto/limits.ts';
import {
  isPackageArch,
  isPackageName,
  isPackageVersion,
  PACKAGE_ACTIONS,
  PACKAGE_MANAGERS,
} from '../../proto/packages.ts';
import { isPlainPath } from '../../proto/validate-order.ts';
import { isProbeHost, isProbeUrl } from '../../proto/validate-probe.ts';
import { API_LIMITS as CAPS } from './limits.ts';

/** What a task may be, and the small shapes that requests are made of. */

export const text = (max: number) =>
  z
    .string()
    .max(max)
    .refine((value) => !value.includes('\0'), 'has a NUL byte');
export const some = (max: number) => text(max).min(1);
export const durationMs = (max: number) => z.int().min(1).max(max);

export const hex = (bytes: number) =>
  z.string().regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`), `expected ${2 * bytes} hex digits`);
const base64 = (maxBytes: number) => z.base64().max(Math.ceil(maxBytes / 3) * 4);
const argument = text(LIMITS.argBytes);

const path = some(LIMITS.pathBytes).refine(
  isPlainPath,
  'expected an absolute path without "//", "." or ".."',
);
export const sha512 = z.string().regex(/^[0-9a-f]{128}$/, 'expected 128 hex digits');
const content = z.strictObject({
  sha512,
  length: z.int().min(0).max(LIMITS.contentMaxBytes),
  key: z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hex digits'),
});
const stdin = { stdin: base64(LIMITS.stdinBytes).exactOptional() };
const owner = { owner: some(CAPS.userChars).exactOptional(), group: some(CAPS.userChars).exactOptional() };
const argv = z
  .array(argument)
  .min(1)
  .max(LIMITS.argvItems)
  .refine((argv) => argv[0] !== '', 'the program is empty');
const packageName = z.string().refine(isPackageName, 'expected the name of a package');
const packageVersion = z.string().refine(isPackageVersion, 'expected the version of a package');
const packageNames = z.array(packageName).max(LIMITS.packageNames);
const versionOrNone = z.literal('').or(packageVersion);

const command = z.strictObject({ ...stdin, argv });
const shell = z.strictObject({ ...stdin, line: some(LIMITS.argBytes) });
const file = z.strictObject({
  path,
  state: z.enum(['file', 'directory', 'link', 'absent']),
  inline: base64(LIMITS.inlineFileBytes).exactOptional(),
  content: content.exactOptional(),
  target: some(LIMITS.pathBytes).exactOptional(),
  ...owner,
  mode: z.int().min(0).max(0o7777).exactOptional(),
});
const service = z.strictObject({
  unit: some(255),
  state: z.enum(['started', 'stopped', 'restarted', 'reloaded']).exactOptional(),
  enabled: z.boolean().exactOptional(),
});
const packages = z.strictObject({
  action: z.enum(PACKAGE_ACTIONS),
  names: packageNames.exactOptional(),
  exclude: packageNames.exactOptional(),
  security: z.boolean().exactOptional(),
  state: z.enum(['present', 'latest', 'absent']).exactOptional(),
  version: packageVersion.exactOptional(),
  configFiles: z.enum(['keep', 'replace']).exactOptional(),
  wayBack: z.enum(['required', 'wanted', 'none']).exactOptional(),
  lockWaitMs: z.int().min(0).max(LIMITS.lockWaitMaxMs).exactOptional(),
});
const probeTimes = {
  need: z.int().min(1).max(LIMITS.probeTries).exactOptional(),
  of: z.int().min(1).max(LIMITS.probeTries).exactOptional(),
  everyMs: durationMs(LIMITS.probeTimeMaxMs).exactOptional(),
  timeoutMs: durationMs(LIMITS.probeTimeMaxMs).exactOptional(),
  withinMs: durationMs(LIMITS.probeTimeMaxMs).exactOptional(),
  holdMs: z.int().min(0).max(LIMITS.probeTimeMaxMs).exactOptional(),
};
/** One of the four kinds, with what else belongs to it. `url` and `host`: where others than an agent's own are meant. */
export const probeOf = <T extends z.ZodRawShape>(
  more: T,
  { url, host }: { url: z.ZodType<string>; host: z.ZodType<string> },
) =>
  z.union(
    [
      z.strictObject({ ...more, ...probeTimes, command: z.strictObject({ argv }) }),
      z.strictObject({ ...more, ...probeTimes, shell: z.strictObject({ line: some(LIMITS.argBytes) }) }),
      z.strictObject({
        ...more,
        ...probeTimes,
        http: z.strictObject({
          url,
          status: z.int().min(100).max(599).exactOptional(),
          contains: some(LIMITS.probeContainsChars).exactOptional(),
          insecure: z.boolean().exactOptional(),
        }),
      }),
      z.strictObject({
        ...more,
        ...probeTimes,
        tcp: z.strictObject({ host, port: z.int().min(1).max(65_535) }),
      }),
    ],
    'expected one of command, shell, http and tcp',
  );
const probe = probeOf(
  {},
  {
    url: z.string().refine(isProbeUrl, 'expected a URL of http or https without a password'),
    host: z.string().refine(isProbeHost, 'expected a host'),
  },
);
const undo = z.strictObject({
  withinMs: durationMs(LIMITS.undoWithinMaxMs),
  tasks: z
    .array(
      z.union(
        [
          z.strictObject({ command }),
          z.strictObject({ shell }),
          z.strictObject({ file }),
          z.strictObject({ service }),
          z.strictObject({ packages }),
        ],
        'expected one of command, shell, file, service and packages',
      ),
    )
    .min(1)
    .max(LIMITS.undoTasks),
});
const guarded = {
  name: some(255).exactOptional(),
  unless: some(LIMITS.argBytes).exactOptional(),
  creates: path.exactOptional(),
};
/** Of what changes something and goes on: a reboot is not taken back, and what only asks changes nothing. */
const undoable = { ...guarded, undo: undo.exactOptional() };

const change = z
  .strictObject({
    name: packageName,
    arch: z.literal('').or(z.string().refine(isPackageArch, 'expected an architecture')),
    from: versionOrNone,
    to: versionOrNone,
  })
  .readonly();
/** What apply and revert mean on hosts that are alike. */
export const transaction = {
  agentIds: z.array(hex(LIMITS.keyIdBytes)).min(1).max(LIMITS.targetsPerOrder),
  manager: z.enum(PACKAGE_MANAGERS),
  changes: z.array(change).min(1).max(LIMITS.packageChanges),
};
export const transactions = z.array(z.strictObject(transaction)).max(LIMITS.targetsPerOrder);

export const task = z.union(
  [
    z.strictObject({ ...undoable, command }),
    z.strictObject({ ...undoable, shell }),
    z.strictObject({
      ...undoable,
      script: z.strictObject({
        ...stdin,
        content: base64(LIMITS.scriptBytes).min(1),
        args: z.array(argument).max(LIMITS.argvItems),
        name: some(255),
      }),
    }),
    z.strictObject({ ...undoable, file }),
    z.strictObject({ ...undoable, tree: z.strictObject({ path, manifest: content, ...owner }) }),
    z.strictObject({ ...undoable, service }),
    z.strictObject({
      ...guarded,
      reboot: z.strictObject({
        timeoutMs: durationMs(LIMITS.rebootTimeoutMaxMs).exactOptional(),
        ifNeeded: z.boolean().exactOptional(),
      }),
    }),
    z.strictObject({ ...guarded, collect: z.strictObject({ path }) }),
    z.strictObject({
      ...guarded,
      upgrade: z.strictObject({
        release: base64(LIMITS.releaseBytes).min(1),
        signatures: z
          .array(z.strictObject({ keyId: hex(LIMITS.keyIdBytes), signature: base64(LIMITS.signatureBytes) }))
          .min(1)
          .max(LIMITS.signaturesPerOrder),
        contents: z.array(content).min(1).max(LIMITS.buildsPerRelease),
        onlineWithinMs: durationMs(LIMITS.onlineWithinMaxMs).exactOptional(),
      }),
    }),
    z.strictObject({
      ...guarded,
      uninstall: z.strictObject({ keepPolicy: z.boolean().exactOptional() }),
    }),
    z.strictObject({ ...undoable, packages }),
    z.strictObject({ ...guarded, probe }),
  ],
  'expected one of command, shell, script, file, tree, service, reboot, collect, upgrade, uninstall, packages and probe',
);
