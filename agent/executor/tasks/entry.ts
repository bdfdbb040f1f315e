import { readdir, readlink } from 'node:fs/promises';
import { MusterError } from '../../../proto/errors.ts';
import { type Content, hasContent } from './content.ts';
import { type Held, hold, itself, reopen, setMetadata, syncFolder, within } from './held.ts';
import type { Place } from './place.ts';
import { type Found, type Plan, planEntry, type Wish } from './plan.ts';
import { drop, type Putting, put, type Scratch } from './put.ts';
import { codeOf, explain, refused, shown } from './refusal.ts';

export interface EntryOptions {
  readonly self: { readonly uid: number; readonly gid: number };
  readonly scratch: Scratch;
  /** Throws MusterError('policy-denied') for a path that the host's policy keeps to itself. */
  checkWrite(path: string): void;
  readonly signal: AbortSignal;
  /** Says what would change, and changes nothing. */
  readonly check: boolean;
  /** False where many are made in one folder, which is then made durable once. */
  readonly sync: boolean;
}

/** What was changed, in words; undefined where there was nothing to change. */
export type Said = string | undefined;

/**
 * Makes one path what it is to be. Throws MusterError bad-path and policy-denied where that is refused, and those of the
 * content; the signal's reason; otherwise an Error that says what the machine did not do.
 */
export async function bringEntry(
  wish: Wish,
  content: Content | undefined,
  place: Place,
  options: EntryOptions,
): Promise<Said> {
  try {
    return await bring(wish, content, place, options);
  } catch (cause) {
    if (options.signal.aborted || cause instanceof MusterError) throw cause;
    throw new Error(`${shown(place.path)}: ${explain(cause)}`, { cause });
  }
}

async function bring(
  wish: Wish,
  content: Content | undefined,
  place: Place,
  options: EntryOptions,
): Promise<Said> {
  options.checkWrite(await place.realPath());
  if (!options.check) await options.scratch.sweep(place);
  const path = within(place.folder, place.name);
  const held = await hold(path);
  try {
    const found = held && (await findOut(held, path, wish, content, options.signal));
    const plan = planEntry(wish, found, { self: options.self, folder: place.folderStats });
    if (plan.is === 'refused') throw refused(place.path, plan.why);
    if (plan.is === 'unchanged') return undefined;
    if (!options.check) {
      options.signal.throwIfAborted();
      await carryOut(plan, wish, content, { place, held }, options);
      if (options.sync) await syncFolder(place.folder);
    }
    return plan.says;
  } finally {
    await held?.handle.close();
  }
}

async function findOut(
  held: Held,
  path: string,
  wish: Wish,
  content: Content | undefined,
  signal: AbortSignal,
): Promise<Found> {
  const { stats, kind } = held;
  const found: Found = {
    kind,
    mode: stats.mode & 0o7777,
    uid: stats.uid,
    gid: stats.gid,
    size: stats.size,
    names: stats.nlink,
  };
  if (kind === 'link') return { ...found, target: await readlink(path) };
  if (kind === 'directory' && wish.state === 'absent')
    return { ...found, isEmpty: (await readdir(itself(held))).length === 0 };
  if (kind !== 'file' || !content || content.size !== stats.size) return found;
  return { ...found, sameContent: await readsAs(held, content, signal) };
}

/** A file that may not be read is one with other content: what can be done about it shows in the writing. */
async function readsAs(held: Held, content: Content, signal: AbortSignal): Promise<boolean> {
  try {
    const file = await reopen(held);
    try {
      return await hasContent(file, content, signal);
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (codeOf(cause) === 'EACCES') return false;
    throw cause;
  }
}

async function carryOut(
  plan: Exclude<Plan, { is: 'refused' | 'unchanged' }>,
  wish: Wish,
  content: Content | undefined,
  { place, held }: { place: Place; held: Held | undefined },
  options: EntryOptions,
): Promise<void> {
  switch (plan.is) {
    case 'put':
      return put(place, puttingOf(wish, content), plan.to, options);
    case 'adjust':
      return held && setMetadata(held, plan.to);
    case 'remove':
      return held && drop(within(place.folder, place.name), held);
  }
}

function puttingOf(wish: Wish, content: Content | undefined): Putting {
  if (wish.state === 'link') return { state: 'link', target: wish.target ?? '' };
  if (wish.state === 'file' && content) return { state: 'file', content };
  return { state: 'directory' };
}
