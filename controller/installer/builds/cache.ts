/**
 * Packed builds on the disk of whoever installs: made once, for all hosts and the next time.
 *
 *   KEY          the packed file; its name is the digest of all that it was made of
 *   KEY.json     what it is; written last, so what has none is not there
 *   work-XXXXXX  where one is being made; moved out of it whole
 *
 * Two processes that want the same both make it, and either one's is right. What is read is held against its digest.
 */
import { createReadStream } from 'node:fs';
import {
  type FileHandle,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Clock } from '../../../proto/clock.ts';
import { incrementalSha512 } from '../../../proto/crypto.ts';
import { toHex } from '../../../proto/ids.ts';
import type { Build, Packing } from '../build.ts';

export interface Kept {
  build: Build;
  packing: Packing;
  length: number;
  sha512: string;
  /** Open: it stays readable whatever becomes of its name. */
  file: FileHandle;
}

export interface Cache {
  /** Undefined where it is not there, or not as it was written. */
  find(key: string): Promise<Kept | undefined>;
  /** `make` gets an empty folder and leaves the packed file in it. Throws what it throws, and what the disk says. */
  make(
    key: string,
    make: (work: string) => Promise<{ path: string; build: Build; packing: Packing }>,
  ): Promise<Kept>;
}

const hex = z.string().regex(/^[0-9a-f]{128}$/);
const size = z.int().positive();
const keptShape = z.strictObject({
  build: z.strictObject({
    version: z.string().max(64),
    form: z.enum(['bundle', 'executable']),
    arch: z.enum(['x64', 'arm64']).optional(),
    sha512: hex,
    length: size,
  }),
  packing: z.enum(['zstd', 'xz', 'gzip']),
  length: size,
  sha512: hex,
});

/** Root is not to send to a fleet what another user of this machine has put there. */
async function checkOwner(folder: string): Promise<void> {
  const [{ uid, mode }, self] = await Promise.all([stat(folder), stat('/proc/self')]);
  if (uid !== self.uid || (mode & 0o022) !== 0)
    throw new Error(`${folder} can be changed by other users: name another cache with XDG_CACHE_HOME`);
}

/** Two architectures, three packings and the bundle are 9. */
const KEPT_ENTRIES = 12;
/** What was left by a process that was killed. */
const WORK_MS = 3_600_000;

export interface CachePorts {
  folder: string;
  clock: Pick<Clock, 'now'>;
}

export function createCache({ folder, clock }: CachePorts): Cache {
  async function openFolder(): Promise<void> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await checkOwner(folder);
  }

  async function find(key: string): Promise<Kept | undefined> {
    await openFolder();
    const text = await readFile(`${join(folder, key)}.json`, 'utf8').catch(() => undefined);
    const kept = text === undefined ? undefined : keptShape.safeParse(parseJson(text)).data;
    if (!kept) return undefined;
    const file = await open(join(folder, key), 'r').catch(() => undefined);
    if (!file) return undefined;
    if ((await digestOf(file)) !== kept.sha512) {
      await file.close();
      return undefined;
    }
    const seconds = clock.now() / 1000;
    await utimes(`${join(folder, key)}.json`, seconds, seconds).catch(() => {});
    const { arch, ...build } = kept.build;
    return { ...kept, build: { ...build, arch }, file };
  }

  async function make(key: string, make: Parameters<Cache['make']>[1]): Promise<Kept> {
    await openFolder();
    await sweep();
    const work = await mkdtemp(join(folder, 'work-'));
    try {
      const { path, build, packing } = await make(work);
      const file = await open(path, 'r+');
      try {
        const sha512 = await digestOf(file);
        const { size: length } = await file.stat();
        await file.sync();
        const note = join(work, 'kept.json');
        await writeFile(note, `${JSON.stringify({ build, packing, length, sha512 })}\n`, { flush: true });
        // Without a note it is not there, so an older note goes first.
        await rm(`${join(folder, key)}.json`, { force: true });
        await rename(path, join(folder, key));
        await rename(note, `${join(folder, key)}.json`);
        return { build, packing, length, sha512, file };
      } catch (error) {
        await file.close();
        throw error;
      }
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }

  /** Before something new is made: the room for it is needed now. */
  async function sweep(): Promise<void> {
    const names = await readdir(folder);
    const aged = await Promise.all(
      names.map(async (name) => ({
        name,
        atMs: (await stat(join(folder, name)).catch(() => undefined))?.mtimeMs,
      })),
    );
    const notes = aged.filter(({ name }) => name.endsWith('.json'));
    notes.sort((a, b) => (b.atMs ?? 0) - (a.atMs ?? 0));
    const files = ({ name }: { name: string }): string[] => [name, name.slice(0, -'.json'.length)];
    const kept = new Set(notes.slice(0, KEPT_ENTRIES - 1).flatMap(files));
    const noted = new Set(notes.flatMap(files));
    for (const { name, atMs = 0 } of aged)
      if (!kept.has(name) && (noted.has(name) || clock.now() - atMs > WORK_MS))
        await rm(join(folder, name), { recursive: true, force: true });
  }

  return { find, make };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function digestOf(file: FileHandle): Promise<string> {
  const hash = incrementalSha512();
  const pieces = createReadStream('', { fd: file, start: 0, autoClose: false, highWaterMark: 1 << 20 });
  for await (const piece of pieces) hash.update(piece);
  return toHex(hash.digest());
}
