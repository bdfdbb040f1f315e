import type { Database, Query, Statement } from '../../controller/db/database.ts';

type Write = (statements: readonly Statement[], write: () => Promise<void>, real: Database) => Promise<void>;

/** Writes other than was asked for. */
export function withWrites(db: Database, change: Write): Database {
  return { ...db, write: (statements) => change(statements, () => db.write(statements), db) };
}

/** Answers other than what is stored. */
export function withReads(
  db: Database,
  change: (query: Query<unknown>, read: () => Promise<unknown[]>) => Promise<unknown[]>,
): Database {
  return { ...db, read: <Row>(query: Query<Row>) => change(query, () => db.read(query)) as Promise<Row[]> };
}
