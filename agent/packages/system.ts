/** The real machine and the real folder: adapters. */
import { constants } from 'node:fs';
import {
  copyFile,
  mkdir,
  open,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  statfs,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { PackagesDisk } from './home.ts';
import type { Holder, HostFiles } from './host.ts';

const MOST_BYTES = 16 * 1024 * 1024;

const orNothing = <T>(promise: Promise<T>): Promise<T | undefined> => promise.catch(() => undefined);

export const machineFiles: HostFiles = {
  exists: async (path) => (await orNothing(stat(path))) !== undefined,
  async readText(path, maxBytes = MOST_BYTES) {
    const bytes = await orNothing(readFile(path));
    return bytes?.subarray(Math.max(0, bytes.length - maxBytes)).toString();
  },
  async readGzip(path, maxBytes = MOST_BYTES) {
    const bytes = await orNothing(readFile(path));
    try {
      return bytes && gunzipSync(bytes, { maxOutputLength: maxBytes }).toString();
    } catch {
      return undefined;
    }
  },
  list: async (path) => (await orNothing(readdir(path))) ?? [],
  size: async (path) => (await orNothing(stat(path)))?.size,
  async freeBytes(path) {
    for (let at = path; ; at = dirname(at)) {
      const found = await orNothing(statfs(at));
      if (found) return found.bavail * found.bsize;
      if (at === '/') return Number.POSITIVE_INFINITY;
    }
  },
};

/** By what the kernel says of each descriptor of those who hold any lock: inode numbers are no proof where a file system lies over another. */
export async function lockHolder(paths: readonly string[]): Promise<Holder | undefined> {
  const locks = (await orNothing(readFile('/proc/locks', 'utf8'))) ?? '';
  const pids = new Set(
    [...locks.matchAll(/^\d+: (?:POSIX|OFDLCK|FLOCK)\s+\S+\s+WRITE\s+(\d+) /gm)].map(([, pid = '']) => pid),
  );
  for (const pid of pids) {
    for (const fd of (await orNothing(readdir(`/proc/${pid}/fd`))) ?? []) {
      const path = await orNothing(readlink(`/proc/${pid}/fd/${fd}`));
      if (path === undefined || !paths.includes(path)) continue;
      const about = await orNothing(readFile(`/proc/${pid}/fdinfo/${fd}`, 'utf8'));
      if (!about?.includes('lock:')) continue;
      const name = (await orNothing(readFile(`/proc/${pid}/comm`, 'utf8')))?.trim() ?? 'a program';
      return { pid: Number(pid), name };
    }
  }
  return undefined;
}

/** The folder is made when something is put into it. */
export function packagesFolder(folder: string): PackagesDisk {
  const kept = join(folder, 'kept');
  const scratch = join(folder, 'scratch');
  const make = (path: string) => mkdir(path, { recursive: true, mode: 0o700 });
  async function sync(path: string): Promise<void> {
    const file = await open(path, constants.O_RDONLY);
    try {
      await file.sync();
    } finally {
      await file.close();
    }
  }
  async function place(next: string, path: string): Promise<void> {
    await sync(next);
    await rename(next, path);
    await sync(dirname(path));
  }
  return {
    readText: (name) => orNothing(readFile(join(folder, name), 'utf8')),
    async writeText(name, text) {
      await make(folder);
      const next = join(folder, `${name}.tmp`);
      const file = await open(next, 'w', 0o600);
      try {
        await file.writeFile(text);
      } finally {
        await file.close();
      }
      await place(next, join(folder, name));
    },
    async listKept() {
      const found = [];
      for (const name of (await orNothing(readdir(kept))) ?? []) {
        const about = await orNothing(stat(join(kept, name)));
        if (about) found.push({ name, bytes: about.size, keptAtMs: about.mtimeMs });
      }
      return found;
    },
    async keep(from, name) {
      await make(kept);
      const next = join(kept, `${name}.tmp`);
      try {
        await copyFile(from, next);
        await place(next, join(kept, name));
      } catch (cause) {
        await rm(next, { force: true });
        throw cause;
      }
    },
    readKept: (name) => orNothing(readFile(join(kept, name))),
    removeKept: (name) => rm(join(kept, name), { force: true }),
    pathOfKept: (name) => join(kept, name),
    async scratch() {
      await rm(scratch, { recursive: true, force: true });
      await make(scratch);
      return scratch;
    },
    clearScratch: () => rm(scratch, { recursive: true, force: true }),
    freeBytes: () => machineFiles.freeBytes(folder),
  };
}
