import type { Database, Late } from '../../controller/db/database.ts';
import { MusterError } from '../../proto/errors.ts';

export interface FailingDatabase extends Database {
  /** Writes that were asked for. */
  writes: number;
  /** Which of them, counted from 1, the disk does not take; nothing of it is there then. */
  fails: (write: number) => boolean;
}

/** In the place of a batch, as SQLite has it: the batch leaves nothing behind, and others of its transaction may go through. */
const FULL: Late = {
  late() {
    throw new MusterError('store-failed', 'database or disk is full');
  },
};

/** A store whose disk is full, or broken, at the writes that a test names. */
export function failingDatabase(db: Database): FailingDatabase {
  const failing: FailingDatabase = {
    ...db,
    writes: 0,
    fails: () => false,
    write(batch, lane) {
      failing.writes += 1;
      return db.write(failing.fails(failing.writes) ? [FULL] : batch, lane);
    },
  };
  return failing;
}
