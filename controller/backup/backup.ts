/** `muster backup`: a small composition root of its own, for it works beside a controller and not through it. */
import { basename, dirname, join } from 'node:path';
import type { Writable } from 'node:stream';
import type { Clock } from '../../proto/clock.ts';
import { SignedTrust, TrustDocument } from '../../proto/codec.ts';
import { incrementalSha512 } from '../../proto/crypto.ts';
import { MusterError } from '../../proto/errors.ts';
import { toHex } from '../../proto/ids.ts';
import type { RandomBytes } from '../../proto/random.ts';
import { MUSTER_VERSION } from '../../proto/version.ts';
import { completeConfig } from '../config.ts';
import { copyDatabase, inspectDatabase } from '../db/snapshot.ts';
import { writeArchive } from './archive.ts';
import { exists, filesIn, forOwnerAlone, move, readFrom, remove, sizeOf, sync, writeTo } from './folder.ts';
import { DATABASE, isPartName, type Manifest, type Part } from './manifest.ts';

export interface BackupRequest {
  home: string;
  /** A path, or where the bytes go. */
  to: string | Writable;
  /** Replace a file that is there. */
  force: boolean;
  /** Uploaded files too. */
  withContents: boolean;
  clock: Clock;
  random: RandomBytes;
  /** Told what is being done. */
  note(text: string): void;
  stopping: AbortSignal;
}

export interface Backup extends Omit<Manifest, 'what' | 'format'> {
  /** Of all parts together. */
  bytes: number;
}

/**
 * Throws MusterError: not-found (no controller was ever here), file-exists, store-damaged (a backup of it would be worth nothing),
 * store-failed.
 */
export async function makeBackup(request: BackupRequest): Promise<Backup> {
  const { home, to, note } = request;
  const places = completeConfig({ home, listen: { host: '', port: 0 }, urls: [] });
  if (!exists(places.database)) throw new MusterError('not-found', `${home} is no home of a controller`);
  if (typeof to === 'string' && exists(to) && !request.force) throw new MusterError('file-exists', to);
  // Beside the backup, where there has to be room for it anyway.
  forOwnerAlone();
  const suffix = toHex(request.random(6));
  const [folder, name] = typeof to === 'string' ? [dirname(to), basename(to)] : [home, 'backup'];
  const copy = join(folder, `.${name}.${suffix}.db`);
  const unfinished = join(folder, `.${name}.${suffix}.new`);
  try {
    note(`copying the database, ${sizeOf(places.database)} bytes`);
    copyDatabase(places.database, copy);
    request.stopping.throwIfAborted();
    note('checking the copy');
    const { schema, trustDocument, audit } = inspectDatabase(copy);
    if (!trustDocument) throw new MusterError('not-found', `${home} has no fleet yet`);
    const paths = new Map([[DATABASE, copy]]);
    for (const file of filesIn(places.keys)) paths.set(`keys/${file}`, join(places.keys, file));
    if (exists(places.context)) paths.set('context.json', places.context);
    if (request.withContents)
      for (const file of filesIn(places.contents)) paths.set(`contents/${file}`, join(places.contents, file));
    const parts: Part[] = [];
    for (const [part, path] of paths) {
      // A content may have been removed since the folder was read; restored, it counts as not uploaded.
      if (!isPartName(part) || !exists(path)) continue;
      request.stopping.throwIfAborted();
      parts.push({ name: part, ...(await digestOf(path)) });
    }
    const manifest = {
      muster: MUSTER_VERSION,
      schema,
      fleetId: toHex(TrustDocument.decode(SignedTrust.decode(trustDocument).document).fleetId),
      madeAtMs: request.clock.now(),
      audit: { seq: audit.seq, hash: toHex(audit.hash) },
      parts,
    };
    note(`writing ${parts.length} parts`);
    // An upload that goes on meanwhile only grows.
    const open = (part: Part) => readFrom(paths.get(part.name) ?? '', part.bytes);
    await writeArchive(typeof to === 'string' ? writeTo(unfinished) : to, manifest, open);
    if (typeof to === 'string') {
      sync(unfinished);
      move(unfinished, to);
    }
    return { ...manifest, bytes: parts.reduce((sum, part) => sum + part.bytes, 0) };
  } finally {
    for (const path of [copy, `${copy}-wal`, `${copy}-shm`, unfinished]) remove(path);
  }
}

async function digestOf(path: string): Promise<{ bytes: number; sha512: string }> {
  const digest = incrementalSha512();
  let bytes = 0;
  for await (const piece of readFrom(path) as AsyncIterable<Uint8Array>) {
    digest.update(piece);
    bytes += piece.length;
  }
  return { bytes, sha512: toHex(digest.digest()) };
}
