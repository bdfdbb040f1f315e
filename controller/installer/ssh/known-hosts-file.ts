import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Undefined: it is not there. */
export async function readKnownHostsFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Adds a line (with its end) to the operator's known_hosts: by one write behind whatever is there, so that others who add at the same
 * time lose nothing and no lines are mixed, and synced. A file that is made is his alone, and so is its folder.
 */
export async function addKnownHost(path: string, line: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const file = await open(path, 'a+', 0o600);
  try {
    const { size } = await file.stat();
    const last = Buffer.alloc(1);
    if (size > 0) await file.read(last, 0, 1, size - 1);
    await file.write(size > 0 && last.toString() !== '\n' ? `\n${line}` : line);
    await file.sync().catch((error: NodeJS.ErrnoException) => {
      // Of /dev/null and the like, where some have it.
      if (error.code !== 'EINVAL') throw error;
    });
  } finally {
    await file.close();
  }
}
