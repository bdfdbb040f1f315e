/** `muster restore`: a small composition root of its own; no controller works on the home meanwhile. */
import { join } from 'node:path';
import type { Clock } from '../../proto/clock.ts';
import { SignedTrust, TrustDocument } from '../../proto/codec.ts';
import { MusterError } from '../../proto/errors.ts';
import { hash } from '../../proto/frame.ts';
import { toHex } from '../../proto/ids.ts';
import type { RandomBytes } from '../../proto/random.ts';
import { createAudit } from '../audit/engine.ts';
import { completeConfig } from '../config.ts';
import { lockFile } from '../db/lock.ts';
import { inspectDatabase, KNOWN_SCHEMA } from '../db/snapshot.ts';
import { openDatabase } from '../db/sqlite.ts';
import { fold } from '../fleet/documents.ts';
import { openSecretFiles } from '../fleet/files.ts';
import { openKeys } from '../fleet/keys.ts';
import { allDocuments } from '../fleet/store.ts';
import { transition } from '../jobs/transition.ts';
import { changesOf, leap, stopped } from './aftermath.ts';
import { readArchive } from './archive.ts';
import {
  entriesOf,
  exists,
  forOwnerAlone,
  giveToOwnerOf,
  makeFolder,
  markFinished,
  markUnfinished,
  move,
  readFrom,
  remove,
  save,
} from './folder.ts';
import { DATABASE, type Manifest } from './manifest.ts';
import {
  activeOperators,
  countAgents,
  openJobIds,
  openRolloutIds,
  openTokens,
  queuedRuns,
  revokeOpenTokens,
} from './store.ts';

export interface RestoreRequest {
  home: string;
  from: string;
  /** Where the home holds something: move that aside. */
  force: boolean;
  clock: Clock;
  random: RandomBytes;
  note(text: string): void;
}

export interface Restored {
  fleetId: string;
  madeAtMs: number;
  /** The Muster that made the backup. */
  muster: string;
  agents: number;
  /** Valid again, also where they were revoked since. */
  operators: string[];
  /** Not over, also where they were cancelled since. */
  openJobs: string[];
  tokensRevoked: number;
  runsSent: number;
  runsLost: number;
  /** Where the old home is; null: there was none. */
  movedTo: string | null;
}

/**
 * All is checked before anything is touched. Throws MusterError: not-found, home-in-use, home-not-empty, bad-backup, newer-schema,
 * store-damaged, store-failed.
 */
export async function restoreBackup(request: RestoreRequest): Promise<Restored> {
  const { home, from, clock, note } = request;
  if (!exists(from)) throw new MusterError('not-found', from);
  forOwnerAlone();
  makeFolder(home);
  const unlock = lockFile(placesOf(home).lock);
  giveToOwnerOf(home, placesOf(home).lock);
  const staging = join(home, `restoring-${toHex(request.random(6))}`);
  try {
    if (entriesOf(home).length > 0 && !request.force) throw new MusterError('home-not-empty', home);
    makeFolder(staging);
    note('reading and checking the backup');
    const manifest = await readArchive(readFrom(from), (part, bytes) =>
      save(join(staging, part.name), bytes),
    );
    check(staging, manifest);
    note('settling what may have happened since');
    const settled = await settle(staging, manifest, request);
    giveToOwnerOf(home, staging);
    note('putting it in place');
    const movedTo = putInPlace(home, staging, clock.now());
    return { ...settled, movedTo };
  } finally {
    remove(staging);
    unlock();
  }
}

const placesOf = (home: string) => completeConfig({ home, listen: { host: '', port: 0 }, urls: [] });

function check(staging: string, manifest: Manifest): void {
  if (manifest.schema > KNOWN_SCHEMA)
    throw new MusterError('newer-schema', `schema ${manifest.schema}, this one knows ${KNOWN_SCHEMA}`);
  const { schema, trustDocument } = inspectDatabase(join(staging, DATABASE));
  const fleetId = trustDocument && TrustDocument.decode(SignedTrust.decode(trustDocument).document).fleetId;
  if (schema !== manifest.schema || toHex(fleetId ?? new Uint8Array(0)) !== manifest.fleetId)
    throw new MusterError('bad-backup', 'its database is not that of its manifest');
}

async function settle(
  staging: string,
  manifest: Manifest,
  { clock, random }: RestoreRequest,
): Promise<Omit<Restored, 'movedTo'>> {
  const places = placesOf(staging);
  const keys = openKeys(openSecretFiles(places.keys), random, true);
  const schedule = (fn: () => void): void => void clock.after(0, fn);
  const db = openDatabase({ path: places.database, schedule });
  try {
    const documents = (await db.read(allDocuments())).map((row) => ({
      serial: row.serial,
      bytes: row.document,
      changesRoot: row.changes_root === 1,
    }));
    const trust = fold(Buffer.from(manifest.fleetId, 'hex'), documents);
    const audit = createAudit({
      db,
      clock,
      hash,
      // The controller signs the head when it starts.
      signHead: () => ({ keyId: '', signature: new Uint8Array(0) }),
      verifyHead: () => false,
      onError: () => {},
    });
    const queued = await db.read(queuedRuns());
    const open = await db.read(openRolloutIds());
    const tokens = await db.read(openTokens());
    const runsLost = queued.filter((run) => run.waits === 1).length;
    const found = { tokensRevoked: tokens.length, runsSent: queued.length - runsLost, runsLost };
    const { madeAtMs, fleetId, muster } = manifest;
    const nowMs = clock.now();
    // The next controller's deadlines begin at its wall clock; nobody is given a turn here.
    const at = { wallMs: nowMs, steadyMs: nowMs };
    await db.write([
      revokeOpenTokens({ nowMs }),
      ...queued.flatMap((run) => changesOf(run, madeAtMs).map((change) => transition(change, at, () => {}))),
      ...leap(trust, keys.root, nowMs),
      ...open.flatMap(({ id }) => stopped(id, madeAtMs, nowMs)),
      audit.entry({ name: 'muster' }, 'controller.restore', {
        madeAtMs,
        audit: manifest.audit,
        muster,
        ...found,
      }),
    ]);
    const [agents] = await db.read(countAgents());
    return {
      fleetId,
      madeAtMs,
      muster,
      agents: agents?.agents ?? 0,
      operators: (await db.read(activeOperators())).map((row) => row.name),
      openJobs: (await db.read(openJobIds())).map((row) => row.id),
      ...found,
    };
  } finally {
    await db.close();
  }
}

/** Cut off in between, the home says so, and no controller starts on it; nothing is ever deleted. */
function putInPlace(home: string, staging: string, nowMs: number): string | null {
  const old = entriesOf(home).filter((name) => join(home, name) !== staging);
  markUnfinished(home);
  let movedTo: string | null = null;
  if (old.length > 0) {
    movedTo = join(home, `before-restore-${new Date(nowMs).toISOString().replaceAll(':', '')}`);
    makeFolder(movedTo);
    for (const name of old) move(join(home, name), join(movedTo, name));
  }
  for (const name of entriesOf(staging)) move(join(staging, name), join(home, name));
  markFinished(home);
  return movedTo;
}
