import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { MIGRATIONS, pendingMigrations } from '../../../controller/db/migrations.ts';
import { openDatabase } from '../../../controller/db/sqlite.ts';
import { MusterError } from '../../../proto/errors.ts';
import { keysIn, newFile, newFolder, opened, pragma, put, value } from './fixture.ts';

const open = (path: string) => openDatabase({ path, schedule: (fn) => void setImmediate(fn) });

describe('migrations', () => {
  it('take a database from where it is, step by step', () => {
    const known = ['one', 'two', 'three'];
    assert.deepEqual(pendingMigrations(1, known), [
      { version: 2, sql: 'two' },
      { version: 3, sql: 'three' },
    ]);
    assert.deepEqual(pendingMigrations(3, known), []);
  });

  it('make an empty file a database of this schema, and leave it alone the next time', async () => {
    const file = newFile();
    const first = opened(file);
    await first.write([put({ key: 'kept', value: value('x') })]);
    assert.equal(await pragma(first, 'user_version'), MIGRATIONS.length);
    await first.close();
    assert.deepEqual(await keysIn(opened(file)), ['kept']);
  });

  it('bring a database that the Muster before this one wrote up to date, with all that is in it', async () => {
    const file = newFile();
    const older = new DatabaseSync(file);
    const before = MIGRATIONS.slice(0, -1);
    for (const sql of before) older.exec(sql);
    older.exec(`pragma user_version = ${before.length}; insert into meta values ('kept', x'01')`);
    older.close();
    const db = opened(file);
    assert.equal(await pragma(db, 'user_version'), MIGRATIONS.length);
    assert.deepEqual(await keysIn(db), ['kept']);
    await db.close();
    assert.throws(
      () => pendingMigrations(MIGRATIONS.length, before),
      (error) => error instanceof MusterError && error.code === 'newer-schema',
      'and that one refuses it from then on',
    );
  });

  it('refuse a database that a newer Muster wrote, and leave every byte of it as it was', async () => {
    const file = newFile();
    await opened(file).close();
    const newer = new DatabaseSync(file);
    newer.exec('pragma journal_mode = delete');
    newer.exec(`pragma user_version = ${MIGRATIONS.length + 6}`);
    newer.close();
    const before = readFileSync(file);
    assert.throws(
      () => open(file),
      (error) => {
        assert.ok(error instanceof MusterError);
        assert.equal(error.code, 'newer-schema');
        const [theirs, ours] = [MIGRATIONS.length + 6, MIGRATIONS.length];
        assert.equal(error.detail, `schema ${theirs}, this one knows ${ours}`);
        return true;
      },
    );
    assert.deepEqual(readFileSync(file), before);
  });
});

describe('opening a database', () => {
  it('refuses what is no database, or cannot be one, with the path and the reason', () => {
    const garbage = newFile();
    writeFileSync(
      garbage,
      'this is a text, long enough to be taken for the header of a database\n'.repeat(20),
    );
    const cases = [
      [garbage, 'store-damaged'],
      [newFolder(), 'store-failed'],
      [`${newFile()}/under/nothing.db`, 'store-failed'],
    ] as const;
    for (const [path, code] of cases) {
      assert.throws(
        () => open(path),
        (error) => error instanceof MusterError && error.code === code && !!error.detail?.includes(path),
      );
    }
  });

  it('refuses one that was damaged anywhere, before anything relies on it', async () => {
    const path = newFile();
    const first = opened(path);
    const many = Array.from({ length: 2_000 }, (_, index) =>
      put({ key: `${index}`, value: value('x'.repeat(100)) }),
    );
    await first.write(many);
    await first.close();
    const bytes = readFileSync(path);
    // A page in the middle of a table, which nothing reads at a start.
    const page = bytes.indexOf('1500') >> 12;
    bytes.fill(0x5a, page * 4096, (page + 1) * 4096);
    writeFileSync(path, bytes);
    assert.throws(
      () => open(path),
      (error) => error instanceof MusterError && error.code === 'store-damaged',
    );
  });

  it('flushes every commit to the disk, holds references between tables, and waits for who holds the file', async () => {
    const db = opened();
    assert.equal(await pragma(db, 'journal_mode'), 'wal');
    assert.equal(await pragma(db, 'synchronous'), 2, 'full');
    assert.equal(await pragma(db, 'foreign_keys'), 1);
    assert.ok(Number(await pragma(db, 'busy_timeout')) >= 1_000);
  });
});
