import * as z from 'zod';
import { MusterError } from '../../proto/errors.ts';

/**
 * A backup is one tar file. Its first entry says what follows, in that order:
 *
 *   manifest.json   this
 *   muster.db       the database at one moment
 *   keys/…          the fleet's keys, the certificate authority
 *   context.json    how this machine's command line reaches the controller, where it was there
 *   contents/…      uploaded files, sealed, where they were asked for
 */
export const MANIFEST = 'manifest.json';
export const DATABASE = 'muster.db';
const FORMAT = 1;
/** Of the manifest: some hundred thousand files. */
export const MANIFEST_BYTES = 64 * 1024 * 1024;

/** No other name leaves an archive for the disk. */
const NAME =
  /^(?:muster\.db|context\.json|keys\/[a-z]{1,32}\.(?:key|pem)|contents\/[0-9a-f]{128}(?:\.[a-z]{1,16})?)$/;

/** Whether a file of a home belongs in its backup; what a crash left half written does not. */
export const isPartName = (name: string): boolean => NAME.test(name);

const count = z.int().min(0);
const part = z.strictObject({
  name: z.string().regex(NAME),
  bytes: count,
  sha512: z.string().regex(/^[0-9a-f]{128}$/),
});
const manifest = z.strictObject({
  what: z.literal('muster-backup'),
  format: z.literal(FORMAT),
  muster: z.string().max(64),
  schema: count,
  fleetId: z.string().regex(/^[0-9a-f]{32}$/),
  madeAtMs: count,
  /** The last line of the audit log in it. */
  audit: z.strictObject({ seq: count, hash: z.string().regex(/^[0-9a-f]*$/) }),
  parts: z.array(part).min(1),
});

export type Part = z.infer<typeof part>;
export type Manifest = z.infer<typeof manifest>;

export function encodeManifest(value: Omit<Manifest, 'what' | 'format'>): Uint8Array {
  const whole: Manifest = { what: 'muster-backup', format: FORMAT, ...value };
  return Buffer.from(`${JSON.stringify(manifest.parse(whole), null, 2)}\n`);
}

/** Throws MusterError: bad-backup, newer-schema where a later format says so. */
export function decodeManifest(bytes: Uint8Array): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString());
  } catch (cause) {
    throw new MusterError('bad-backup', 'its manifest cannot be read', { cause });
  }
  const format = z.looseObject({ what: z.literal('muster-backup'), format: count }).safeParse(value);
  if (format.success && format.data.format > FORMAT)
    throw new MusterError(
      'newer-schema',
      `the backup has format ${format.data.format}, this one knows ${FORMAT}`,
    );
  const read = manifest.safeParse(value);
  if (!read.success) {
    const [issue] = read.error.issues;
    throw new MusterError('bad-backup', `its manifest: ${issue?.path.join('.')}: ${issue?.message}`);
  }
  const names = new Set(read.data.parts.map(({ name }) => name));
  if (names.size !== read.data.parts.length) throw new MusterError('bad-backup', 'a part is there twice');
  for (const needed of [DATABASE, 'keys/controller.key', 'keys/job.key'])
    if (!names.has(needed)) throw new MusterError('bad-backup', `${needed} is not in it`);
  return read.data;
}
