/** The real folder of the cache: an adapter. */
import { mkdirSync } from 'node:fs';
import { open, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { CacheDisk } from './ports.ts';

export function cacheFolder(folder: string, freeBytes: () => number): CacheDisk {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const pathOf = (name: string): string => join(folder, name);
  return {
    pathOf,
    freeBytes,
    async list() {
      const found = [];
      for (const name of await readdir(folder)) {
        const { size, mtimeMs } = await stat(pathOf(name));
        found.push({ name, bytes: size, usedAtMs: mtimeMs });
      }
      return found;
    },
    async read(name, at, length) {
      const file = await open(pathOf(name), 'r');
      try {
        const bytes = Buffer.allocUnsafeSlow(length);
        let got = 0;
        while (got < length) {
          const { bytesRead } = await file.read(bytes, got, length - got, at + got);
          if (bytesRead === 0) break;
          got += bytesRead;
        }
        return bytes.subarray(0, got);
      } finally {
        await file.close();
      }
    },
    async open(name) {
      // `a` makes it without emptying it; writing at a place needs another mode.
      await (await open(pathOf(name), 'a', 0o600)).close();
      const file = await open(pathOf(name), 'r+');
      return {
        async write(at, bytes) {
          for (let done = 0; done < bytes.length; )
            done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
        },
        truncate: (length) => file.truncate(length),
        close: () => file.close(),
      };
    },
    rename: (from, to) => rename(pathOf(from), pathOf(to)),
    touch: (name, atMs) => utimes(pathOf(name), atMs / 1000, atMs / 1000),
    remove: (name) => rm(pathOf(name), { force: true }),
  };
}
