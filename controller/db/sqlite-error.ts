import { MusterError } from '../../proto/errors.ts';
import { ConstraintError, type ConstraintKind } from './database.ts';

/**
 * SQLite's result codes (https://sqlite.org/rescode.html) as errors of the store. What is not SQLite's (a late statement that
 * refuses, say) passes through as it is.
 */
interface SqliteError extends Error {
  /** The extended result code; its low byte is the primary one. */
  readonly errcode: number;
}

function isSqliteError(error: unknown): error is SqliteError {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number';
}

/** Primary codes by which the data, or the one who wrote the statement, is not to blame. */
const STORE_CODES = new Set([
  5, // BUSY
  6, // LOCKED
  7, // NOMEM
  8, // READONLY
  10, // IOERR
  13, // FULL
  14, // CANTOPEN
  15, // PROTOCOL
  22, // NOLFS
  23, // AUTH
]);

/** The file is not what SQLite wrote: CORRUPT, NOTADB. */
const DAMAGED = new Set([11, 26]);

const isDamage = (error: unknown): boolean => isSqliteError(error) && DAMAGED.has(error.errcode & 0xff);

const CONSTRAINTS: Readonly<Record<number, ConstraintKind>> = {
  275: 'check',
  787: 'foreign-key',
  1299: 'not-null',
  1555: 'unique', // of a primary key
  2067: 'unique',
  2579: 'unique', // of a rowid
  3091: 'check', // the datatype of a strict table
};

/** Whether the disk or the file is to blame, and nothing that was asked. */
export function isStoreFailure(error: unknown): error is MusterError {
  return error instanceof MusterError && (error.code === 'store-failed' || error.code === 'store-damaged');
}

/** Of one statement: its batch is rolled back alone. */
export function asWriteError(error: unknown): unknown {
  if (!isSqliteError(error)) return error;
  const kind = CONSTRAINTS[error.errcode];
  if (kind) return new ConstraintError(kind, columnsOf(error.message), { cause: error });
  if (isDamage(error)) return new MusterError('store-damaged', error.message, { cause: error });
  const code = STORE_CODES.has(error.errcode & 0xff) ? 'store-failed' : 'internal';
  return new MusterError(code, error.message, { cause: error });
}

/** Of a whole transaction, with every batch in it. */
export function asCommitError(error: unknown): unknown {
  const reason = error instanceof Error ? error.message : String(error);
  const code = isDamage(error) ? 'store-damaged' : 'store-failed';
  return new MusterError(code, `${reason}; nothing was written`, { cause: error });
}

export function asReadError(error: unknown): unknown {
  const reason = error instanceof Error ? error.message : String(error);
  const code = isDamage(error) ? 'store-damaged' : 'internal';
  return new MusterError(code, `the database could not be read: ${reason}`, { cause: error });
}

export function asOpenError(error: unknown, path: string): unknown {
  if (error instanceof MusterError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  if (isDamage(error)) return new MusterError('store-damaged', `${path}: ${reason}`, { cause: error });
  return new MusterError('store-failed', `the database ${path} cannot be opened: ${reason}`, {
    cause: error,
  });
}

/** `UNIQUE constraint failed: agents.name, agents.state` */
function columnsOf(message: string): string[] {
  const list = /constraint failed: ([a-z_., ]+)$/i.exec(message)?.[1];
  return list ? list.split(', ') : [];
}
