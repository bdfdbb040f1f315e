/** The files of a home as backup and restore use them. An adapter: the only disk access of this feature. */
import {
  closeSync,
  createReadStream,
  createWriteStream,
  existsSync,
  fsyncSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { MusterError } from '../../proto/errors.ts';
import type { Bytes } from './archive.ts';

/** Whatever this process makes from now on, SQLite's files too, is for its owner alone. */
export const forOwnerAlone = (): void => void process.umask(0o077);

export const exists = (path: string): boolean => existsSync(path);
export const sizeOf = (path: string): number => statSync(path).size;

/** `bytes`: no more than so many of its first. */
export const readFrom = (path: string, bytes = Number.POSITIVE_INFINITY): Readable =>
  bytes === 0 ? Readable.from([]) : createReadStream(path, { end: bytes - 1 });

export const remove = (path: string): void => rmSync(path, { recursive: true, force: true });

/** Names of the plain files in a folder; none where there is no folder. */
export function filesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)
    .sort();
}

export const namesIn = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder).sort() : []);

export const makeFolder = (path: string): void => void mkdirSync(path, { recursive: true, mode: 0o700 });

/** For its owner alone. */
export const writeTo = (path: string): Writable => createWriteStream(path, { flags: 'wx', mode: 0o600 });

/** Durable when it resolves. */
export async function save(path: string, bytes: Bytes): Promise<void> {
  makeFolder(dirname(path));
  await pipeline(bytes, writeTo(path));
  sync(path);
}

export function sync(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** There is a file of this name, or there is none: also after a power cut. */
export function move(from: string, to: string): void {
  renameSync(from, to);
  for (const folder of new Set([dirname(from), dirname(to)])) sync(folder);
}

/** Where root works on the home of a service's user, what it makes there becomes that user's, with all that is in it. */
export function giveToOwnerOf(home: string, path: string): void {
  const { uid, gid } = statSync(home);
  if (process.getuid?.() !== 0 || uid === 0 || !existsSync(path)) return;
  lchownSync(path, uid, gid);
  if (!lstatSync(path).isDirectory()) return;
  for (const name of readdirSync(path)) giveToOwnerOf(home, join(path, name));
}

/** Says in a home that a restore is under way: no controller starts on half of one. */
const MARKER = 'restore-unfinished';

export function markUnfinished(home: string): void {
  const marker = join(home, MARKER);
  closeSync(openSync(marker, 'w', 0o600));
  sync(marker);
  sync(home);
}

export function markFinished(home: string): void {
  rmSync(join(home, MARKER), { force: true });
  sync(home);
}

/** Throws MusterError('restore-unfinished'). */
export function refuseUnfinishedRestore(home: string): void {
  if (existsSync(join(home, MARKER))) throw new MusterError('restore-unfinished', home);
}

/** What of a home is its own: not the lock, and neither backups nor what earlier restores put aside. */
export function entriesOf(home: string): string[] {
  return namesIn(home).filter((name) => !/^(?:lock\.db.*|before-restore-.*|backups)$/.test(name));
}
