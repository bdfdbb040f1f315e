import { closeSync, openSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { MusterError } from '../../proto/errors.ts';
import { shortHash } from '../../proto/frame.ts';
import { LIMITS } from '../../proto/limits.ts';
import {
  type Chain,
  FORGET_AFTER_MS,
  type Journal,
  type JournalState,
  type OrderRow,
  type Receipted,
  type RunKey,
  type Start,
  type StoredReport,
  type Work,
} from './journal.ts';
import { type Mark, NO_MARK } from './mark.ts';
import { beginAnew, hasOurSchema, migrate } from './schema.ts';
import { CORRUPT, guard } from './sqlite-error.ts';

const ORDER = `SELECT o.job_id AS jobId, o.order_hash AS orderHash, o.expires_at_ms AS expiresAtMs, r.state, r.attempt, r.tasks,
  r.started_at_ms AS startedAtMs, r.started_uptime_ms AS startedUptimeMs, r.boot_id AS bootId, r.resume_at AS resumeAt,
  r.report_seq AS reportSeq FROM orders o JOIN runs r USING (job_id)`;
const REPORT = `SELECT seq, job_id AS jobId, attempt, report, signature, kept, output_end AS outputEnd FROM reports`;

/**
 * The journal on node:sqlite. Every commit is fsynced, but for receipts. The connection holds its lock for as long as it is
 * open, so that no second agent can work on the same home; the kernel drops it with the process. What is deleted is
 * overwritten: orders and outputs may hold secrets.
 */
export function sqliteJournal(file: string, newEpoch: () => Uint8Array, mark?: JournalMark): Journal {
  // SQLite gives what it makes beside it the same mode. It holds outputs, which may be anything.
  closeSync(openSync(file, 'a', 0o600));
  return journalOver(new DatabaseSync(file, { timeout: 0 }), newEpoch, mark);
}

export interface JournalMark extends Mark {
  /** Told that the journal is behind its mark; it has begun a new epoch. */
  onOlder(): void;
}

const UNMARKED: JournalMark = { ...NO_MARK, onOlder: () => {} };

/** The journal of a connection, which is its own from here on: wherever the database is. */
export function journalOver(
  db: DatabaseSync,
  newEpoch: () => Uint8Array,
  mark: JournalMark = UNMARKED,
): Journal {
  try {
    db.exec(`PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             PRAGMA cache_size = -256; PRAGMA foreign_keys = OFF; PRAGMA secure_delete = ON`);
    db.exec('BEGIN IMMEDIATE');
    checkPages(db);
    const isNew = migrate(db, newEpoch);
    if (!hasOurSchema(db)) throw damaged('tables that are not its own');
    checkRows(db);
    const isOlder = mark.last() > movesOf(db);
    if (isOlder && !isNew) beginAnew(db, newEpoch());
    // From here on the two go together again.
    if (isOlder && Number.isFinite(mark.last())) setMoves(db, mark.last() + 1);
    db.exec('COMMIT');
    if (isOlder && !isNew) mark.onOlder();
    mark.note(movesOf(db));
  } catch (cause) {
    db.close();
    throw cause;
  }
  return journalOn(db, mark);
}

const movesOf = (db: DatabaseSync): number => Number(db.prepare('SELECT moves FROM meta').get()?.moves);
const setMoves = (db: DatabaseSync, moves: number): unknown =>
  db.prepare('UPDATE meta SET moves = ?').run(moves);

/** Small, so that reading all of it costs little; a page that is wrong must not be found when a run depends on it. */
function checkPages(db: DatabaseSync): void {
  const answer = db.prepare('PRAGMA integrity_check(1)').get()?.integrity_check;
  if (answer !== 'ok') throw damaged(`integrity_check: ${answer}`);
}

/** A job id that a flipped bit changed would be one that is not known, and its order would start again. */
function checkRows(db: DatabaseSync): void {
  const alone = db.prepare(`SELECT job_id FROM orders WHERE job_id NOT IN (SELECT job_id FROM runs) UNION ALL
    SELECT job_id FROM runs WHERE job_id NOT IN (SELECT job_id FROM orders) LIMIT 1`);
  if (alone.get()) throw damaged('an order without its run, or a run without its order');
  if (Number(db.prepare('SELECT count(*) AS rows FROM meta').get()?.rows) !== 1) throw damaged('no epoch');
}

function damaged(what: string): Error {
  return Object.assign(new Error(what), { errcode: CORRUPT });
}

function journalOn(db: DatabaseSync, mark: Mark): Journal {
  const statements = new Map<string, StatementSync>();
  const statement = (sql: string): StatementSync => {
    const known = statements.get(sql);
    if (known) return known;
    const made = db.prepare(sql);
    statements.set(sql, made);
    return made;
  };
  const all = <T>(sql: string, ...values: SQLInputValue[]): T[] => statement(sql).all(...values) as T[];
  const one = <T>(sql: string, ...values: SQLInputValue[]): T | undefined =>
    statement(sql).get(...values) as T | undefined;
  const run = (sql: string, ...values: SQLInputValue[]): number =>
    Number(statement(sql).run(...values).changes);

  let noted = movesOf(db);

  function commit<T>(work: () => T): T {
    run('BEGIN IMMEDIATE');
    try {
      const result = work();
      const moves = one<{ moves: number }>('SELECT moves FROM meta')?.moves ?? noted;
      run('COMMIT');
      if (moves !== noted) mark.note(moves);
      noted = moves;
      return result;
    } catch (cause) {
      if (db.isTransaction) run('ROLLBACK');
      throw cause;
    }
  }

  /** Committed, but not fsynced: for what comes again by itself. */
  function loosely(work: () => void): void {
    db.exec('PRAGMA synchronous = NORMAL');
    try {
      commit(work);
    } finally {
      db.exec('PRAGMA synchronous = FULL');
    }
  }

  const chain = (): Chain => {
    const row = one<Chain>('SELECT epoch, report_seq AS seq, report_hash AS hash FROM meta');
    if (!row) throw new MusterError('journal-failed', 'it has lost its epoch');
    return row;
  };
  const floor = (): number => one<{ floor: number }>('SELECT forget_floor_ms AS floor FROM meta')?.floor ?? 0;
  const find = (jobId: string): OrderRow | undefined =>
    one(`${ORDER} WHERE o.job_id = ? ORDER BY r.attempt DESC LIMIT 1`, jobId);
  const addOrder = (order: { jobId: string; orderHash: Uint8Array; expiresAtMs: number }): number =>
    run(
      'INSERT INTO orders (job_id, order_hash, expires_at_ms) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
      order.jobId,
      order.orderHash,
      order.expiresAtMs,
    );

  function setStart({ jobId, attempt }: RunKey, start: Start, from: JournalState): void {
    const changed = run(
      `UPDATE runs SET state = 'running', started_at_ms = ?, started_uptime_ms = ?, boot_id = ?, resume_at = 0
       WHERE job_id = ? AND attempt = ? AND state = ?`,
      Math.round(start.startedAtMs),
      Math.round(start.startedUptimeMs),
      start.bootId,
      jobId,
      attempt,
      from,
    );
    if (changed !== 1) throw new MusterError('journal-failed', 'the run does not wait for its start');
  }

  const journal: Journal = {
    epoch: () => chain().epoch,
    chain,
    find,
    findByHash: (orderHash) =>
      one(`${ORDER} WHERE o.order_hash = ? ORDER BY r.attempt DESC LIMIT 1`, orderHash),
    unfinished: () => all(`${ORDER} WHERE r.state <> 'over' ORDER BY o.rowid`),

    accept: (order) =>
      commit(() => {
        addOrder(order);
        run(
          'INSERT INTO runs (job_id, attempt, tasks, state) VALUES (?, ?, ?, ?)',
          order.jobId,
          order.attempt,
          order.tasks,
          'accepted',
        );
        const { work } = order;
        run(
          'INSERT INTO work (job_id, order_bytes, context) VALUES (?, ?, ?)',
          order.jobId,
          work.order,
          work.context,
        );
        if (order.start) setStart(order, order.start, 'accepted');
      }),
    work: (jobId) => one<Work>('SELECT order_bytes AS "order", context FROM work WHERE job_id = ?', jobId),

    start: (key, start) => commit(() => setStart(key, start, 'accepted')),
    goOn: (key, start) => commit(() => setStart(key, start, 'running')),
    awaitReboot: ({ jobId, attempt }, resumeAt) =>
      commit(() => {
        const changed = run(
          `UPDATE runs SET resume_at = ? WHERE job_id = ? AND attempt = ? AND state = 'running'`,
          resumeAt,
          jobId,
          attempt,
        );
        if (changed !== 1) throw new MusterError('journal-failed', 'the run is not running');
      }),

    conclude: (end, sign) =>
      commit(() => {
        const before = chain();
        const { report, signature } = sign(before);
        const seq = before.seq + 1;
        addOrder(end);
        run(
          `INSERT INTO runs (job_id, attempt, state, report_seq) VALUES (?, ?, 'over', ?)
           ON CONFLICT DO UPDATE SET state = 'over', report_seq = excluded.report_seq`,
          end.jobId,
          end.attempt,
          seq,
        );
        run(
          `INSERT INTO reports (seq, job_id, attempt, report, signature, kept, output, output_end)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
          seq,
          end.jobId,
          end.attempt,
          report,
          signature,
          end.kept,
          end.output ?? null,
          end.outputEnd,
        );
        run('UPDATE meta SET report_seq = ?, report_hash = ?', seq, shortHash('report', report));
        if (end.again)
          run(
            `INSERT INTO runs (job_id, attempt, tasks, state)
             SELECT job_id, attempt + 1, tasks, 'accepted' FROM runs WHERE job_id = ? AND attempt = ?`,
            end.jobId,
            end.attempt,
          );
        else run('DELETE FROM work WHERE job_id = ?', end.jobId);
        const { jobId, attempt, kept, outputEnd } = end;
        return { seq, jobId, attempt, report, signature, kept, outputEnd };
      }),

    reportAfter: (seq) => one<StoredReport>(`${REPORT} WHERE seq > ? ORDER BY seq LIMIT 1`, seq),
    report: (seq) => one<StoredReport>(`${REPORT} WHERE seq = ?`, seq),
    output: (seq) =>
      one<{ output: Uint8Array | null }>('SELECT output FROM reports WHERE seq = ?', seq)?.output ??
      undefined,

    receipt: (seq) => {
      const open = all<Receipted>(
        'SELECT job_id AS jobId, attempt, kept FROM reports WHERE seq <= ? AND receipted = 0',
        seq,
      );
      if (open.length > 0)
        loosely(() =>
          run(
            `UPDATE reports SET receipted = 1, kept = 'none', output = NULL WHERE seq <= ? AND receipted = 0`,
            seq,
          ),
        );
      return open;
    },

    keepsFile: ({ jobId, attempt }) =>
      one(`SELECT 1 FROM reports WHERE job_id = ? AND attempt = ? AND kept = 'file'`, jobId, attempt) !==
      undefined,

    rememberCancel: (jobId, orderHash, expiresAtMs) =>
      commit(() => {
        run(
          'INSERT INTO cancels (job_id, order_hash, expires_at_ms) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
          jobId,
          orderHash,
          expiresAtMs,
        );
      }),
    isCancelled: (jobId, orderHash) =>
      one('SELECT 1 FROM cancels WHERE job_id = ? AND order_hash = ?', jobId, orderHash) !== undefined,

    forgetFloorMs: floor,
    forget: (nowMs) => {
      const before = nowMs - FORGET_AFTER_MS;
      const due = `expires_at_ms <= ? AND NOT EXISTS (SELECT 1 FROM runs r LEFT JOIN reports p ON p.seq = r.report_seq
        WHERE r.job_id = orders.job_id AND (r.state <> 'over' OR p.receipted = 0))`;
      const oldest = one<{ latest: number | null }>(
        `SELECT max(expires_at_ms) AS latest FROM (SELECT expires_at_ms FROM orders WHERE ${due}
         UNION ALL SELECT expires_at_ms FROM cancels WHERE expires_at_ms <= ?)`,
        before,
        before,
      );
      const latest = oldest?.latest;
      if (latest === null || latest === undefined) return 0;
      return commit(() => {
        run('UPDATE meta SET forget_floor_ms = max(forget_floor_ms, ?)', latest);
        const orders = run(`DELETE FROM orders WHERE ${due}`, before);
        run('DELETE FROM runs WHERE job_id NOT IN (SELECT job_id FROM orders)');
        run('DELETE FROM work WHERE job_id NOT IN (SELECT job_id FROM orders)');
        run('DELETE FROM reports WHERE job_id NOT IN (SELECT job_id FROM orders)');
        return orders + run('DELETE FROM cancels WHERE expires_at_ms <= ?', before);
      });
    },

    renew: (epoch, keep) =>
      commit(() => {
        run('DELETE FROM reports WHERE seq <= ?', keep?.afterSeq ?? Number.MAX_SAFE_INTEGER);
        run(`UPDATE runs SET report_seq = 0 WHERE state = 'over'`);
        run('UPDATE meta SET epoch = ?, report_seq = 0, report_hash = ?', epoch, ZEROS);
        if (!keep) return;
        // Upwards, so that no new number is one that another still has.
        for (let old = journal.reportAfter(keep.afterSeq); old; old = journal.reportAfter(old.seq)) {
          const { report, signature } = keep.sign(old.report, chain());
          const seq = chain().seq + 1;
          run(
            'UPDATE reports SET seq = ?, report = ?, signature = ?, receipted = 0 WHERE seq = ?',
            seq,
            report,
            signature,
            old.seq,
          );
          run('UPDATE runs SET report_seq = ? WHERE job_id = ? AND attempt = ?', seq, old.jobId, old.attempt);
          run('UPDATE meta SET report_seq = ?, report_hash = ?', seq, shortHash('report', report));
        }
      }),

    close: () => {
      if (db.isOpen) db.close();
    },
  };
  return guard(journal);
}

const ZEROS = new Uint8Array(LIMITS.hashBytes);
