import type { Message } from '../../../proto/codec.ts';
import { MusterError } from '../../../proto/errors.ts';
import type { Accounts, Groups } from '../account.ts';
import { type Content, type Contents, contentOfBytes, namedContent } from './content.ts';
import { bringEntry } from './entry.ts';
import { findIds } from './owner.ts';
import { findPlace, type Place } from './place.ts';
import type { State, Wish } from './plan.ts';
import type { Scratch } from './put.ts';
import { isNotYet, shown } from './refusal.ts';

/** What one path is to be, as the order has it. */
export type FileTask = Message<'FileTask'>;

export interface FilePorts {
  readonly accounts: Pick<Accounts, 'find'> & Groups;
  readonly contents: Contents;
  readonly scratch: Scratch;
  /** Throws MusterError('policy-denied') for a path that the host's policy keeps to itself. */
  checkWrite(path: string): void;
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
  const content = task.state === 'file' ? contentOf(task, ports, run) : undefined;
  const place = await placeOf(task, self.uid);
  if (!place) return false;
  try {
    const wish = wishOf(task, ids, content);
    const { signal, check } = run;
    const { scratch, checkWrite } = ports;
    const options = { self, scratch, checkWrite, signal, check, sync: true };
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
    return await findPlace(task.path, { self });
  } catch (cause) {
    if (task.state === 'absent' && isNotYet(cause)) return undefined;
    throw cause;
  }
}

function wishOf(task: FileTask, ids: Pick<Wish, 'uid' | 'gid'>, content: Content | undefined): Wish {
  const mode = task.mode === 0 ? undefined : task.mode;
  const common = { state: stateOf(task), ...ids, mode };
  if (content) return { ...common, size: content.size };
  return task.state === 'link' ? { ...common, target: task.target } : common;
}

function stateOf({ state }: FileTask): State {
  if (state === 'file' || state === 'directory' || state === 'link' || state === 'absent') return state;
  throw new MusterError('bad-task', `a path cannot be ${state}`);
}

/** An order that brings no content means an empty file. */
function contentOf({ content, inline }: FileTask, ports: FilePorts, run: FileRun): Content {
  return content ? namedContent(content, ports.contents, run) : contentOfBytes(inline);
}

export function lineOf(path: string, said: string, check: boolean): string {
  return `${shown(path)}: ${check ? 'would change: ' : ''}${said}`;
}
