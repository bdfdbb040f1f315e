import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { copyBeforeMigration } from '../../../controller/backup/before-migration.ts';
import { MIGRATIONS } from '../../../controller/db/migrations.ts';
import { openDatabase } from '../../../controller/db/sqlite.ts';
import { temporaryFolder } from '../../support/folder.ts';

const OLDER = MIGRATIONS.length - 4;
const PROGRAM = fileURLToPath(new URL('./killed-migration.ts', import.meta.url));

/** A database as a Muster of that schema left it. */
function older(path: string, schema = OLDER): void {
  const database = new DatabaseSync(path);
  database.exec('pragma journal_mode = wal');
  for (const sql of MIGRATIONS.slice(0, schema)) database.exec(sql);
  database.exec('begin');
  const insert = database.prepare('insert into meta values (?, ?)');
  for (let row = 0; row < 500; row++) insert.run(`row ${row}`, new Uint8Array(100));
  database.exec(`pragma user_version = ${schema}; commit`);
  database.close();
}

function inside(path: string): { schema: unknown; rows: unknown; sound: unknown } {
  const database = new DatabaseSync(path);
  try {
    return {
      schema: database.prepare('pragma user_version').get()?.user_version,
      rows: database.prepare("select count(*) as rows from meta where key like 'row %'").get()?.rows,
      sound: database.prepare('pragma integrity_check').get()?.integrity_check,
    };
  } finally {
    database.close();
  }
}

const WHOLE = { schema: OLDER, rows: 500, sound: 'ok' };

test('a controller that is killed at any point of a migration has lost nothing, and the next one is through', async (t) => {
  const folder = temporaryFolder(t);
  const original = join(folder, 'original.db');
  older(original);
  let turns = 0;
  for (let ended = false; !ended; turns++) {
    assert.ok(turns < 100);
    const path = join(folder, `${turns}`, 'muster.db');
    copyInto(original, path);
    const words = ['--disable-warning=ExperimentalWarning', PROGRAM, path, String(turns + 1)];
    const { signal, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' });
    ended = signal === null;
    const copy = `${path}.schema-${OLDER}`;
    const after = inside(path);
    assert.ok(after.schema === OLDER || after.schema === MIGRATIONS.length, stderr);
    assert.deepEqual(after, { ...WHOLE, schema: after.schema }, `killed at ${turns + 1}`);
    if (after.schema !== OLDER) assert.ok(existsSync(copy), 'nothing is migrated before it was copied');
    if (existsSync(copy)) assert.deepEqual(inside(copy), WHOLE, 'a copy is whole or not there');
    if (ended) continue;
    copyBeforeMigration(path);
    await openDatabase({ path, schedule: (fn) => void setImmediate(fn) }).close();
    assert.deepEqual(inside(path), { ...WHOLE, schema: MIGRATIONS.length });
    assert.deepEqual(inside(copy), WHOLE);
  }
  assert.ok(turns > 12, `${turns} points`);
});

function copyInto(from: string, path: string): void {
  mkdirSync(dirname(path));
  copyFileSync(from, path);
}

test('a copy is made of what will be migrated, and of nothing else; the newest two stay', (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'muster.db');
  assert.equal(copyBeforeMigration(path), undefined, 'nothing is there yet');
  older(path, MIGRATIONS.length);
  assert.equal(copyBeforeMigration(path), undefined, 'nothing will change');
  for (const schema of [20, 30, 100]) writeFileSync(`${path}.schema-${schema}`, '');
  writeFileSync(`${path}.schema-9.mine`, '');
  rmSync(path);
  older(path);
  assert.equal(copyBeforeMigration(path), `${path}.schema-${OLDER}`);
  const names = readdirSync(folder).filter((name) => name.includes('schema'));
  assert.deepEqual(
    names.sort(),
    ['muster.db.schema-100', `muster.db.schema-${OLDER}`, 'muster.db.schema-9.mine'].sort(),
  );
});
