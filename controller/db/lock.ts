import { DatabaseSync } from 'node:sqlite';
import { MusterError } from '../../proto/errors.ts';

/** Connections whose locks are held: one that nobody refers to would be collected, and its lock given back unasked. */
const held = new Set<DatabaseSync>();

/**
 * Holds a file so that no second controller works on the same home. The lock is the kernel's: it goes with the process, however
 * that ends. Throws MusterError: home-in-use, store-failed.
 */
export function lockFile(path: string): () => void {
  let connection: DatabaseSync | undefined;
  try {
    connection = new DatabaseSync(path, { timeout: 0 });
    // Not exclusive: that has a moment in which two who come at once each keep the other out.
    connection.exec('begin immediate');
  } catch (cause) {
    connection?.close();
    if (/locked/.test((cause as Error).message)) throw new MusterError('home-in-use', path, { cause });
    throw new MusterError('store-failed', `${path}: ${(cause as Error).message}`, { cause });
  }
  const holder = connection;
  held.add(holder);
  return () => {
    if (held.delete(holder)) holder.close();
  };
}
