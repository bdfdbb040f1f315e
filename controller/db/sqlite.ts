/**
 * The store on node:sqlite, which only this file and lock.ts know. One connection, used synchronously: a transaction is never open
 * across an await, so a read between two ticks sees what is committed and nothing else.
 */
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { MusterError } from '../../proto/errors.ts';
import type { Command, Database, Lane, Query, Statement, Transaction } from './database.ts';
import { pendingMigrations } from './migrations.ts';
import { checkDatabase } from './snapshot.ts';
import { asCommitError, asOpenError, asReadError, asWriteError, isStoreFailure } from './sqlite-error.ts';

export interface SqliteOptions {
  /** A file, or `:memory:`. */
  path: string;
  /** Calls `fn` once, soon, on a later tick: what was written until then shares one transaction. `setImmediate`. */
  schedule(fn: () => void): void;
  /** How long another process that holds the file (a backup, a shell) may stop this one. Default 2 seconds. */
  busyTimeoutMs?: number;
}

/** Statements are built once, so this is only a guard against one that is built anew each time. */
const PREPARED_MAX = 512;
/** Looked through at the start: a tenth of a second. */
const CHECKED_BYTES = 64 * 1024 * 1024;

interface Batch {
  readonly statements: readonly Statement[];
  readonly lane: Lane | undefined;
  resolve(): void;
  reject(error: unknown): void;
}

/** Throws MusterError: store-failed where the file cannot be used, store-damaged, newer-schema. */
export function openDatabase({ path, schedule, busyTimeoutMs = 2_000 }: SqliteOptions): Database {
  const connection = connect(path, busyTimeoutMs);
  const prepare = statementCache(connection);
  let waiting: Batch[] = [];
  let closed = false;
  let commits = 0;

  const run = ({ sql, values }: Command): void => {
    prepare(sql).run(...values);
  };
  const control = (sql: string): void => run({ sql, values: [] });

  const transaction: Transaction = {
    read: <Row>({ sql, values }: Query<Row>) => prepare(sql).all(...values) as Row[],
  };

  function execute(statements: readonly Statement[]): void {
    for (const statement of statements) {
      if ('late' in statement) execute(statement.late(transaction));
      else run(statement);
    }
  }

  /** What made this batch fail; it has then left nothing behind. Throws when the whole transaction is gone with it. */
  function attempt(batch: Batch): { readonly error: unknown } | undefined {
    control('savepoint batch');
    try {
      execute(batch.statements);
      control('release batch');
      return undefined;
    } catch (error) {
      // SQLite ends the transaction by itself on some errors, a full disk for one.
      if (!connection.isTransaction) throw error;
      control('rollback to batch');
      control('release batch');
      return { error: asWriteError(error) };
    }
  }

  function flush(): void {
    const batches = waiting;
    if (batches.length === 0) return;
    waiting = [];
    const failures = new Map<Batch, { readonly error: unknown }>();
    const stopped = new Map<Lane, { readonly error: unknown }>();
    let fatal: { readonly error: unknown } | undefined;
    try {
      control('begin immediate');
      for (const batch of batches) {
        const before = batch.lane === undefined ? undefined : stopped.get(batch.lane);
        const failure = before ?? attempt(batch);
        if (failure) failures.set(batch, failure);
        if (failure && batch.lane !== undefined && isStoreFailure(failure.error))
          stopped.set(batch.lane, failure);
      }
      control('commit');
      commits += 1;
    } catch (error) {
      fatal = { error: asCommitError(error) };
      rollBack();
    }
    for (const batch of batches) {
      // A batch may have failed because of what another one wrote that is lost now: then its own reason is not true any more.
      const failure = fatal ?? failures.get(batch);
      if (failure) batch.reject(failure.error);
      else batch.resolve();
    }
  }

  function rollBack(): void {
    try {
      if (connection.isTransaction) control('rollback');
    } catch {
      // Then the next transaction cannot begin, fails, and comes here again.
    }
  }

  return {
    async read<Row>(query: Query<Row>): Promise<Row[]> {
      if (closed) throw new MusterError('shutting-down');
      try {
        return transaction.read(query);
      } catch (error) {
        throw asReadError(error);
      }
    },

    write(statements, lane) {
      if (closed) return Promise.reject(new MusterError('shutting-down'));
      return new Promise((resolve, reject) => {
        waiting.push({ statements, lane, resolve, reject });
        if (waiting.length === 1) schedule(flush);
      });
    },

    commits: () => commits,

    size: () => sizeOf(connection),

    shrink(bytes) {
      const pages = Math.ceil(bytes / numberOf(connection, 'page_size'));
      try {
        // One page a step: it has to be run to its end.
        connection.prepare(`pragma incremental_vacuum(${pages})`).all();
      } catch (error) {
        throw asCommitError(error);
      }
    },

    async close() {
      if (closed) return;
      closed = true;
      flush();
      connection.close();
    },
  };
}

function connect(path: string, timeout: number): DatabaseSync {
  let connection: DatabaseSync | undefined;
  try {
    connection = new DatabaseSync(path, { timeout, enableForeignKeyConstraints: true });
    // First of all, so that a newer Muster's file is left as it is.
    pendingMigrations(schemaVersion(connection));
    // A large one takes too long to look through at every start; it is looked through at each backup.
    if (sizeOf(connection).bytes <= CHECKED_BYTES) checkDatabase(connection, path);
    // Heeded while the file is empty: what is pruned can then be given back to the file system, in small steps.
    connection.exec('pragma auto_vacuum = incremental');
    connection.exec('pragma journal_mode = wal');
    connection.exec('pragma synchronous = full');
    // Undo journals of statements and savepoints: in a file they double what an insert of many rows costs.
    connection.exec('pragma temp_store = memory');
    // Kilobytes, taken as they are needed: with SQLite's own 2 MB, inserts slow down as soon as the history has grown.
    connection.exec('pragma cache_size = -16000');
    migrate(connection);
    return connection;
  } catch (error) {
    connection?.close();
    throw asOpenError(error, path);
  }
}

/** All steps or none. Read again inside the transaction: another process may have been faster. */
function migrate(connection: DatabaseSync): void {
  if (pendingMigrations(schemaVersion(connection)).length === 0) return;
  connection.exec('begin immediate');
  try {
    for (const { version, sql } of pendingMigrations(schemaVersion(connection))) {
      connection.exec(sql);
      connection.exec(`pragma user_version = ${version}`);
    }
    connection.exec('commit');
  } catch (error) {
    if (connection.isTransaction) connection.exec('rollback');
    throw error;
  }
}

function schemaVersion(connection: DatabaseSync): number {
  return numberOf(connection, 'user_version');
}

function sizeOf(connection: DatabaseSync): { bytes: number; freeBytes: number } {
  const pageBytes = numberOf(connection, 'page_size');
  return {
    bytes: numberOf(connection, 'page_count') * pageBytes,
    freeBytes: numberOf(connection, 'freelist_count') * pageBytes,
  };
}

function numberOf(connection: DatabaseSync, pragma: string): number {
  return Number(connection.prepare(`pragma ${pragma}`).get()?.[pragma] ?? 0);
}

/** Prepared statements by their text; the one that was made first goes first. */
function statementCache(connection: DatabaseSync): (sql: string) => StatementSync {
  const prepared = new Map<string, StatementSync>();
  return (sql) => {
    const known = prepared.get(sql);
    if (known) return known;
    const made = connection.prepare(sql);
    if (prepared.size >= PREPARED_MAX) {
      const [oldest] = prepared.keys();
      if (oldest !== undefined) prepared.delete(oldest);
    }
    prepared.set(sql, made);
    return made;
  };
}
