/** Backups as tar files: the only file that knows the format. */
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract, type Pack, pack } from 'tar-stream';
import { incrementalSha512 } from '../../proto/crypto.ts';
import { MusterError } from '../../proto/errors.ts';
import { toHex } from '../../proto/ids.ts';
import {
  decodeManifest,
  encodeManifest,
  MANIFEST,
  MANIFEST_BYTES,
  type Manifest,
  type Part,
} from './manifest.ts';

export type Bytes = AsyncIterable<Uint8Array>;

/** Writes all parts in their order; `open` gives the bytes of one. Throws where they are not those of the manifest. */
export async function writeArchive(
  out: Writable,
  manifest: Omit<Manifest, 'what' | 'format'>,
  open: (part: Part) => Bytes,
): Promise<void> {
  const archive = pack();
  const written = pipeline(archive, out);
  // What fails here fails there too, and is told once.
  written.catch(() => {});
  try {
    const mtime = new Date(manifest.madeAtMs);
    const head = Buffer.from(encodeManifest(manifest));
    archive.entry({ name: MANIFEST, mode: 0o600, mtime }, head);
    for (const part of manifest.parts) {
      const header = { name: part.name, size: part.bytes, mode: 0o600, mtime };
      await writePart(archive, header, measured(open(part), part, changed));
    }
    archive.finalize();
  } catch (error) {
    archive.destroy(error as Error);
    throw error;
  }
  await written;
}

const changed = (name: string): MusterError =>
  new MusterError('store-failed', `${name} changed while it was copied; try again`);

function writePart(
  archive: Pack,
  header: { name: string; size: number; mode: number },
  bytes: Bytes,
): Promise<void> {
  return pipeline(bytes, archive.entry(header));
}

/**
 * Reads a whole archive. `save` is given each part in its order; its bytes throw at their end where they are not what the manifest
 * says. Throws MusterError: bad-backup (no backup, cut, altered), newer-schema.
 */
export async function readArchive(
  source: Readable,
  save: (part: Part, bytes: Bytes) => Promise<void>,
): Promise<Manifest> {
  const archive = extract();
  const fed = pipeline(source, archive);
  fed.catch(() => {});
  let manifest: Manifest | undefined;
  let next = 0;
  try {
    for await (const entry of archive) {
      const { name, type, size } = entry.header;
      if (type !== 'file') throw new MusterError('bad-backup', 'it holds something else than files');
      if (!manifest) {
        if (name !== MANIFEST) throw new MusterError('bad-backup', 'it does not begin with a manifest');
        manifest = decodeManifest(await whole(entry as Bytes));
        continue;
      }
      const part = manifest.parts[next];
      if (part?.name !== name || part.bytes !== size)
        throw new MusterError('bad-backup', `${JSON.stringify(name)} is not what its manifest says`);
      await save(part, measured(entry as Bytes, part, altered));
      next += 1;
    }
    await fed;
  } catch (cause) {
    if (cause instanceof MusterError) throw cause;
    throw new MusterError('bad-backup', `it cannot be read: ${(cause as Error).message}`, { cause });
  }
  if (!manifest || next < manifest.parts.length) throw new MusterError('bad-backup', 'it ends early');
  return manifest;
}

const altered = (name: string): MusterError => new MusterError('bad-backup', `${name} was altered`);

async function whole(bytes: Bytes): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of bytes) {
    length += piece.length;
    if (length > MANIFEST_BYTES) throw new MusterError('bad-backup', 'its manifest is too large');
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

async function* measured(
  bytes: Bytes,
  part: Part,
  wrong: (name: string) => MusterError,
): AsyncGenerator<Uint8Array> {
  const digest = incrementalSha512();
  let length = 0;
  for await (const piece of bytes) {
    digest.update(piece);
    length += piece.length;
    if (length > part.bytes) throw wrong(part.name);
    yield piece;
  }
  if (length !== part.bytes || toHex(digest.digest()) !== part.sha512) throw wrong(part.name);
}
