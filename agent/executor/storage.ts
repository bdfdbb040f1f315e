import { closeSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { BlockStore } from './output.ts';

/** Blocks of output in one file, made when the first one comes. Throws what the disk throws. */
export function createFileStore(path: string): BlockStore & { close(): void } {
  let fd: number | undefined;
  let end = 0;
  return {
    append(bytes) {
      if (fd === undefined) {
        // A run whose first task is no command has no folder yet.
        mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
        fd = openSync(path, 'wx+', 0o600);
      }
      // Writes at its place, so that what a failed write left behind is written over.
      for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, undefined, end + done);
      end += bytes.length;
    },
    read(at, length) {
      const bytes = new Uint8Array(length);
      if (fd === undefined) return bytes;
      for (let done = 0; done < length; ) {
        const got = readSync(fd, bytes, done, length - done, at + done);
        if (got === 0) throw new Error(`${path} was cut off`);
        done += got;
      }
      return bytes;
    },
    close() {
      if (fd !== undefined) closeSync(fd);
      fd = undefined;
    },
  };
}
