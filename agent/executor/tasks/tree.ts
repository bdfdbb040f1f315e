import type { FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Message, TreeManifest } from '../../../proto/codec.ts';
import { checkTreeManifest } from '../../../proto/validate-order.ts';
import { type Contents, namedContent } from './content.ts';
import { bringEntry, type EntryOptions } from './entry.ts';
import { type FilePorts, type FileRun, lineOf } from './file.ts';
import { hold, syncFolder, within } from './held.ts';
import { findIds, type Ids } from './owner.ts';
import { findPlace, type Place } from './place.ts';
import { planEntry, type Wish } from './plan.ts';
import { isNotYet, refused, shown } from './refusal.ts';

/** A folder and all that its manifest names, as the order has it. What else is in the folder stays as it is. */
export type TreeTask = Message<'TreeTask'>;
type Entry = Message<'TreeEntry'>;

/** Entries that are no directories are made so many at a time: each waits for the disk, and perhaps for its content. */
const AT_ONCE = 8;
/** Lines about single entries; the last line counts them all. */
const MOST_LINES = 500;

/** True if something was, or in a check would be, changed. Ends at the first entry that cannot be made. */
export async function bringTree(task: TreeTask, ports: FilePorts, run: FileRun): Promise<boolean> {
  const ids = await findIds(task, ports.accounts);
  const { entries } = await readManifest(task.manifest, ports.contents, run);
  const { tell, end } = teller(task.path, entries.length, run);
  const { self, scratch, checkWrite } = ports;
  const options = { self, scratch, checkWrite, signal: run.signal, check: run.check };
  const root = await bringRoot(task.path, ids, { ...options, sync: true }, tell);
  try {
    const tree = { path: task.path, root, ids, ports, run, options: { ...options, sync: false } };
    await bringEntries(entries, tree, tell);
  } finally {
    await root?.close();
  }
  return end();
}

async function readManifest(
  name: TreeTask['manifest'],
  contents: Contents,
  run: FileRun,
): Promise<Message<'TreeManifest'>> {
  if (!name) throw new TypeError('a tree has a manifest');
  const pieces: Buffer[] = [];
  await namedContent(name, contents, run).read(async (piece) => void pieces.push(Buffer.from(piece)));
  const manifest = TreeManifest.decode(Buffer.concat(pieces));
  checkTreeManifest(manifest);
  return manifest;
}

interface Tree {
  readonly path: string;
  /** Undefined in a check of a tree whose folder is not there. */
  readonly root: FileHandle | undefined;
  readonly ids: Ids;
  readonly ports: FilePorts;
  readonly run: FileRun;
  readonly options: EntryOptions;
}

/** The folder of the tree, made if it is not there, and held. */
async function bringRoot(
  path: string,
  ids: Ids,
  options: EntryOptions,
  tell: (path: string, said: string | undefined) => void,
): Promise<FileHandle | undefined> {
  const place = await findPlace(path, { self: options.self.uid });
  try {
    tell(path, await bringEntry({ state: 'directory', ...ids }, undefined, place, options));
    const held = await hold(within(place.folder, place.name));
    if (held?.kind === 'directory') return held.handle;
    await held?.handle.close();
    if (options.check && !held) return undefined;
    throw refused(path, 'was exchanged by somebody while it was made');
  } finally {
    await place.close();
  }
}

/** Directories in their order, then what is in them; and last, the folders that were changed are made durable. */
async function bringEntries(
  entries: readonly Entry[],
  tree: Tree,
  tell: (path: string, said: string | undefined) => void,
): Promise<void> {
  const touched = new Set<string>();
  const bring = async (entry: Entry) => {
    tree.run.signal.throwIfAborted();
    const said = await bringOne(entry, tree);
    if (said !== undefined) touched.add(dirname(entry.path));
    return { path: join(tree.path, entry.path), said };
  };
  for (const entry of entries) {
    if (entry.kind !== 'directory') continue;
    const { path, said } = await bring(entry);
    tell(path, said);
  }
  const others = entries.filter(({ kind }) => kind !== 'directory');
  for (let from = 0; from < others.length; from += AT_ONCE) {
    const batch = await Promise.allSettled(others.slice(from, from + AT_ONCE).map(bring));
    for (const one of batch) {
      if (one.status === 'rejected') throw one.reason;
      tell(one.value.path, one.value.said);
    }
  }
  if (!tree.run.check) for (const folder of touched) await syncBelow(folder, tree);
}

async function bringOne(entry: Entry, tree: Tree): Promise<string | undefined> {
  const { ports, run, options } = tree;
  const content = entry.content ? namedContent(entry.content, ports.contents, run) : undefined;
  const wish = wishOf(entry, tree.ids);
  const place = await placeBelow(entry.path, tree);
  // Only a check comes here without a folder: it would have been made by now.
  if (!place) return imagine(wish, options);
  try {
    return await bringEntry(wish, content, place, options);
  } finally {
    await place.close();
  }
}

async function placeBelow(name: string, tree: Tree): Promise<Place | undefined> {
  const { root, path, options } = tree;
  if (!root) return undefined;
  try {
    return await findPlace(name, { self: options.self.uid, below: { folder: root, path } });
  } catch (cause) {
    if (options.check && isNotYet(cause)) return undefined;
    throw cause;
  }
}

function imagine(wish: Wish, { self }: EntryOptions): string | undefined {
  const plan = planEntry(wish, undefined, { self, folder: { mode: 0 } });
  return plan.is === 'put' ? plan.says : undefined;
}

function wishOf({ kind, mode, target, content }: Entry, ids: Ids): Wish {
  const common = { ...ids, mode: mode === 0 ? undefined : mode };
  switch (kind) {
    case 'directory':
      return { state: 'directory', ...common };
    case 'link':
      return { state: 'link', ...common, target };
    default:
      return { state: 'file', ...common, size: content?.length ?? 0 };
  }
}

async function syncBelow(folder: string, tree: Tree): Promise<void> {
  const place = await placeBelow(join(folder, 'any'), tree);
  if (!place) return;
  try {
    await syncFolder(place.folder);
  } finally {
    await place.close();
  }
}

/** Says what changed, line by line while it is not too much, and at the end how much it was. */
function teller(path: string, entries: number, run: FileRun) {
  let changed = 0;
  return {
    tell(of: string, said: string | undefined) {
      if (said === undefined) return;
      changed += 1;
      if (changed <= MOST_LINES) run.say(lineOf(of, said, run.check));
    },
    end(): boolean {
      if (changed > MOST_LINES) run.say(`… and ${changed - MOST_LINES} more`);
      const verb = run.check ? 'would change' : 'changed';
      if (changed > 0) run.say(`${shown(path)}: ${changed} ${verb}, of ${entries + 1} in the tree`);
      return changed > 0;
    },
  };
}
