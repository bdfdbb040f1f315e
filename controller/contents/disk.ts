/** The real folder of contents. An adapter: the only disk access of this feature. */
import { mkdir, open, readdir, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { MusterError } from '../../proto/errors.ts';
import type { ContentDisk, ContentFile } from './ports.ts';

/** Throws MusterError('store-failed') where the folder cannot be made. */
export async function openContentDisk(folder: string): Promise<ContentDisk> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new MusterError('store-failed', `${folder}: ${(cause as Error).message}`, { cause });
  }
  const pathOf = (name: string): string => join(folder, name);
  return {
    async size(name) {
      try {
        return (await stat(pathOf(name))).size;
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw cause;
      }
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
    open: (name) => openFile(folder, pathOf(name)),
    remove: (name) => rm(pathOf(name), { force: true }),
    names: () => readdir(folder),
    async freeBytes() {
      try {
        const { bavail, bsize } = await statfs(folder);
        return bavail * bsize;
      } catch {
        return Number.POSITIVE_INFINITY;
      }
    },
  };
}

async function openFile(folder: string, path: string): Promise<ContentFile> {
  const file = await open(path, 'a', 0o600).then(async (made) => {
    // `a` makes it without emptying it; writing at a place needs another mode.
    await made.close();
    return open(path, 'r+');
  });
  return {
    async write(at, bytes) {
      for (let done = 0; done < bytes.length; )
        done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
    },
    truncate: (length) => file.truncate(length),
    async sync() {
      await file.sync();
      const parent = await open(folder, 'r');
      await parent.sync().finally(() => parent.close());
    },
    close: () => file.close(),
  };
}
