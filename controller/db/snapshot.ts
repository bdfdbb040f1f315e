import { DatabaseSync } from 'node:sqlite';
import { MusterError } from '../../proto/errors.ts';
import { MIGRATIONS, pendingMigrations } from './migrations.ts';
import { asOpenError } from './sqlite-error.ts';

/** How long a controller that is just committing may keep this waiting. */
const BUSY_MS = 10_000;

export const KNOWN_SCHEMA = MIGRATIONS.length;

/**
 * Copies a database as it is at one moment into a new file, while a controller goes on writing to it: readers do not stop the one
 * writer; its write-ahead log grows for as long. Throws MusterError: store-failed, store-damaged.
 */
export function copyDatabase(from: string, to: string): void {
  usingDatabase(from, (connection) => {
    connection.exec(`pragma busy_timeout = ${BUSY_MS}`);
    connection.prepare('vacuum into ?').run(to);
  });
}

/** Throws MusterError: store-failed, store-damaged. */
export function schemaOf(path: string): number {
  return usingDatabase(path, (connection) =>
    Number(connection.prepare('pragma user_version').get()?.user_version ?? 0),
  );
}

/** What a database says of itself. */
export interface Inspected {
  schema: number;
  /** The first of the fleet's trust documents, as it travels; undefined: no controller ever started here. */
  trustDocument: Uint8Array | undefined;
  audit: { seq: number; hash: Uint8Array };
}

/**
 * Looks through the whole of a database that nobody uses. Throws MusterError: store-failed, store-damaged (what SQLite's quick check
 * finds: torn pages, indexes and records that do not fit), newer-schema.
 */
export function inspectDatabase(path: string): Inspected {
  return usingDatabase(path, (connection) => {
    const schema = Number(connection.prepare('pragma user_version').get()?.user_version ?? 0);
    pendingMigrations(schema);
    checkDatabase(connection, path);
    if (schema === 0) return { schema, trustDocument: undefined, audit: { seq: 0, hash: new Uint8Array(0) } };
    const document = connection
      .prepare('select document from trust_documents order by serial limit 1')
      .get()?.document;
    const head = connection.prepare('select seq, hash from audit order by seq desc limit 1').get();
    return {
      schema,
      trustDocument: document instanceof Uint8Array ? document : undefined,
      audit: {
        seq: Number(head?.seq ?? 0),
        hash: head?.hash instanceof Uint8Array ? head.hash : new Uint8Array(0),
      },
    };
  });
}

/** Throws MusterError('store-damaged') with what SQLite found first. */
export function checkDatabase(connection: DatabaseSync, path: string): void {
  const found = connection.prepare('pragma quick_check(1)').get()?.quick_check;
  if (found !== 'ok') throw new MusterError('store-damaged', `${path}: ${String(found)}`);
}

function usingDatabase<T>(path: string, use: (connection: DatabaseSync) => T): T {
  let connection: DatabaseSync | undefined;
  try {
    connection = new DatabaseSync(path, { timeout: BUSY_MS });
    return use(connection);
  } catch (error) {
    throw asOpenError(error, path);
  } finally {
    connection?.close();
  }
}
