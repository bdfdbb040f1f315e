/** Run by migration.test.ts: opens a home's database as `muster serve` does, and kills itself before the nth thing that it asks of SQLite. */
import { DatabaseSync } from 'node:sqlite';
import { copyBeforeMigration } from '../../../controller/backup/before-migration.ts';
import { openDatabase } from '../../../controller/db/sqlite.ts';

const [path = '', turn] = process.argv.slice(2);
let left = Number(turn);

function countDown(): void {
  left -= 1;
  if (left > 0) return;
  process.kill(process.pid, 'SIGKILL');
  for (;;); // until the signal is here
}

const { exec, prepare } = DatabaseSync.prototype;
DatabaseSync.prototype.exec = function (sql) {
  countDown();
  return exec.call(this, sql);
};
DatabaseSync.prototype.prepare = function (sql) {
  countDown();
  return prepare.call(this, sql);
};

copyBeforeMigration(path);
await openDatabase({ path, schedule: (fn) => void setImmediate(fn) }).close();
