import type { Accounts, Groups } from '../account.ts';
import { type Content, type ContentName, type Contents, contentOfBytes, namedContent } from './content.ts';
import { bringEntry } from './entry.ts';
import { findIds } from './owner.ts';
import { findPlace, MISSING_FOLDER, type Place } from './place.ts';
import type { Wish } from './plan.ts';
import type { Scratch } from './put.ts';
import { codeOf, shown } from './refusal.ts';

/** What one path is to be. */
export interface FileTask {
  readonly kind: 'file';
  /** Absolute. */
  readonly path: string;
  readonly state: 'file' | 'directory' | 'link' | 'absent';
  /** A file's content: in the order, or named by it. */
  readonly content: Uint8Array | ContentName;
  /** Of a link; empty for the others. */
  readonly target: string;
  /** A name or digits; empty: as it is, or the agent's own. */
  readonly owner: string;
  readonly group: string;
  /** 0: as it is, or the usual one. */
  readonly mode: number;
}

export interface FilePorts {
  readonly accounts: Pick<Accounts, 'find'> & Groups;
  readonly contents: Contents;
  readonly scratch: Scratch;
  /** The agent's user and group. */
  readonly self: { readonly uid: number; readonly gid: number };
}

/** How a task of files goes about. */
export interface FileRun {
  readonly jobId: string;
  readonly signal: AbortSignal;
  readonly check: boolean;
  /** A line of the run's output. */
  say(line: string): void;
}

/** True if something was, or in a check would be, changed. Throws as `bringEntry` and `findPlace`. */
export async function bringFile(task: FileTask, ports: FilePorts, run: FileRun): Promise<boolean> {
  const { self } = ports;
  const ids = await findIds(task, ports.accounts);
  const content = task.state === 'file' ? contentOf(task.content, ports, run) : undefined;
  const place = await placeOf(task, self.uid);
  if (!place) return false;
  try {
    const wish = wishOf(task, ids, content);
    const { signal, check } = run;
    const options = { self, scratch: ports.scratch, signal, check, sync: true };
    const said = await bringEntry(wish, content, place, options);
    if (said !== undefined) run.say(lineOf(task.path, said, run.check));
    return said !== undefined;
  } finally {
    await place.close();
  }
}

/** Undefined where something is to be absent and even its folder is. */
async function placeOf(task: FileTask, self: number): Promise<Place | undefined> {
  try {
    return await findPlace(task.path, self);
  } catch (cause) {
    if (task.state === 'absent' && codeOf(cause) === MISSING_FOLDER) return undefined;
    throw cause;
  }
}

function wishOf(task: FileTask, ids: Pick<Wish, 'uid' | 'gid'>, content: Content | undefined): Wish {
  const mode = task.mode === 0 ? undefined : task.mode;
  const common = { state: task.state, ...ids, mode };
  if (content) return { ...common, size: content.size };
  return task.state === 'link' ? { ...common, target: task.target } : common;
}

function contentOf(content: Uint8Array | ContentName, ports: FilePorts, run: FileRun): Content {
  return content instanceof Uint8Array ? contentOfBytes(content) : namedContent(content, ports.contents, run);
}

export function lineOf(path: string, said: string, check: boolean): string {
  return `${shown(path)}: ${check ? 'would change: ' : ''}${said}`;
}
