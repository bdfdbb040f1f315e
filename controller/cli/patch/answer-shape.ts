import * as z from 'zod';
import { LIMITS } from '../../../proto/limits.ts';
import type { PackageHistory, PackagePlan, PackageScan } from '../../../proto/packages.ts';
import * as shapes from './package-shapes.ts';

/**
 * What hosts answer, on the standard output of a run. Whoever controls a machine writes what he likes there: nothing of it is believed
 * before it fits. Each reader takes the bytes and returns the answer, or throws an Error that says what is wrong with it.
 */
const version = z.literal(1);

const scan = z.strictObject({
  version,
  manager: shapes.manager,
  pending: z
    .array(
      z.strictObject({
        ...shapes.versions,
        security: z.boolean(),
        held: z.boolean(),
        sinceMs: shapes.timeMs,
      }),
    )
    .max(LIMITS.packageChanges)
    .superRefine(shapes.eachOnce),
  rebootNeeded: z.boolean(),
  restarts: shapes.units,
});

const plan = z.strictObject({
  version,
  manager: shapes.manager,
  changes: shapes.changes,
  downloadBytes: shapes.count,
  wantsReboot: z.boolean(),
  restarts: shapes.units,
  left: shapes.left,
});

/** A command line, as long as a host notes one. */
const COMMAND_CHARS = 4096;
const ENTRIES_MOST = 1000;
const history = z.strictObject({
  version,
  manager: shapes.manager,
  entries: z
    .array(
      z.strictObject({
        atMs: shapes.timeMs,
        changes: z.array(z.strictObject(shapes.versions)).max(LIMITS.packageChanges),
        command: z.string().max(COMMAND_CHARS),
      }),
    )
    .max(ENTRIES_MOST),
});

function reader<T>(shape: z.ZodType<T>): (bytes: Uint8Array) => T {
  return (bytes) => {
    if (bytes.length === 0) throw new Error('it gave no answer');
    const read = shape.safeParse(jsonOf(bytes));
    if (!read.success) throw new Error(`its answer cannot be read: ${shapes.problemOf(read.error)}`);
    return read.data;
  };
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new Error('its answer cannot be read: it is not JSON');
  }
}

export const readScan = reader<PackageScan>(scan);
export const readPackagePlan = reader<PackagePlan>(plan);
export const readHistory = reader<PackageHistory>(history);
