import type { Stats } from 'node:fs';
import { type FileHandle, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type Held, hold, itself, within } from './held.ts';
import { explain, notYet, refused, shown } from './refusal.ts';

/** Where something is or is to be: an open folder, and a name in it. */
export interface Place {
  /** As the order spells it. */
  readonly path: string;
  readonly folder: FileHandle;
  readonly folderStats: Stats;
  /** `.` for the root itself. */
  readonly name: string;
  /** Without the links that led there. */
  realPath(): Promise<string>;
  close(): Promise<void>;
}

/** As many links as Linux follows on one way. */
const MOST_LINKS = 40;

interface Stop {
  readonly held: Held;
  /** It and all above it belong to root or to the agent, and nobody else can write there. */
  readonly trusted: boolean;
}

/** Where a way begins. */
export interface Walk {
  /** The agent's user. */
  readonly self: number;
  /** Not at the root but in this folder, whose path this is; and then no link is followed at all. */
  readonly below?: { readonly folder: FileHandle; readonly path: string };
}

/**
 * Walks from the root to the folder of an absolute path, by descriptors, and follows no link on the way but those that
 * only root (or the agent's own user) can have put there: /bin -> usr/bin and /var/run -> /run are such. A link counts as
 * theirs if it belongs to one of them and lies in a folder that, like all above it, belongs to one of them and that group
 * and others cannot write.
 * Throws MusterError('bad-path'), or an Error that says what is not there.
 */
export async function findPlace(name: string, from: Walk): Promise<Place> {
  const { self, below } = from;
  const path = below ? join(below.path, name) : name;
  const parts = name.split('/').filter((part) => part !== '');
  const last = parts.pop() ?? '.';
  const stops: Stop[] = [];
  const close = async () => {
    for (const { held } of stops.splice(0)) await held.handle.close();
  };
  try {
    stops.push(await begin(from));
    await walk(stops, parts, path, { self, links: below ? 0 : MOST_LINKS });
    const end = stops.pop();
    if (!end) throw refused(path, 'leads out of the root');
    await close();
    const { handle: folder, stats: folderStats } = end.held;
    const realPath = async () => join(await readlink(itself({ handle: folder })), last);
    return { path, folder, folderStats, name: last, realPath, close: () => folder.close() };
  } catch (cause) {
    await close();
    throw cause;
  }
}

async function begin({ self, below }: Walk): Promise<Stop> {
  const path = below?.path ?? '/';
  const held = await holdOnWay(`${below ? itself({ handle: below.folder }) : ''}/.`, path, path);
  return { held, trusted: !below && isTheirs(held.stats, self) };
}

/** Whether only root, or the agent's user, can have put here what lies in it. Access lists are shown by the group's bits. */
function isTheirs(folder: Stats, self: number): boolean {
  return isOwn(folder, self) && (folder.mode & 0o022) === 0;
}

const isOwn = ({ uid }: Stats, self: number): boolean => uid === 0 || uid === self;

/** Leaves the folders from the root to the last part on `stops`. */
async function walk(
  stops: Stop[],
  parts: readonly string[],
  path: string,
  limits: { self: number; links: number },
): Promise<void> {
  const left = [...parts];
  let links = limits.links;
  for (let part = left.shift(); part !== undefined; part = left.shift()) {
    const here = stops.at(-1);
    if (!here) throw refused(path, 'leads out of the root');
    // Only the target of a link has these; the folders that it was reached through are still held.
    if (part === '.' || part === '') continue;
    if (part === '..') {
      if (stops.length > 1) await stops.pop()?.held.handle.close();
      continue;
    }
    const next = await holdOnWay(within(here.held.handle, part), part, path);
    if (next.kind === 'directory') {
      stops.push({ held: next, trusted: here.trusted && isTheirs(next.stats, limits.self) });
      continue;
    }
    await next.handle.close();
    if (next.kind !== 'link') throw new Error(`${shown(path)}: ${shown(part)} on the way is not a directory`);
    const followed = here.trusted && isOwn(next.stats, limits.self);
    if (!followed)
      throw refused(
        path,
        `has the symbolic link ${shown(part)} on the way, and it is not one that only root can have put there`,
      );
    if (links-- === 0) throw refused(path, 'leads through too many symbolic links');
    const target = await readlink(within(here.held.handle, part));
    if (target.startsWith('/')) for (const { held } of stops.splice(1)) await held.handle.close();
    left.unshift(...target.split('/'));
  }
}

async function holdOnWay(way: string, part: string, path: string): Promise<Held> {
  let next: Held | undefined;
  try {
    next = await hold(way);
  } catch (cause) {
    throw new Error(`${shown(path)}: at ${shown(part)} on the way: ${explain(cause)}`, { cause });
  }
  if (!next) throw notYet(`${shown(path)}: the folder ${shown(part)} on the way is not there`);
  return next;
}
