import * as z from 'zod';
import { LIMITS } from '../../../proto/limits.ts';
import { isPackageArch, isPackageName, isPackageVersion, PACKAGE_MANAGERS } from '../../../proto/packages.ts';

/** What hosts say of packages, and what a plan file keeps of it: small strict shapes, every text with an end. */

export const manager = z.enum(PACKAGE_MANAGERS);
export const packageName = z.string().refine(isPackageName, 'expected the name of a package');
const version = z.literal('').or(z.string().refine(isPackageVersion, 'expected the version of a package'));

export const versions = {
  name: packageName,
  arch: z.literal('').or(z.string().refine(isPackageArch, 'expected an architecture')),
  from: version,
  to: version,
};

export const count = z.int().nonnegative();
/** As far as dates go. */
export const timeMs = z.int().nonnegative().max(8.64e15);

/** As systemd and OpenRC call services. */
const unit = z.string().regex(/^[A-Za-z0-9:_.@\\-]{1,255}$/, 'expected the name of a service');
export const units = z.array(unit).max(4096);

const WHY_CHARS = 500;
export const sentence = z.string().min(1).max(WHY_CHARS);

export const changes = z
  .array(z.strictObject({ ...versions, security: z.boolean(), wayBack: z.boolean() }))
  .max(LIMITS.packageChanges)
  .superRefine(eachOnce)
  .superRefine((all, context) => {
    all.forEach(({ from, to }, index) => {
      if (from === to)
        context.addIssue({ code: 'custom', path: [index], message: 'from and to are the same' });
    });
  });

export const left = z.array(z.strictObject({ name: packageName, why: sentence })).max(LIMITS.packageChanges);

export function eachOnce(
  all: readonly { name: string; arch: string }[],
  context: z.RefinementCtx<unknown>,
): void {
  const known = new Set<string>();
  all.forEach(({ name, arch }, index) => {
    if (known.has(`${name} ${arch}`))
      context.addIssue({ code: 'custom', path: [index], message: 'names a package twice' });
    known.add(`${name} ${arch}`);
  });
}

/** Where a value differs from its shape, and how: `groups.3.changes.0.name: expected the name of a package`. */
export function problemOf(error: z.ZodError): string {
  const [issue] = error.issues;
  const place = issue?.path.map(String).join('.') || 'it';
  return `${place}: ${issue?.message ?? 'is not as expected'}`;
}
