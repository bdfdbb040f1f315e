/** Run by sqlite.test.ts: writes batches of three rows, prints each one that was acknowledged, and kills itself in the middle of a transaction. */
import { writeSync } from 'node:fs';
import { insertMany } from '../../../controller/db/compile.ts';
import { openDatabase } from '../../../controller/db/sqlite.ts';

const db = openDatabase({ path: process.argv[2] ?? '', schedule: (fn) => void setImmediate(fn) });

const insert = insertMany('meta', ['key', 'value']);
const rows = (batch: string) =>
  ['1', '2', '3'].flatMap((row) => insert([{ key: `${batch}/${row}`, value: new Uint8Array(1) }]));

for (let round = 0; round < 10; round++) {
  const names = [`${round}a`, `${round}b`];
  await Promise.all(names.map((name) => db.write(rows(name)).then(() => writeSync(1, `${name}\n`))));
}
await db.write([
  ...rows('never').slice(0, 2),
  {
    late() {
      process.kill(process.pid, 'SIGKILL');
      for (;;); // until the signal is here
    },
  },
]);
