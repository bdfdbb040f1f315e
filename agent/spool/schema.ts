import { DatabaseSync } from 'node:sqlite';
import { MusterError } from '../../proto/errors.ts';
import { LIMITS } from '../../proto/limits.ts';

/**
 * Step n brings a journal from version n to n + 1; a step that was released is never changed.
 *
 * A new version of the agent opens the journal while it is on trial, and the one before has to work with it again where it goes back. So a
 * step only adds: tables, columns with a default, indexes, triggers; and means by what is there what it meant before. Where that cannot be,
 * `meta.usable_from` is set to the lowest version that still understands it, and no step may set it higher than what the release before
 * knows: what reads the new form comes one release before what writes it.
 */
const STEPS: readonly string[] = [
  `CREATE TABLE meta (epoch BLOB NOT NULL, forget_floor_ms INTEGER NOT NULL, report_seq INTEGER NOT NULL,
     report_hash BLOB NOT NULL) STRICT;
   CREATE TABLE orders (job_id TEXT NOT NULL UNIQUE, order_hash BLOB NOT NULL, expires_at_ms INTEGER NOT NULL) STRICT;
   CREATE TABLE runs (job_id TEXT NOT NULL, attempt INTEGER NOT NULL, state TEXT NOT NULL,
     tasks INTEGER NOT NULL DEFAULT 0, started_at_ms INTEGER NOT NULL DEFAULT 0, report_seq INTEGER NOT NULL DEFAULT 0,
     PRIMARY KEY (job_id, attempt)) STRICT, WITHOUT ROWID;
   CREATE INDEX runs_unfinished ON runs (job_id) WHERE state <> 'over';
   CREATE TABLE reports (seq INTEGER PRIMARY KEY, job_id TEXT NOT NULL, attempt INTEGER NOT NULL, report BLOB NOT NULL,
     signature BLOB NOT NULL, receipted INTEGER NOT NULL DEFAULT 0, kept TEXT NOT NULL, output BLOB,
     output_end INTEGER NOT NULL) STRICT;
   CREATE INDEX reports_open ON reports (seq) WHERE receipted = 0;
   CREATE TABLE cancels (job_id TEXT NOT NULL, order_hash BLOB NOT NULL, expires_at_ms INTEGER NOT NULL,
     PRIMARY KEY (job_id, order_hash)) STRICT, WITHOUT ROWID;`,
  `ALTER TABLE runs ADD COLUMN boot_id TEXT NOT NULL DEFAULT '';
   ALTER TABLE runs ADD COLUMN started_uptime_ms INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE runs ADD COLUMN resume_at INTEGER NOT NULL DEFAULT 0;
   CREATE TABLE work (job_id TEXT NOT NULL UNIQUE, order_bytes BLOB NOT NULL, context TEXT NOT NULL) STRICT;`,
  `ALTER TABLE meta ADD COLUMN moves INTEGER NOT NULL DEFAULT 0;
   CREATE TRIGGER run_made AFTER INSERT ON runs BEGIN UPDATE meta SET moves = moves + 1; END;
   CREATE TRIGGER run_moved AFTER UPDATE OF state ON runs BEGIN UPDATE meta SET moves = moves + 1; END;`,
  `ALTER TABLE meta ADD COLUMN usable_from INTEGER NOT NULL DEFAULT 4;`,
];

/**
 * Inside the caller's transaction; whether it was an empty one. One of a newer version stays as it is. Throws
 * MusterError('journal-failed') where that one is not for this version any more.
 */
export function migrate(db: DatabaseSync, newEpoch: () => Uint8Array): boolean {
  const version = Number(db.prepare('PRAGMA user_version').get()?.user_version);
  if (version > STEPS.length) {
    const from = Number(db.prepare('SELECT usable_from FROM meta').get()?.usable_from);
    if (from <= STEPS.length) return false;
    throw new MusterError('journal-failed', 'it was written by a newer version of Muster');
  }
  for (const step of STEPS.slice(version)) db.exec(step);
  if (version === 0)
    db.prepare('INSERT INTO meta (epoch, forget_floor_ms, report_seq, report_hash) VALUES (?, 0, 0, ?)').run(
      newEpoch(),
      new Uint8Array(LIMITS.hashBytes),
    );
  if (version < STEPS.length) db.exec(`PRAGMA user_version = ${STEPS.length}`);
  return version === 0;
}

/**
 * Whether the tables are those that the steps make: a flipped bit may have renamed one, which no check of pages sees. A newer version may
 * have added to them.
 */
export function hasOurSchema(db: DatabaseSync): boolean {
  const fresh = new DatabaseSync(':memory:');
  try {
    for (const step of STEPS) fresh.exec(step);
    const version = Number(db.prepare('PRAGMA user_version').get()?.user_version);
    return version > STEPS.length ? holds(db, fresh) : schemaText(fresh) === schemaText(db);
  } finally {
    fresh.close();
  }
}

/** Whether all of `fresh` is there, and its statements mean the same: columns that were added have a default. */
function holds(db: DatabaseSync, fresh: DatabaseSync): boolean {
  const tables = fresh.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table'`).all();
  const others = `SELECT type, name, sql FROM sqlite_schema WHERE type <> 'table' ORDER BY name`;
  const theirs = new Set(
    db
      .prepare(others)
      .all()
      .map((row) => JSON.stringify(row)),
  );
  if (
    !fresh
      .prepare(others)
      .all()
      .every((row) => theirs.has(JSON.stringify(row)))
  )
    return false;
  return tables.every(({ name }) => {
    const columns = (of: DatabaseSync): Record<string, unknown>[] =>
      of.prepare(`SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_info(?)`).all(String(name));
    const ours = columns(fresh).map((column) => JSON.stringify(column));
    const found = columns(db);
    const added = found.filter((column) => !ours.includes(JSON.stringify(column)));
    return (
      found.length - added.length === ours.length &&
      added.every(({ notnull, dflt_value: value, pk }) => pk === 0 && (notnull === 0 || value !== null))
    );
  });
}

function schemaText(db: DatabaseSync): string {
  const rows = db.prepare('SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name').all();
  return JSON.stringify(rows);
}

/**
 * For a journal that has forgotten what it was once told: a new epoch, in which no order of the old one is taken any more, and
 * nothing that it takes for accepted or running is started, since it may have been.
 */
export function beginAnew(db: DatabaseSync, epoch: Uint8Array): void {
  db.exec(`DELETE FROM reports; DELETE FROM work; UPDATE runs SET report_seq = 0 WHERE state = 'over';
           UPDATE runs SET state = 'running', resume_at = 0 WHERE state <> 'over'`);
  db.prepare('UPDATE meta SET epoch = ?, report_seq = 0, report_hash = ?').run(
    epoch,
    new Uint8Array(LIMITS.hashBytes),
  );
}
