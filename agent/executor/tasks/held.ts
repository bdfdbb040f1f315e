import { constants, type Stats } from 'node:fs';
import { chmod, chown, type FileHandle, open } from 'node:fs/promises';
import type { Metadata } from './plan.ts';
import { codeOf } from './refusal.ts';

/**
 * The file system by descriptors instead of by paths, so that nobody can exchange what was looked at before it is used.
 * Node has no openat(2); /proc/self/fd/N/name is the same: the kernel goes on from the very folder that is open.
 */

/** Not among Node's constants; the same on every architecture for which there is an agent. Opens nothing, and so rouses no device. */
const O_PATH = 0o10000000;

export type Kind = 'file' | 'directory' | 'link' | 'device' | 'fifo' | 'socket';

/** Something of a folder, held: another one that takes its name is not this one. To be closed. */
export interface Held {
  readonly handle: FileHandle;
  readonly stats: Stats;
  readonly kind: Kind;
}

export function kindOf(stats: Stats): Kind {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'link';
  if (stats.isFIFO()) return 'fifo';
  return stats.isSocket() ? 'socket' : 'device';
}

/** A name in an open folder, as a path for any call. The last part is not followed unless the call does. */
export function within(folder: FileHandle, name: string): string {
  return `/proc/self/fd/${folder.fd}/${name}`;
}

/** What is held, as a path that leads to it and to nothing else; a held link is not followed from here either. */
export function itself({ handle }: Pick<Held, 'handle'>): string {
  return `/proc/self/fd/${handle.fd}`;
}

/** Holds what has this name, a link as a link; undefined where nothing has it. Throws what the machine throws. */
export async function hold(path: string): Promise<Held | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(path, O_PATH | constants.O_NOFOLLOW);
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return undefined;
    throw cause;
  }
  try {
    const stats = await handle.stat();
    return { handle, stats, kind: kindOf(stats) };
  } catch (cause) {
    await handle.close();
    throw cause;
  }
}

/** Opens what is held for reading: the same file, whatever has its name by now. */
export function reopen(held: Held): Promise<FileHandle> {
  return open(itself(held), constants.O_RDONLY | constants.O_NONBLOCK);
}

export function isSame(a: Pick<Stats, 'dev' | 'ino'>, b: Pick<Stats, 'dev' | 'ino'>): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}

/** Of what is held. The owner first: a change of it clears the bits for setuid and setgid. A link has no mode of its own. */
export async function setMetadata(held: Held, to: Metadata): Promise<void> {
  const { uid, gid } = held.stats;
  const owner = { uid: to.uid ?? uid, gid: to.gid ?? gid };
  if (owner.uid !== uid || owner.gid !== gid) await chown(itself(held), owner.uid, owner.gid);
  if (held.kind === 'link') return;
  try {
    await chmod(itself(held), to.mode);
  } catch (cause) {
    // vfat and its like have one mode for all.
    if (!to.isUsual || codeOf(cause) !== 'EPERM') throw cause;
  }
}

/** Makes what was renamed into, made in or removed from this folder durable, where its file system can and we may. */
export async function syncFolder(folder: FileHandle): Promise<void> {
  try {
    const readable = await open(itself({ handle: folder }), constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await readable.sync();
    } finally {
      await readable.close();
    }
  } catch (cause) {
    if (!['EACCES', 'EINVAL', 'ENOTSUP', 'EPERM'].includes(codeOf(cause) ?? '')) throw cause;
  }
}
