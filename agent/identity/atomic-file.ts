import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { MusterError } from '../../proto/errors.ts';

/**
 * Replaces a file whole: afterwards it is there with this content, also after a power cut, or it is as it was before.
 * Throws MusterError('journal-failed').
 */
export function writeWhole(path: string, content: string, mode = 0o600): void {
  const next = `${path}.tmp`;
  try {
    const fd = openSync(next, 'w', mode);
    try {
      const bytes = Buffer.from(content);
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(next, path);
    syncFolder(dirname(path));
  } catch (cause) {
    rmSync(next, { force: true, recursive: true });
    throw new MusterError('journal-failed', `${path}: ${(cause as Error).message}`, { cause });
  }
}

/** Makes a rename or a removal in this folder durable. */
export function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
