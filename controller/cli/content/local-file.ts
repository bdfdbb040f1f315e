import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, readdir, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LIMITS } from '../../../proto/limits.ts';
import { wrongUse } from '../failure.ts';
import { fileFailure } from '../files.ts';

/** What a source is made of; `path` of what is in a folder is relative to it. */
export type LocalEntry =
  | { kind: 'file'; path: string; mode: number; from: string }
  | { kind: 'directory'; path: string; mode: number }
  | { kind: 'link'; path: string; target: string };

export type LocalSource = Extract<LocalEntry, { kind: 'file' }> | { kind: 'tree'; entries: LocalEntry[] };

/** Permissions travel, the bits that give somebody else's rights do not. */
const MODE_BITS = 0o777;

/**
 * A file, or a folder with all that is in it: sorted, and parents before what is in them. Links inside are links; a source
 * that is one is what it points to. Throws a Failure (wrong use) that names what cannot be copied.
 */
export async function readSource(source: string): Promise<LocalSource> {
  const stats = await stat(source).catch((error: unknown) => Promise.reject(fileFailure(source, error)));
  if (stats.isFile()) return { kind: 'file', path: '', mode: stats.mode & MODE_BITS, from: source };
  if (!stats.isDirectory()) throw notCopied(source, stats);
  const entries: LocalEntry[] = [];
  await walk(source, '', entries);
  return { kind: 'tree', entries };
}

async function walk(folder: string, path: string, entries: LocalEntry[]): Promise<void> {
  const names = await readdir(folder).catch((error: unknown) => Promise.reject(fileFailure(folder, error)));
  // By code unit: the same on every machine, whatever its language.
  for (const name of names.sort((a, b) => (a < b ? -1 : 1))) {
    const from = join(folder, name);
    const inTree = path === '' ? name : `${path}/${name}`;
    if (name.includes('\ufffd')) throw wrongUse(`${from}: its name is not UTF-8`);
    if (Buffer.byteLength(inTree) > LIMITS.pathBytes) throw wrongUse(`${from}: its path is too long`);
    if (entries.length >= LIMITS.treeEntries)
      throw wrongUse(`${folder} has more than ${LIMITS.treeEntries} files and folders`);
    const stats = await lstat(from).catch((error: unknown) => Promise.reject(fileFailure(from, error)));
    const mode = stats.mode & MODE_BITS;
    if (stats.isFile()) entries.push({ kind: 'file', path: inTree, mode, from });
    else if (stats.isSymbolicLink())
      entries.push({ kind: 'link', path: inTree, target: await readlink(from) });
    else if (stats.isDirectory()) {
      entries.push({ kind: 'directory', path: inTree, mode });
      await walk(from, inTree, entries);
    } else throw notCopied(from, stats);
  }
}

function notCopied(path: string, stats: Stats): Error {
  const what = stats.isFIFO() ? 'a pipe' : stats.isSocket() ? 'a socket' : 'a device';
  return wrongUse(`${path} is ${what}; files, folders and links are copied`);
}

/** A file's bytes, from anywhere in it; the same file for as long as it is open, whatever becomes of its name. */
export interface OpenedFile {
  readonly length: number;
  /** Shorter at the end. */
  read(at: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Throws a Failure (wrong use): not there, not a file any more, too large. */
export async function openLocalFile(path: string): Promise<OpenedFile> {
  let file: FileHandle;
  try {
    // A pipe that took the file's place must not make us wait.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw fileFailure(path, error);
  }
  const stats = await file.stat();
  if (!stats.isFile() || stats.size > LIMITS.contentMaxBytes) {
    await file.close();
    throw stats.isFile()
      ? wrongUse(`${path} is larger than ${LIMITS.contentMaxBytes} bytes`)
      : notCopied(path, stats);
  }
  return {
    length: stats.size,
    async read(at, length) {
      const bytes = Buffer.allocUnsafe(length);
      let got = 0;
      try {
        while (got < length) {
          const { bytesRead } = await file.read(bytes, got, length - got, at + got);
          if (bytesRead === 0) break;
          got += bytesRead;
        }
      } catch (error) {
        throw fileFailure(path, error);
      }
      return bytes.subarray(0, got);
    },
    close: () => file.close(),
  };
}
