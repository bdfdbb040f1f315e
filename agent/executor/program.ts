import { type Stats, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

export type Found =
  | { readonly path: string }
  /** With the exit status that a shell gives: 127 not found, 126 not executable. */
  | { readonly exitCode: 126 | 127 };

/** What the executor asks of the machine's files before it starts anything. */
export interface Programs {
  /** Finds what execvp would run, with the PATH that the command will have. Says nothing of who may run it. */
  find(name: string, path: string, cwd: string): Found;
  isDirectory(path: string): boolean;
  /** Whether every user can get to what lies in this folder: it and all above it may be passed through. */
  isOpenToAll(folder: string): boolean;
}

function stat(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    // Not a directory on the way, a loop of links, no permission: for the one who asks, not there.
    return undefined;
  }
}

export const localPrograms: Programs = {
  find(name, path, cwd) {
    const candidates = name.includes('/')
      ? [resolve(cwd, name)]
      : name === ''
        ? []
        : path.split(':').map((folder) => resolve(cwd, folder, name));
    let seen = false;
    for (const candidate of candidates) {
      const stats = stat(candidate);
      if (stats?.isFile() && (stats.mode & 0o111) !== 0) return { path: candidate };
      // execvp passes over a folder in PATH; asked for by its path, it is there but cannot be run.
      seen ||= stats !== undefined && (stats.isFile() || name.includes('/'));
    }
    return { exitCode: seen ? 126 : 127 };
  },
  isDirectory: (path) => stat(path)?.isDirectory() ?? false,
  isOpenToAll(folder) {
    for (let at = resolve(folder); ; at = dirname(at)) {
      if (((stat(at)?.mode ?? 0) & 0o001) === 0) return false;
      if (at === dirname(at)) return true;
    }
  },
};
