import type { Kind } from './held.ts';

/** Decides what is to be done with one path. What is not named stays as it is, or becomes the usual. */

export type State = 'file' | 'directory' | 'link' | 'absent';

export interface Wish {
  readonly state: State;
  /** Of the content of a file. */
  readonly size?: number;
  /** Of a link. */
  readonly target?: string;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  readonly mode?: number | undefined;
}

/** What is there now. */
export interface Found {
  readonly kind: Kind;
  /** Without the bits that say the kind. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** How many names it has. */
  readonly names: number;
  readonly sameContent?: boolean;
  readonly target?: string;
  readonly isEmpty?: boolean;
}

export interface Surroundings {
  /** The agent's user. */
  readonly self: { readonly uid: number };
  readonly folder: { readonly mode: number };
}

export interface Metadata {
  /** Undefined: as the machine makes it. */
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly mode: number;
  /** Nobody asked for this mode: a file system that has another one for everything keeps it. */
  readonly isUsual: boolean;
}

export type Plan =
  | { readonly is: 'refused'; readonly why: string }
  | { readonly is: 'unchanged' }
  /** `put`: made anew and renamed into place. `adjust`: owner or mode of what is there. */
  | { readonly is: 'put' | 'adjust'; readonly to: Metadata; readonly says: string }
  | { readonly is: 'remove'; readonly says: string };

const SETUID_OR_SETGID = 0o6000;
const USUAL = { file: 0o644, directory: 0o755, link: 0o777 } as const;
const OTHERS_WRITE = 0o002;
const SETGID = 0o2000;

export function planEntry(wish: Wish, found: Found | undefined, around: Surroundings): Plan {
  if (found && (found.kind === 'device' || found.kind === 'fifo' || found.kind === 'socket'))
    return { is: 'refused', why: `is a ${found.kind}, which is never replaced, changed or removed` };
  if (wish.state === 'absent') return planAbsence(found);
  if (!found) return planNew(wish, wish.state, around);
  if (found.kind === wish.state) return planSame(wish, wish.state, found, around);
  if (found.kind === 'directory') return { is: 'refused', why: 'is a directory, and those are not replaced' };
  if (wish.state === 'directory')
    return { is: 'refused', why: `is a ${found.kind} and not a directory; it is not replaced by one` };
  return planOtherKind(wish, wish.state, found, around);
}

function planAbsence(found: Found | undefined): Plan {
  if (!found) return { is: 'unchanged' };
  if (found.kind === 'directory' && found.isEmpty === false)
    return { is: 'refused', why: 'is a directory that is not empty; only empty ones are removed' };
  return { is: 'remove', says: `${found.kind} removed` };
}

function planNew(wish: Wish, state: Exclude<State, 'absent'>, around: Surroundings): Plan {
  const to = freshMetadata(wish, state, around);
  return { is: 'put', to, says: describe(wish, state, to) };
}

function describe(wish: Wish, state: Exclude<State, 'absent'>, to: Metadata): string {
  const owner = to.uid === undefined ? '' : `, owner ${to.uid}`;
  const group = to.gid === undefined ? '' : `, group ${to.gid}`;
  switch (state) {
    case 'file':
      return `file made (${bytes(wish.size ?? 0)}, mode ${octal(to.mode)}${owner}${group})`;
    case 'directory':
      return `directory made (mode ${octal(to.mode)}${owner}${group})`;
    case 'link':
      return `link made to ${wish.target}${owner}${group}`;
  }
}

/** A folder with the setgid bit hands that to folders that are made in it; its group the kernel hands on by itself. */
function freshMetadata(
  { uid, gid, mode }: Wish,
  state: Exclude<State, 'absent'>,
  around: Surroundings,
): Metadata {
  const inherited = state === 'directory' ? around.folder.mode & SETGID : 0;
  return { uid, gid, mode: mode ?? USUAL[state] | inherited, isUsual: mode === undefined };
}

function planSame(wish: Wish, state: Exclude<State, 'absent'>, found: Found, around: Surroundings): Plan {
  const to = {
    uid: wish.uid ?? found.uid,
    gid: wish.gid ?? found.gid,
    mode: wish.mode ?? found.mode,
    isUsual: wish.mode === undefined,
  };
  const changes: string[] = [];
  const differs =
    state === 'file' ? found.sameContent !== true : state === 'link' && found.target !== wish.target;
  if (state === 'file' && differs) changes.push(`content changed (${found.size} → ${bytes(wish.size ?? 0)})`);
  if (state === 'link' && differs) changes.push(`link changed (${found.target} → ${wish.target})`);
  if (state !== 'link' && to.mode !== found.mode)
    changes.push(`mode ${octal(found.mode)} → ${octal(to.mode)}`);
  if (to.uid !== found.uid) changes.push(`owner ${found.uid} → ${to.uid}`);
  if (to.gid !== found.gid) changes.push(`group ${found.gid} → ${to.gid}`);
  if (changes.length === 0) return { is: 'unchanged' };

  const why = state === 'file' ? whyNotOver(wish, found, around) : undefined;
  if (why !== undefined) return { is: 'refused', why };
  // The other names of a file may be ones of a folder that is not to be touched: it gets a file of its own.
  const isShared = state === 'file' && found.names > 1;
  if (isShared)
    changes.push(`no longer one file with ${found.names - 1} other name${found.names > 2 ? 's' : ''}`);
  // Who it belonged to may have it open, and write to it for as long as he likes.
  const isTaken =
    state === 'file' && to.uid !== found.uid && found.uid !== 0 && found.uid !== around.self.uid;
  return { is: differs || isShared || isTaken ? 'put' : 'adjust', to, says: changes.join(', ') };
}

/** A file in the place of a link or the other way round. The link itself is replaced, never what it leads to. */
function planOtherKind(wish: Wish, state: 'file' | 'link', found: Found, around: Surroundings): Plan {
  const why = found.kind === 'file' ? whyNotOver(wish, found, around) : undefined;
  if (why !== undefined) return { is: 'refused', why };
  const to = freshMetadata(wish, state, around);
  const was = found.kind === 'link' ? `link to ${found.target} replaced` : 'file replaced';
  return { is: 'put', to, says: `${was}: ${describe(wish, state, to)}` };
}

/** Why a file is not to be given new content, owner or mode with what is kept of it. */
function whyNotOver(wish: Wish, found: Found, around: Surroundings): string | undefined {
  if ((found.mode & SETUID_OR_SETGID) !== 0 && wish.mode === undefined)
    return `has mode ${octal(found.mode)}, setuid or setgid; say which mode it is to have`;
  const isStranger = found.uid !== around.self.uid && found.uid !== 0;
  if (isStranger && (around.folder.mode & OTHERS_WRITE) !== 0 && wish.uid === undefined)
    return `belongs to user ${found.uid}, in a folder that everybody may write; say whose it is to be`;
  return undefined;
}

export function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

function bytes(size: number): string {
  return size === 1 ? '1 byte' : `${size} bytes`;
}
