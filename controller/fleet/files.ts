/** The controller's secret files: whole or not there, readable by their owner alone. An adapter: the only disk access of this feature. */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { MusterError } from '../../proto/errors.ts';

export interface SecretFiles {
  /** The file's content, or undefined when it is not there. */
  read(name: string): Uint8Array | undefined;
  /** Durable when it returns. */
  write(name: string, content: Uint8Array): void;
}

/** Throws MusterError('store-failed') with the path and the reason where the folder cannot be used. */
export function openSecretFiles(folder: string): SecretFiles {
  const attempt = <T>(path: string, action: () => T): T => {
    try {
      return action();
    } catch (cause) {
      if (cause instanceof MusterError) throw cause;
      throw new MusterError('store-failed', `${path}: ${(cause as Error).message}`, { cause });
    }
  };
  attempt(folder, () => mkdirSync(folder, { recursive: true, mode: 0o700 }));
  return {
    read: (name) => {
      const path = join(folder, name);
      return attempt(path, () => {
        try {
          if ((statSync(path).mode & 0o077) !== 0)
            throw new MusterError(
              'store-failed',
              `${path} is readable by others; run "chmod 600 ${path}" after finding out why`,
            );
          return readFileSync(path);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
          throw error;
        }
      });
    },
    write: (name, content) => {
      const path = join(folder, name);
      attempt(path, () => writeDurably(path, content));
    },
  };
}

/** Temporary file, fsync, rename, fsync of the folder; for its owner alone. */
export function writeDurably(path: string, content: Uint8Array): void {
  const temporary = `${path}.new`;
  const file = openSync(temporary, 'w', 0o600);
  try {
    writeSync(file, content);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
  const folder = openSync(dirname(path), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
