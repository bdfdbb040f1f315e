/**
 * Archives that hosts send: what is in them is hostile. Everything goes into a new folder first, whose parents nobody but us
 * made, and only from there, once all of it was good, to where it is to be.
 */
import { chmod, link, lstat, mkdir, open, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { extract } from 'tar-stream';
import { incrementalSha512 } from '../../../proto/crypto.ts';
import { toHex } from '../../../proto/ids.ts';
import { fileFailure } from '../files.ts';

export interface UnpackedFile {
  /** In the archive. */
  path: string;
  bytes: number;
  /** In hex. */
  sha512: string;
}

/** What an archive held, as it stands in a folder. */
export interface Unpacked {
  files: UnpackedFile[];
  /** By path; parents before what is in them. */
  made: ReadonlyMap<string, Made>;
}

type Made = 'directory' | 'file' | 'link';

/** Permissions come along, the bits that give somebody else's rights do not; and what we made we can remove. */
const MODE_BITS = 0o777;
const OWN_FOLDER = 0o700;

/**
 * Unpacks into `folder`, which is made. Names are relative and have no "..", nothing is written through a link, links stay inside;
 * other links, devices and pipes are left out and told to `note`. Throws an Error that says what is wrong with the archive.
 */
export async function unpack(
  archive: Readable,
  folder: string,
  note: (text: string) => void,
): Promise<Unpacked> {
  // From the first moment on: an archive that breaks before it is looked at has said so already.
  const entries = extract();
  let broken: Error | undefined;
  archive.on('error', (error) => {
    broken = error;
    entries.destroy(error);
  });
  // What goes wrong comes out of the loop below.
  entries.on('error', () => {});
  await mkdir(dirname(folder), { recursive: true }).catch((error: unknown) =>
    Promise.reject(fileFailure(dirname(folder), error)),
  );
  await mkdir(folder, { mode: OWN_FOLDER });
  if (broken) throw broken;
  archive.pipe(entries);
  const made = new Map<string, Made>();
  const modes = new Map<string, number>();
  const byPath = new Map<string, UnpackedFile>();
  const keepFile = (file: UnpackedFile): void => {
    byPath.set(file.path, file);
    made.set(file.path, 'file');
  };
  for await (const entry of entries) {
    const { name, type, linkname, mode = 0o644 } = entry.header;
    const path = plainName(name);
    if (path === '') {
      entry.resume();
      continue;
    }
    const at = join(folder, path);
    await makeParents(folder, path, made);
    const isKnown = made.has(path);
    if (isKnown && !(made.get(path) === 'directory' && type === 'directory'))
      throw new Error(`it has "${path}" twice`);
    switch (type) {
      case 'file':
      case 'contiguous-file':
        keepFile({ path, ...(await writeFile(entry as AsyncIterable<Uint8Array>, at, mode & MODE_BITS)) });
        continue;
      case 'directory':
        if (!isKnown) await mkdir(at, { mode: OWN_FOLDER });
        modes.set(path, (mode & MODE_BITS) | OWN_FOLDER);
        made.set(path, 'directory');
        break;
      case 'symlink':
        if (!staysInside(path, linkname ?? ''))
          note(`left out ${path}: a link to ${linkname}, outside of it`);
        else {
          await symlink(linkname ?? '', at);
          made.set(path, 'link');
        }
        break;
      case 'link': {
        const original = byPath.get(plainName(linkname ?? ''));
        if (!original) note(`left out ${path}: another name of a file that is not in the archive`);
        else {
          await link(join(folder, original.path), at);
          keepFile({ ...original, path });
        }
        break;
      }
      default:
        note(`left out ${path}: ${type?.replace('-', ' ') ?? 'something'} is neither file, folder nor link`);
    }
    entry.resume();
  }
  for (const [path, mode] of modes) await chmod(join(folder, path), mode);
  return { files: [...byPath.values()], made };
}

/** Without "./" and slashes that say nothing. Throws where it would lead out. */
function plainName(name: string): string {
  if (name.startsWith('/')) throw new Error(`it has an absolute name: "${name}"`);
  if (name.includes('\0')) throw new Error('it has a name with a NUL in it');
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw new Error(`it has a name with "..": "${name}"`);
  return parts.join('/');
}

async function makeParents(folder: string, path: string, made: Map<string, Made>): Promise<void> {
  for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
    const parent = path.slice(0, slash);
    const known = made.get(parent);
    if (known === 'directory') continue;
    if (known !== undefined) throw new Error(`it has "${path}" below "${parent}", which is no folder`);
    await mkdir(join(folder, parent), { mode: OWN_FOLDER });
    made.set(parent, 'directory');
  }
}

/**
 * Whether a link at `path` ends inside, whatever other links that stay inside it goes through: ".." only at its beginning, where
 * the folders above it are known to be folders.
 */
export function staysInside(path: string, target: string): boolean {
  if (target === '' || target.startsWith('/') || target.includes('\0')) return false;
  const parts = target.split('/').filter((part) => part !== '' && part !== '.');
  const ups = parts.findIndex((part) => part !== '..');
  const leading = ups < 0 ? parts.length : ups;
  return leading <= path.split('/').length - 1 && !parts.slice(leading).includes('..');
}

async function writeFile(
  entry: AsyncIterable<Uint8Array>,
  path: string,
  mode: number,
): Promise<{ bytes: number; sha512: string }> {
  const hash = incrementalSha512();
  let bytes = 0;
  const file = await open(path, 'wx', 0o600);
  try {
    for await (const piece of entry) {
      for (let at = 0; at < piece.length; ) at += (await file.write(piece, at)).bytesWritten;
      hash.update(piece);
      bytes += piece.length;
    }
    await file.chmod(mode);
  } finally {
    await file.close();
  }
  return { bytes, sha512: toHex(hash.digest()) };
}

/**
 * Moves what was unpacked to where it is to be: the folder whole, or into the one that is there, without following a link in
 * it. What is there already is overwritten only with `force`. Throws a Failure, and has moved nothing then but by a fault of the disk.
 */
export async function moveInto(from: string, { made }: Unpacked, to: string, force: boolean): Promise<void> {
  await mkdir(dirname(to), { recursive: true }).catch((error: unknown) =>
    Promise.reject(fileFailure(to, error)),
  );
  if ((await kindAt(to)) === undefined) return rename(from, to);
  if ((await kindAt(to)) !== 'directory') throw new Error(`${to} is there already, and is no folder`);
  for (const [path, kind] of made) {
    const there = await kindAt(join(to, path));
    if (there === undefined || (kind === 'directory' && there === 'directory')) continue;
    if (kind === 'directory' || there === 'directory')
      throw new Error(`${join(to, path)} is there already, and is something else`);
    if (!force) throw new Error(`${join(to, path)} is there already; --force overwrites it`);
  }
  for (const [path, kind] of made) {
    const target = join(to, path);
    if (kind !== 'directory') await rename(join(from, path), target);
    else if ((await kindAt(target)) === undefined) await mkdir(target);
  }
  await rm(from, { recursive: true, force: true });
}

async function kindAt(path: string): Promise<Made | undefined> {
  try {
    const stats = await lstat(path);
    return stats.isDirectory() ? 'directory' : stats.isSymbolicLink() ? 'link' : 'file';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fileFailure(path, error);
  }
}

export const discard = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true });
