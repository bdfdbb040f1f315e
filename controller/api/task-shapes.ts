import * as z from 'zod';
import { LIMITS } from '../../proto/limits.ts';
import { isPlainPath } from '../../proto/validate-order.ts';
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
const guarded = {
  name: some(255).exactOptional(),
  unless: some(LIMITS.argBytes).exactOptional(),
  creates: path.exactOptional(),
};

export const task = z.union(
  [
    z.strictObject({
      ...guarded,
      command: z.strictObject({
        ...stdin,
        argv: z
          .array(argument)
          .min(1)
          .max(LIMITS.argvItems)
          .refine((argv) => argv[0] !== '', 'the program is empty'),
      }),
    }),
    z.strictObject({ ...guarded, shell: z.strictObject({ ...stdin, line: some(LIMITS.argBytes) }) }),
    z.strictObject({
      ...guarded,
      script: z.strictObject({
        ...stdin,
        content: base64(LIMITS.scriptBytes).min(1),
        args: z.array(argument).max(LIMITS.argvItems),
        name: some(255),
      }),
    }),
    z.strictObject({
      ...guarded,
      file: z.strictObject({
        path,
        state: z.enum(['file', 'directory', 'link', 'absent']),
        inline: base64(LIMITS.inlineFileBytes).exactOptional(),
        content: content.exactOptional(),
        target: some(LIMITS.pathBytes).exactOptional(),
        ...owner,
        mode: z.int().min(0).max(0o7777).exactOptional(),
      }),
    }),
    z.strictObject({ ...guarded, tree: z.strictObject({ path, manifest: content, ...owner }) }),
    z.strictObject({
      ...guarded,
      service: z.strictObject({
        unit: some(255),
        state: z.enum(['started', 'stopped', 'restarted', 'reloaded']).exactOptional(),
        enabled: z.boolean().exactOptional(),
      }),
    }),
    z.strictObject({
      ...guarded,
      reboot: z.strictObject({ timeoutMs: durationMs(LIMITS.rebootTimeoutMaxMs).exactOptional() }),
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
  ],
  'expected one of command, shell, script, file, tree, service, reboot, collect, upgrade and uninstall',
);
