import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { FORGET_AFTER_MS, type Journal, type SignedReport } from '../../../agent/spool/journal.ts';
import { openJournal } from '../../../agent/spool/open-journal.ts';
import { shortHash } from '../../../proto/frame.ts';

const HASH = new Uint8Array(32).fill(7);
const JOB = '00112233445566778899aabbccddeeff';
const OTHER = 'ffeeddccbbaa99887766554433221100';

let home: string;
let file: string;
let corrupt: string[];
const opened: Journal[] = [];

function open(): Journal {
  const journal = openJournal({
    file,
    newEpoch: () => randomBytes(16),
    onCorrupt: (_cause, movedTo) => corrupt.push(movedTo),
    now: () => 1234,
  });
  opened.push(journal);
  return journal;
}

function signed(text: string): SignedReport {
  return { report: Buffer.from(text), signature: new Uint8Array(64) };
}

const work = { order: Buffer.from('the order'), context: '{}' };
const order = { jobId: JOB, orderHash: HASH, expiresAtMs: 5_000, attempt: 1, tasks: 1, work };
const startAt = (startedAtMs: number) => ({ startedAtMs, startedUptimeMs: 5, bootId: 'boot' });
const end = { ...order, kept: 'none', outputEnd: 0 } as const;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'muster-journal-'));
  file = join(home, 'journal.db');
  corrupt = [];
});
afterEach(() => {
  for (const journal of opened.splice(0)) journal.close();
  rmSync(home, { recursive: true, force: true });
});

describe('the journal', () => {
  it('makes an epoch once and keeps it', () => {
    const first = open();
    const epoch = first.epoch();
    first.close();
    assert.equal(epoch.length, 16);
    assert.deepEqual(open().epoch(), epoch);
  });

  it('knows an order that starts at once as running, after it was closed and opened again', () => {
    const first = open();
    first.accept({ ...order, start: startAt(99) });
    first.close();
    const row = open().find(JOB);
    assert.equal(row?.state, 'running');
    assert.equal(row?.startedAtMs, 99);
    assert.deepEqual(row?.orderHash, HASH);
    assert.equal(opened.at(-1)?.unfinished().length, 1);
  });

  it('lets a waiting run start once and never twice', () => {
    const journal = open();
    journal.accept(order);
    assert.equal(journal.find(JOB)?.state, 'accepted');
    journal.start({ jobId: JOB, attempt: 1 }, startAt(7));
    assert.equal(journal.find(JOB)?.state, 'running');
    assert.throws(() => journal.start({ jobId: JOB, attempt: 1 }, startAt(8)), { code: 'journal-failed' });
  });

  it('keeps an order until its run is over, and nothing of it after that', () => {
    const journal = open();
    const secret = { ...work, order: Buffer.from('hunter2 '.repeat(2_000)) };
    journal.accept({ ...order, work: secret, start: startAt(1) });
    assert.deepEqual(Buffer.from(journal.work(JOB)?.order ?? []), secret.order);
    journal.conclude(end, () => signed('one'));
    assert.equal(journal.work(JOB), undefined);
    journal.close();
    for (const name of readdirSync(home))
      assert.equal(readFileSync(join(home, name)).includes('hunter2'), false, name);
  });

  it('accepts the next attempt in the commit of a report, and keeps its order for it', () => {
    const journal = open();
    journal.accept({ ...order, start: startAt(1) });
    const fail = (): never => {
      throw new Error('no key');
    };
    assert.throws(() => journal.conclude({ ...end, again: true }, fail), /no key/);
    assert.equal(journal.find(JOB)?.attempt, 1);
    journal.conclude({ ...end, again: true }, () => signed('one'));
    const next = journal.find(JOB);
    assert.deepEqual([next?.attempt, next?.state, next?.tasks, next?.startedAtMs], [2, 'accepted', 1, 0]);
    assert.ok(journal.work(JOB));
    journal.start({ jobId: JOB, attempt: 2 }, startAt(9));
    journal.conclude({ ...end, attempt: 2 }, () => signed('two'));
    assert.equal(journal.work(JOB), undefined);
    assert.deepEqual(journal.unfinished(), []);
  });

  it('knows behind which reboot a run goes on, until it does', () => {
    const key = { jobId: JOB, attempt: 1 };
    const first = open();
    first.accept(order);
    assert.throws(() => first.awaitReboot(key, 2), { code: 'journal-failed' });
    assert.throws(() => first.goOn(key, startAt(1)), { code: 'journal-failed' });
    first.start(key, startAt(1));
    first.awaitReboot(key, 2);
    first.close();
    const journal = open();
    assert.deepEqual([journal.find(JOB)?.resumeAt, journal.find(JOB)?.bootId], [2, 'boot']);
    journal.goOn(key, { startedAtMs: 1, startedUptimeMs: -4, bootId: 'next' });
    const row = journal.find(JOB);
    assert.deepEqual([row?.resumeAt, row?.bootId, row?.startedUptimeMs], [0, 'next', -4]);
  });

  it('refuses to accept a job id twice', () => {
    const journal = open();
    journal.accept(order);
    assert.throws(() => journal.accept(order), { code: 'journal-failed' });
  });

  it('chains reports over their hashes, starting at zeros', () => {
    const journal = open();
    const seen: { seq: number; hash: Uint8Array }[] = [];
    journal.conclude(end, (chain) => {
      seen.push(chain);
      return signed('one');
    });
    journal.conclude({ ...end, jobId: OTHER }, (chain) => {
      seen.push(chain);
      return signed('two');
    });
    assert.deepEqual(seen[0]?.hash, new Uint8Array(32));
    assert.equal(seen[1]?.seq, 1);
    assert.deepEqual(seen[1]?.hash, shortHash('report', Buffer.from('one')));
    assert.equal(journal.chain().seq, 2);
    assert.equal(journal.find(JOB)?.reportSeq, 1);
  });

  it('changes nothing when the signing of a report fails', () => {
    const journal = open();
    journal.accept({ ...order, start: startAt(1) });
    const fail = (): never => {
      throw new Error('no key');
    };
    assert.throws(() => journal.conclude(end, fail), /no key/);
    assert.equal(journal.find(JOB)?.state, 'running');
    assert.equal(journal.chain().seq, 0);
  });

  it('changes nothing when a report cannot be written whole', () => {
    const journal = open();
    journal.accept({ ...order, start: startAt(1) });
    const cut = { ...end, outputEnd: Number.NaN };
    assert.throws(() => journal.conclude(cut, () => signed('one')), { code: 'journal-failed' });
    assert.equal(journal.find(JOB)?.state, 'running');
    assert.equal(journal.reportAfter(0), undefined);
    journal.conclude(end, () => signed('one'));
    assert.equal(journal.chain().seq, 1);
  });

  it('drops the output of a report at its receipt and keeps the report itself', () => {
    const journal = open();
    const output = Buffer.from('hello');
    journal.conclude({ ...end, kept: 'row', output, outputEnd: 5 }, () => signed('one'));
    journal.conclude({ ...end, jobId: OTHER, kept: 'file', outputEnd: 9 }, () => signed('two'));
    assert.deepEqual(Buffer.from(journal.output(1) ?? []), output);
    assert.equal(journal.keepsFile({ jobId: OTHER, attempt: 1 }), true);
    assert.deepEqual(
      journal.receipt(2).map(({ jobId, kept }) => [jobId, kept]),
      [
        [JOB, 'row'],
        [OTHER, 'file'],
      ],
    );
    assert.equal(journal.output(1), undefined);
    assert.equal(journal.keepsFile({ jobId: OTHER, attempt: 1 }), false);
    assert.equal(journal.reportAfter(0)?.seq, 1);
    assert.deepEqual(journal.receipt(2), []);
  });

  it('forgets a finished order a day after it expired and raises the floor to its expiry', () => {
    const journal = open();
    journal.conclude(end, () => signed('one'));
    journal.receipt(1);
    assert.equal(journal.forget(order.expiresAtMs + FORGET_AFTER_MS - 1), 0);
    assert.equal(journal.forgetFloorMs(), 0);
    assert.equal(journal.forget(order.expiresAtMs + FORGET_AFTER_MS), 1);
    assert.equal(journal.find(JOB), undefined);
    assert.equal(journal.reportAfter(0), undefined);
    assert.equal(journal.forgetFloorMs(), order.expiresAtMs);
  });

  it('does not forget what still runs or was not receipted', () => {
    const journal = open();
    journal.accept({ ...order, start: startAt(1) });
    journal.conclude({ ...end, jobId: OTHER }, () => signed('one'));
    assert.equal(journal.forget(order.expiresAtMs + 2 * FORGET_AFTER_MS), 0);
    assert.equal(journal.forgetFloorMs(), 0);
    assert.ok(journal.find(JOB) && journal.find(OTHER));
  });

  it('remembers a cancel of a job that has not come, and forgets it with the floor raised', () => {
    const journal = open();
    journal.rememberCancel(JOB, HASH, 5_000);
    journal.rememberCancel(JOB, HASH, 5_000);
    assert.equal(journal.isCancelled(JOB, HASH), true);
    assert.equal(journal.isCancelled(JOB, new Uint8Array(32)), false);
    journal.forget(5_000 + FORGET_AFTER_MS);
    assert.equal(journal.isCancelled(JOB, HASH), false);
    assert.equal(journal.forgetFloorMs(), 5_000);
  });

  it('begins an empty chain in a new epoch and still knows the job ids', () => {
    const journal = open();
    journal.conclude(end, () => signed('one'));
    journal.renew(new Uint8Array(16).fill(1));
    assert.deepEqual(journal.epoch(), new Uint8Array(16).fill(1));
    assert.equal(journal.chain().seq, 0);
    assert.equal(journal.find(JOB)?.state, 'over');
  });

  it('refuses a second opening while the first one is at work', () => {
    open();
    assert.throws(open, { code: 'home-busy' });
  });

  it('moves a damaged journal aside and starts a new epoch', () => {
    const first = open();
    const epoch = first.epoch();
    for (let i = 0; i < 50; i++) {
      const jobId = i.toString(16).padStart(32, '0');
      first.conclude({ ...end, jobId, kept: 'row', output: randomBytes(3000), outputEnd: 3000 }, () =>
        signed('x'),
      );
    }
    first.close();
    const bytes = readFileSync(file);
    bytes.fill(0xff, 4096, 12_288);
    writeFileSync(file, bytes);
    const second = open();
    assert.notDeepEqual(second.epoch(), epoch);
    assert.equal(corrupt.length, 1);
    assert.ok(readdirSync(home).includes('journal.db.corrupt-1234'));
  });

  it('moves a journal aside that is not a database at all', () => {
    writeFileSync(file, 'this is no database, whatever its name says'.repeat(200));
    assert.equal(open().chain().seq, 0);
    assert.equal(corrupt.length, 1);
  });

  it('works with a journal to which a newer version has added, and leaves that there', async () => {
    const { DatabaseSync } = await import('node:sqlite');
    const before = open();
    before.accept(order);
    const epoch = before.epoch();
    before.close();
    const db = new DatabaseSync(file);
    db.exec(`ALTER TABLE runs ADD COLUMN zone TEXT NOT NULL DEFAULT 'none'; ALTER TABLE work ADD COLUMN kept BLOB;
      CREATE TABLE later (job_id TEXT NOT NULL UNIQUE, what BLOB NOT NULL) STRICT; CREATE INDEX runs_zone ON runs (zone);
      CREATE TRIGGER order_gone AFTER DELETE ON orders BEGIN DELETE FROM later WHERE job_id = old.job_id; END;
      INSERT INTO later VALUES ('00', x'00'); PRAGMA user_version = 5`);
    db.close();
    const journal = open();
    assert.deepEqual(journal.epoch(), epoch);
    assert.equal(journal.find(JOB)?.state, 'accepted');
    journal.accept({ ...order, jobId: OTHER });
    journal.start(order, startAt(1));
    journal.conclude(end, () => signed('r'));
    journal.close();
    assert.deepEqual(corrupt, []);
    const after = new DatabaseSync(file);
    const { version, zone, later } = {
      ...after
        .prepare(`SELECT (SELECT user_version FROM pragma_user_version) AS version,
      (SELECT min(zone) FROM runs) AS zone, (SELECT count(*) FROM later) AS later`)
        .get(),
    };
    after.close();
    assert.deepEqual([version, zone, later], [5, 'none', 1]);
  });

  it('takes one of a newer version that lacks what it needs for damaged', async () => {
    const { DatabaseSync } = await import('node:sqlite');
    open().close();
    const db = new DatabaseSync(file);
    db.exec('ALTER TABLE runs RENAME COLUMN boot_id TO boot; PRAGMA user_version = 5');
    db.close();
    open();
    assert.equal(corrupt.length, 1);
  });

  it('refuses a journal of a newer version and leaves it as it is', async () => {
    const { DatabaseSync } = await import('node:sqlite');
    open().close();
    const db = new DatabaseSync(file);
    db.exec('PRAGMA user_version = 99; UPDATE meta SET usable_from = 99');
    db.close();
    assert.throws(open, { code: 'journal-failed' });
    assert.deepEqual(corrupt, []);
  });
});
