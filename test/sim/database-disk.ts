import { DatabaseSync } from 'node:sqlite';
import { threadId } from 'node:worker_threads';

/**
 * A database that lives in memory and outlives whoever has it open: SQLite's own in-memory file system, so that a process opens it
 * anew after its death as it would a file. What was not committed when it died is not there.
 */
export interface DatabaseDisk {
  /** What to open it by. */
  readonly uri: string;
  /** Sees what is committed, and is never one of the product's connections. */
  readonly eye: DatabaseSync;
  /** A copy of it as it is now. */
  copy(): DatabaseDisk;
  close(): void;
}

let names = 0;

/** `from`: what is to be in it, of a connection that may read it. */
export function createDatabaseDisk(from?: DatabaseSync): DatabaseDisk {
  names += 1;
  const uri = `file:/simulated-${threadId}-${names}?vfs=memdb`;
  const eye = new DatabaseSync(uri, { timeout: 0 });
  if (from) from.exec(`vacuum into '${uri}'`);
  const disk: DatabaseDisk = {
    uri,
    eye,
    copy: () => createDatabaseDisk(eye),
    close() {
      if (eye.isOpen) eye.close();
    },
  };
  return disk;
}
