import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
  writevSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { LogFile } from './output.ts';

/** A run's log at `path`: a new one, made when it is first written, or one that may be there. Throws what the disk throws. */
export function openLogFile(path: string, isNew: boolean): LogFile {
  let fd = isNew ? undefined : openIfThere(path);

  /** All of it, also where the kernel takes it in parts. */
  function write(at: number, parts: readonly Uint8Array[]): void {
    fd ??= openSync(path, 'wx+', 0o600);
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    const written = writevSync(fd, parts, at);
    if (written === length) return;
    const rest = Buffer.concat(parts).subarray(written);
    for (let done = 0; done < rest.length; )
      done += writeSync(fd, rest, done, undefined, at + written + done);
  }

  return {
    get size() {
      return fd === undefined ? 0 : fstatSync(fd).size;
    },
    write,
    read(at, length) {
      const bytes = new Uint8Array(length);
      let done = 0;
      while (fd !== undefined && done < length) {
        const got = readSync(fd, bytes, done, length - done, at + done);
        if (got === 0) break;
        done += got;
      }
      return bytes.subarray(0, done);
    },
    truncate(length) {
      if (fd !== undefined) ftruncateSync(fd, length);
    },
    sync() {
      if (fd === undefined) return;
      fsyncSync(fd);
      syncFolder(dirname(path));
    },
    close() {
      if (fd !== undefined) closeSync(fd);
      fd = undefined;
    },
    remove() {
      this.close();
      rmSync(path, { force: true });
    },
  };
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r+');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
