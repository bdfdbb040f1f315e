import { constants, type Stats } from 'node:fs';
import {
  mkdir,
  open,
  opendir,
  readdir,
  readlink,
  rename,
  rmdir,
  statfs,
  symlink,
  unlink,
} from 'node:fs/promises';
import { type Content, writeContent } from './content.ts';
import { type Held, hold, isSame, itself, kindOf, setMetadata, within } from './held.ts';
import type { Place } from './place.ts';
import type { Metadata } from './plan.ts';
import { codeOf, refused } from './refusal.ts';

/**
 * Names of what is not in its place yet. What has such a name and is none of those that are being written was left by an
 * agent of this home that was killed: only one at a time is at work on a home.
 */
export interface Scratch {
  take(): string;
  release(name: string): void;
  /** Removes what was left in this folder, once for each folder while there is room to remember that. */
  sweep(place: Place): Promise<void>;
}

const FOLDERS_REMEMBERED = 4096;

/** `mark`: word characters that no other agent of this machine has. */
export function createScratch(mark: string, self: number): Scratch {
  const prefix = `.muster-${mark}-`;
  const live = new Set<string>();
  const swept = new Set<string>();
  let serial = 0;

  async function remove(place: Place, name: string): Promise<void> {
    const path = within(place.folder, name);
    const held = await hold(path);
    await held?.handle.close();
    if (held && held.stats.uid === self) await drop(path, held);
  }

  return {
    take() {
      let name: string;
      do name = `${prefix}${serial++}`;
      while (live.has(name));
      live.add(name);
      return name;
    },
    release: (name) => void live.delete(name),
    async sweep(place) {
      const { dev, ino } = place.folderStats;
      const key = `${dev}/${ino}`;
      if (swept.has(key)) return;
      if (swept.size >= FOLDERS_REMEMBERED) swept.clear();
      swept.add(key);
      try {
        for await (const { name } of await opendir(itself({ handle: place.folder })))
          if (name.startsWith(prefix) && !live.has(name)) await remove(place, name).catch(() => {});
      } catch {
        // A folder that may not be listed keeps what is in it; the write itself says what is wrong.
      }
    },
  };
}

/** Only what is empty, or has no other meaning than its name. */
export async function drop(path: string, { kind }: Pick<Held, 'kind'>): Promise<void> {
  if (kind === 'directory') await rmdir(path);
  else await unlink(path);
}

export type Putting =
  | { readonly state: 'file'; readonly content: Content }
  | { readonly state: 'directory' }
  | { readonly state: 'link'; readonly target: string };

/**
 * Makes it beside its place, complete, and renames it there: whoever looks finds what was there or what is to be. Leaves
 * nothing when it fails. Throws MusterError bad-path, content-corrupt and those of the content; what the machine throws; the
 * signal's reason.
 */
export async function put(
  place: Place,
  putting: Putting,
  to: Metadata,
  options: { readonly scratch: Scratch; readonly signal: AbortSignal },
): Promise<void> {
  const { scratch, signal } = options;
  const name = scratch.take();
  const temporary = within(place.folder, name);
  try {
    const made = await make(temporary, place, putting, to, signal);
    try {
      signal.throwIfAborted();
      await rename(temporary, within(place.folder, place.name));
    } catch (cause) {
      await drop(temporary, { kind: kindOf(made) }).catch(() => {});
      throw cause;
    }
    await verify(place, made);
  } finally {
    scratch.release(name);
  }
}

async function make(
  temporary: string,
  place: Place,
  putting: Putting,
  to: Metadata,
  signal: AbortSignal,
): Promise<Stats> {
  switch (putting.state) {
    case 'file':
      return makeFile(temporary, place, putting.content, to, signal);
    case 'directory':
      await makeFresh(temporary, () => mkdir(temporary, FRESH_MODE));
      return finish(temporary, to, isFreshDirectory);
    case 'link':
      await makeFresh(temporary, () => symlink(putting.target, temporary));
      return finish(temporary, to, async () => (await readlink(temporary)) === putting.target);
  }
}

const FRESH_MODE = 0o700;

async function isFreshDirectory(held: Held): Promise<boolean> {
  const isFresh = held.kind === 'directory' && (held.stats.mode & 0o777) === FRESH_MODE;
  return isFresh && (await readdir(itself(held))).length === 0;
}

/** A name of an agent that was killed and had the same serial number is free again. */
async function makeFresh<T>(temporary: string, once: () => Promise<T>): Promise<T> {
  try {
    return await once();
  } catch (cause) {
    if (codeOf(cause) !== 'EEXIST') throw cause;
  }
  const held = await hold(temporary);
  await held?.handle.close();
  if (held) await drop(temporary, held);
  return once();
}

/** Gives it its owner and mode, unless somebody who may write the folder too has put something else there. */
async function finish(
  temporary: string,
  to: Metadata,
  isOurs: (held: Held) => Promise<boolean>,
): Promise<Stats> {
  const held = await hold(temporary);
  if (!held) throw new Error('it was removed while it was made');
  try {
    if (!(await isOurs(held))) throw new Error('it was exchanged while it was made');
    await setMetadata(held, to);
    return held.stats;
  } catch (cause) {
    await drop(temporary, held).catch(() => {});
    throw cause;
  } finally {
    await held.handle.close();
  }
}

async function makeFile(
  temporary: string,
  place: Place,
  content: Content,
  to: Metadata,
  signal: AbortSignal,
): Promise<Stats> {
  await checkRoom(place, content.size);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const file = await makeFresh(temporary, () => open(temporary, flags, 0o600));
  try {
    await writeContent(file, content, signal);
    const stats = await file.stat();
    await setMetadata({ handle: file, stats, kind: 'file' }, to);
    await file.sync();
    return stats;
  } catch (cause) {
    await unlink(temporary).catch(() => {});
    throw cause;
  } finally {
    await file.close();
  }
}

/** A disk is not filled to the brim only to find that there is no room. Some file systems do not say how much they have. */
async function checkRoom(place: Place, size: number): Promise<void> {
  const { blocks, bavail, bsize } = await statfs(itself({ handle: place.folder }));
  if (blocks > 0 && size > bavail * bsize)
    throw Object.assign(new Error(`no space: it takes ${size} bytes, and ${bavail * bsize} are free`), {
      code: 'NO_ROOM',
    });
}

/** In a folder that others may write, they may rename something else to the name that was just made. */
async function verify(place: Place, made: Stats): Promise<void> {
  const there = await hold(within(place.folder, place.name));
  await there?.handle.close();
  if (!there || !isSame(there.stats, made))
    throw refused(place.path, 'was exchanged by somebody while it was written');
}
