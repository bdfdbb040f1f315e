import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const BLOCK = Buffer.alloc(4096, 1);

/** A file system in memory of a given size, that can be filled and emptied. Needs the right to mount. */
export interface SmallDisk {
  readonly folder: string;
  /** Leaves so many bytes free, at least none. */
  fill(leftBytes?: number): void;
  empty(): void;
}

export function smallDisk(t: { after(fn: () => unknown): void }, mib: number): SmallDisk {
  const folder = mkdtempSync(join(tmpdir(), 'muster-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mib}m,mode=700`, 'muster-test', folder]);
  // Lazily: what the test started may end a little later.
  t.after(() => {
    execFileSync('umount', ['--lazy', folder]);
    rmdirSync(folder);
  });
  const filler = join(folder, 'filler');
  const freeBytes = (): number => {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  };
  return {
    folder,
    fill(leftBytes = 0) {
      const fd = openSync(filler, 'a');
      try {
        while (freeBytes() > leftBytes) writeSync(fd, BLOCK);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      } finally {
        closeSync(fd);
      }
    },
    empty: () => rmSync(filler, { force: true }),
  };
}
