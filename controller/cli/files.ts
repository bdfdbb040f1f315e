import { chmod, glob, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { EXIT, Failure, wrongUse } from './failure.ts';

/** The command line's way to files. Errors are Failures that name the file. */

export async function readBytes(path: string, maxBytes: number): Promise<Uint8Array> {
  const file = await open(path).catch((error: unknown) => Promise.reject(fileFailure(path, error)));
  try {
    // The size of a pipe or of a file in /proc is not known, so what counts is what comes.
    const pieces: Uint8Array[] = [];
    let bytes = 0;
    for await (const piece of file.createReadStream({ autoClose: false }) as AsyncIterable<Uint8Array>) {
      pieces.push(piece);
      bytes += piece.length;
      if (bytes > maxBytes) throw wrongUse(`${path} is larger than ${maxBytes} bytes`);
    }
    return Buffer.concat(pieces);
  } catch (error) {
    throw fileFailure(path, error);
  } finally {
    await file.close();
  }
}

/** Undefined when there is no such file. */
export async function readTextIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
    throw fileFailure(path, error);
  }
}

export async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

export async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

/** Whether there is anything of this name. */
export async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** The files that a pattern (glob(7)) names, in the order of their names. */
export async function filesMatching(pattern: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const path of glob(pattern)) paths.push(path);
  return paths.sort();
}

/** The files below a folder, by their paths from there; none where there is no such folder. */
export async function filesBelow(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return [];
    throw fileFailure(folder, error);
  });
  return found
    .filter((entry) => !entry.isDirectory())
    .map(({ parentPath, name }) => relative(folder, join(parentPath, name)))
    .sort();
}

/**
 * Readable by nobody else, whole or not there at all, also after a power cut. Makes the folder (0700) where it is
 * missing.
 */
export async function writePrivate(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.new`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(temporary, 'w', 0o600);
    try {
      await chmod(temporary, 0o600);
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw fileFailure(path, error);
  }
}

const WHY: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'it is a folder',
  EROFS: 'the disk is read-only',
  ENOSPC: 'the disk is full',
};

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** What the machine says of a path, as a Failure that names it, with what it said as its cause; a Failure stays what it is. */
export function fileFailure(path: string, error: unknown): Error {
  const code = codeOf(error);
  if (code === '' && error instanceof Error) return error;
  return new Failure(EXIT.wrongUse, `${path}: ${WHY[code] ?? code}`, undefined, { cause: error });
}
