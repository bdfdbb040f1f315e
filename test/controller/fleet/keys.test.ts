import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openDatabase } from '../../../controller/db/sqlite.ts';
import { openFleet } from '../../../controller/fleet/engine.ts';
import { openSecretFiles } from '../../../controller/fleet/files.ts';
import { openKeys } from '../../../controller/fleet/keys.ts';
import { allDocuments, hasFleet } from '../../../controller/fleet/store.ts';
import { createLog } from '../../../controller/log.ts';
import { MusterError } from '../../../proto/errors.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { virtualClock } from '../../support/virtual-clock.ts';

const YEAR_MS = 365 * 86_400_000;

function stage(t: TestContext) {
  const folder = temporaryFolder(t);
  const clock = virtualClock();
  const random = seededRandom('keys');
  const log = createLog('silent', process.stderr);
  const db = openDatabase({ path: ':memory:', schedule: setImmediate });
  t.after(() => db.close());
  return {
    clock,
    db,
    folder,
    /** As serve does it. */
    async start(urls: string[] = ['https://a:1']) {
      const keys = openKeys(openSecretFiles(folder), random, await hasFleet(db));
      return openFleet({ clock, db, log, keys, urls });
    },
    serials: async () => (await db.read(allDocuments())).map((row) => row.serial),
    lose: (...names: string[]) => {
      for (const name of names) rmSync(join(folder, name));
    },
  };
}

const sentence = (pattern: RegExp) => (error: unknown) =>
  error instanceof MusterError && error.code === 'store-failed' && pattern.test(error.message);

test('a start without the key files is refused, makes none, and stores nothing; with them back it starts', async (t) => {
  const at = stage(t);
  const { fleetIdHex } = await at.start();
  const keep = openSecretFiles(at.folder);
  const names = readdirSync(at.folder);
  const copies = names.map((name) => [name, keep.read(name) as Uint8Array] as const);
  at.lose(...names);
  await at.clock.advance(YEAR_MS);
  await assert.rejects(at.start(), sentence(/controller\.key.*restore/));
  assert.deepEqual(readdirSync(at.folder), []);
  assert.deepEqual(await at.serials(), [1]);
  for (const [name, copy] of copies) keep.write(name, copy);
  assert.equal((await at.start()).fleetIdHex, fleetIdHex);
  assert.deepEqual(await at.serials(), [1, 2]);
});

test('the root key of another fleet is refused before a document of it is stored', async (t) => {
  const at = stage(t);
  await at.start();
  openSecretFiles(at.folder).write('root.key', new Uint8Array(32).fill(7));
  await assert.rejects(at.start(['https://moved:1']), sentence(/root\.key is not the root/));
  assert.deepEqual(await at.serials(), [1]);
});

test('a document that no agent would take is not stored', async (t) => {
  const at = stage(t);
  await at.start();
  const tooMany = Array.from({ length: 300 }, (_, index) => `https://a${index}:1`);
  await assert.rejects(at.start(tooMany), MusterError);
  assert.deepEqual(await at.serials(), [1]);
  await at.start();
});

test('a start that was cut off among the key files is completed by the next one', async (t) => {
  const at = stage(t);
  openKeys(openSecretFiles(at.folder), seededRandom('first'), false);
  at.lose('controller.key');
  await at.start();
  assert.deepEqual(await at.serials(), [1]);
});

test('without the root key a controller serves, and one that lost the key of its jobs says so', async (t) => {
  const at = stage(t);
  await at.start();
  at.lose('root.key');
  assert.equal((await at.start()).rootKeyHere, false);
  at.lose('job.key');
  await assert.rejects(at.start(), sentence(/job\.key is missing/));
});
