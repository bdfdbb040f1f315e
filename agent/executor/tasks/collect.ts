import type { Dirent } from 'node:fs';
import { type FileHandle, opendir, readlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Header, Pack } from 'tar-stream';
import type { Message } from '../../../proto/codec.ts';
import type { StepContext, StepResult } from '../step.ts';
import { type Held, hold, itself, reopen, within } from './held.ts';
import { findPlace } from './place.ts';
import { explain, shown } from './refusal.ts';

/** Read at once, and written as one piece. */
const PIECE_BYTES = 64 * 1024;
/** As tar counts. */
const BLOCK_BYTES = 512;

export interface CollectPorts {
  /** The agent's user and group. */
  readonly self: { readonly uid: number; readonly gid: number };
  /** Throws MusterError('policy-denied') for a path that the host's policy keeps to itself. */
  checkRead(path: string): void;
}

/**
 * Writes a tar archive of a path to the run's stdout: regular files, directories, and links as links. What it passes over is
 * named on stderr. Names in the archive begin with the last part of the path.
 */
export async function collect(
  task: Message<'CollectTask'>,
  ports: CollectPorts,
  context: StepContext,
): Promise<StepResult> {
  const { check } = context.spec;
  const place = await findPlace(task.path, { self: ports.self.uid });
  try {
    const realPath = await place.realPath();
    ports.checkRead(realPath);
    const held = await hold(within(place.folder, place.name));
    if (!held) return { state: 'failed', reason: `${shown(task.path)} is not there` };
    if (check) {
      await held.handle.close();
      return { state: 'succeeded', change: 'unchanged' };
    }
    const found = { held, way: within(place.folder, place.name) };
    const root = { path: realPath, name: task.path === '/' ? '.' : basename(task.path) };
    const problems = await archive(found, root, ports, context);
    if (problems === 0) return { state: 'succeeded', change: 'unchanged' };
    const entries = problems === 1 ? '1 entry' : `${problems} entries`;
    return { state: 'failed', reason: `the archive is not complete: ${entries}, named on stderr` };
  } finally {
    await place.close();
  }
}

/** Something to be archived, held, and the way to it for what follows no descriptor. */
interface Found {
  readonly held: Held;
  readonly way: string;
}

interface Archive {
  readonly pack: Pack;
  readonly signal: AbortSignal;
  /** The file system that is archived. */
  readonly dev: number;
  /** Of a file that is not as its entry says. */
  problem(name: string, what: string): void;
  /** Of something that has no place in an archive. */
  note(name: string, what: string): void;
  /** Throws for a name that the host's policy keeps to itself. */
  checkRead(name: string): void;
  /** Throws where there is no room for so much more. */
  reserve(bytes: number): void;
}

/** Returns how many entries are not as they should be. Closes what is held. */
async function archive(
  found: Found,
  root: { path: string; name: string },
  ports: CollectPorts,
  context: StepContext,
): Promise<number> {
  // Loaded when it is needed: few agents ever do.
  const { pack: createPack } = await import('tar-stream');
  const pack = createPack();
  let problems = 0;
  let left = context.spec.outputCapBytes;
  const note = (name: string, what: string) =>
    context.write('stderr', Buffer.from(`${shown(name)}: ${what}\n`));
  const into: Archive = {
    pack,
    signal: context.signal,
    dev: found.held.stats.dev,
    note,
    problem(name, what) {
      problems += 1;
      note(name, what);
    },
    checkRead: (name) => ports.checkRead(join(root.path, name.slice(root.name.length))),
    reserve(bytes) {
      left -= BLOCK_BYTES + Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
      if (left >= 0) return;
      throw new Error(
        `the archive is larger than what is kept of a run's output, ${context.spec.outputCapBytes} bytes`,
      );
    },
  };
  const written = writeOut(pack, context);
  try {
    await add(found, root.name, into);
    pack.finalize();
  } catch (cause) {
    pack.destroy();
    await written.catch(() => {});
    throw cause;
  }
  await written;
  return problems;
}

async function writeOut(pack: Pack, context: StepContext): Promise<void> {
  for await (const piece of pack) {
    context.write('stdout', piece as Uint8Array);
    await context.room();
  }
}

/** Closes what is held. */
async function add(found: Found, name: string, into: Archive): Promise<void> {
  const { held } = found;
  try {
    into.signal.throwIfAborted();
    switch (held.kind) {
      case 'file':
        return await addFile(held, name, into);
      case 'directory':
        return await addDirectory(held, name, into);
      case 'link':
        return await addLink(found, name, into);
      default:
        return into.note(name, `a ${held.kind}, passed over`);
    }
  } finally {
    await held.handle.close();
  }
}

function headerOf({ stats }: Held, name: string): Partial<Header> & { name: string } {
  return {
    name,
    mode: stats.mode & 0o7777,
    uid: stats.uid,
    gid: stats.gid,
    mtime: new Date(stats.mtimeMs),
  };
}

async function addDirectory(held: Held, name: string, into: Archive): Promise<void> {
  into.reserve(0);
  into.pack.entry({ ...headerOf(held, `${name}/`), type: 'directory' });
  if (held.stats.dev !== into.dev) return into.note(name, 'another file system, passed over');
  let entries: AsyncIterable<Dirent<Buffer>>;
  try {
    entries = (await opendir(itself(held), { encoding: 'buffer' as 'utf8' })) as unknown as typeof entries;
  } catch (cause) {
    return into.problem(name, `cannot be listed: ${explain(cause)}`);
  }
  for await (const entry of entries) await addEntry(held.handle, entry.name, name, into);
}

async function addEntry(folder: FileHandle, bytes: Buffer, above: string, into: Archive): Promise<void> {
  const part = textOf(bytes);
  if (part === undefined)
    return into.problem(`${above}/${bytes.toString('latin1')}`, 'the name is not UTF-8, passed over');
  const name = `${above}/${part}`;
  into.checkRead(name);
  const way = within(folder, part);
  let held: Held | undefined;
  try {
    held = await hold(way);
  } catch (cause) {
    return into.problem(name, explain(cause));
  }
  // Removed meanwhile: as if it had been before.
  if (held) await add({ held, way }, name, into);
}

async function addLink({ held, way }: Found, name: string, into: Archive): Promise<void> {
  const target = textOf(await readlink(way, { encoding: 'buffer' }));
  if (target === undefined) return into.problem(name, 'leads to a name that is not UTF-8, passed over');
  into.reserve(0);
  into.pack.entry({ ...headerOf(held, name), type: 'symlink', linkname: target });
}

/** Exactly as many bytes as its header says, whatever becomes of the file meanwhile. */
async function addFile(held: Held, name: string, into: Archive): Promise<void> {
  let file: FileHandle;
  try {
    file = await reopen(held);
  } catch (cause) {
    return into.problem(name, `cannot be read: ${explain(cause)}`);
  }
  try {
    const { size } = held.stats;
    into.reserve(size);
    const entry = into.pack.entry({ ...headerOf(held, name), type: 'file', size });
    let done = 0;
    while (done < size) {
      into.signal.throwIfAborted();
      const piece = Buffer.alloc(Math.min(PIECE_BYTES, size - done));
      const { bytesRead } = await file.read(piece, 0, piece.length, done);
      if (bytesRead === 0) break;
      done += bytesRead;
      await give(entry, piece.subarray(0, bytesRead));
    }
    if (done < size)
      into.problem(name, `became shorter while it was read: zeros stand for its last ${size - done} bytes`);
    for (; done < size; done += PIECE_BYTES)
      await give(entry, Buffer.alloc(Math.min(PIECE_BYTES, size - done)));
    // Whoever collects a log wants it as it was at one moment.
    if ((await file.read(Buffer.alloc(1), 0, 1, size)).bytesRead > 0)
      into.note(name, `became longer while it was read: its first ${size} bytes are archived`);
    entry.end(null);
  } finally {
    await file.close();
  }
}

/** Waits until there is room for more. */
function give(entry: ReturnType<Pack['entry']>, piece: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const closed = () => reject(new Error('the archive was given up'));
    entry.once('close', closed);
    const more = () => {
      entry.removeListener('close', closed);
      resolve();
    };
    if (entry.write(piece)) more();
    else entry.once('drain', more);
  });
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}
