import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { buffer } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { pack } from 'tar-stream';
import { refuseUnfinishedRestore } from '../../../controller/backup/folder.ts';
import { lockFile } from '../../../controller/db/lock.ts';
import { MIGRATIONS } from '../../../controller/db/migrations.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { created, joined } from '../retention/fixture.ts';
import { backUp, codeOf, controllerAt, putBack } from './fixture.ts';

interface Test {
  after(fn: () => unknown): void;
}

/** A home with an agent and a job, backed up while its controller works. */
async function backedUp(t: Test) {
  const folder = temporaryFolder(t);
  const home = join(folder, 'home');
  mkdirSync(home);
  const world = await controllerAt(t, home);
  await joined(world, 'web-1');
  const job = await created(world, { ttlMs: 3_600_000 });
  const file = join(folder, 'muster.tar');
  const made = await backUp(home, file);
  return { folder, home, world, job, file, made };
}

test('a backup of a working controller is one private file that restores to the same controller elsewhere', async (t) => {
  const { folder, home, world, job, file, made } = await backedUp(t);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(
    readdirSync(folder).sort(),
    ['home', 'muster.tar'],
    'nothing of its work is left beside it',
  );
  assert.equal(made.schema, MIGRATIONS.length);
  assert.equal(made.fleetId, world.controller.fleetId);
  assert.equal((await world.controller.verbs.jobs.list({ limit: 1 })).length, 1, 'the controller goes on');
  const elsewhere = join(folder, 'elsewhere');
  const restored = await putBack(file, elsewhere);
  assert.equal(restored.fleetId, made.fleetId);
  assert.equal(restored.movedTo, null);
  assert.deepEqual(restored.openJobs, [job]);
  for (const name of readdirSync(join(home, 'keys'))) {
    assert.deepEqual(
      readFileSync(join(elsewhere, 'keys', name)),
      readFileSync(join(home, 'keys', name)),
      name,
    );
    assert.equal(statSync(join(elsewhere, 'keys', name)).mode & 0o777, 0o600);
  }
  const again = await controllerAt(t, elsewhere);
  assert.equal(again.controller.fleetId, made.fleetId);
  assert.equal((await again.controller.verbs.jobs.show(job)).job, job);
});

test('a backup never replaces a file unasked, and needs a controller that was there', async (t) => {
  const { folder, home, file } = await backedUp(t);
  const before = readFileSync(file);
  assert.equal(await codeOf(backUp(home, file)), 'file-exists');
  assert.deepEqual(readFileSync(file), before);
  assert.equal(await codeOf(backUp(home, file, { force: true })), 'done');
  assert.equal(await codeOf(backUp(join(folder, 'nobody'), join(folder, 'x.tar'))), 'not-found');
  assert.equal(existsSync(join(folder, 'x.tar')), false);
});

test('what a crash left half written beside the keys is in no backup, and in the way of none', async (t) => {
  const { home, file, made } = await backedUp(t);
  writeFileSync(join(home, 'keys', 'job.key.new'), 'half');
  assert.equal(await codeOf(backUp(home, file, { force: true })), 'done');
  const names = (await backUp(home, file, { force: true })).parts.map(({ name }) => name);
  assert.deepEqual(
    names,
    made.parts.map(({ name }) => name),
  );
});

test('at no time is the copy readable by others', async (t) => {
  const { folder, home } = await backedUp(t);
  const before = process.umask(0o022);
  t.after(() => void process.umask(before));
  const modes: number[] = [];
  const note = (): void => {
    for (const name of readdirSync(folder))
      if (name.startsWith('.x.tar')) modes.push(statSync(join(folder, name)).mode & 0o777);
  };
  await backUp(home, join(folder, 'x.tar'), { note });
  assert.ok(modes.length > 0);
  assert.deepEqual(new Set(modes), new Set([0o600]));
});

test('a database that is damaged is not backed up as if it were whole', async (t) => {
  const { folder, home, world } = await backedUp(t);
  await world.controller.stop();
  await world.db.close();
  const path = join(home, 'muster.db');
  const bytes = readFileSync(path);
  bytes.fill(0xff, 4096 * 3, 4096 * 5);
  writeFileSync(path, bytes);
  assert.equal(await codeOf(backUp(home, join(folder, 'x.tar'))), 'store-damaged');
  assert.deepEqual(readdirSync(folder).sort(), ['home', 'muster.tar']);
});

test('a home that is in use or not empty is left as it is; with force the old one is moved aside, whole', async (t) => {
  const { folder, home, world, file } = await backedUp(t);
  const unlock = lockFile(join(home, 'lock.db'));
  assert.equal(await codeOf(putBack(file, home, { force: true })), 'home-in-use');
  unlock();
  assert.equal(await codeOf(putBack(file, home)), 'home-not-empty');
  await world.controller.stop();
  await world.db.close();
  const before = readFileSync(join(home, 'muster.db'));
  const restored = await putBack(file, home, { force: true });
  assert.ok(restored.movedTo?.startsWith(join(home, 'before-restore-')));
  assert.deepEqual(readFileSync(join(restored.movedTo ?? '', 'muster.db')), before);
  assert.equal(existsSync(join(restored.movedTo ?? '', 'keys', 'controller.key')), true);
  assert.equal(existsSync(join(home, 'keys', 'controller.key')), true);
  refuseUnfinishedRestore(home);
  const again = await putBack(file, home, { force: true });
  assert.notEqual(again.movedTo, null, 'what was put aside before stays where it is');
  assert.equal(existsSync(join(restored.movedTo ?? '', 'muster.db')), true);
  assert.equal(existsSync(folder), true);
});

test('a restore that was cut off says so, and no controller starts on it', async (t) => {
  const { home, world, file } = await backedUp(t);
  await world.controller.stop();
  await world.db.close();
  writeFileSync(join(home, 'restore-unfinished'), '');
  assert.throws(() => refuseUnfinishedRestore(home), { code: 'restore-unfinished' });
  assert.equal(await codeOf(putBack(file, home, { force: true })), 'done');
  refuseUnfinishedRestore(home);
});

test('a restore that fails half way through putting things in place leaves that mark, and nothing is lost', async (t) => {
  const { home, world, file } = await backedUp(t);
  await world.controller.stop();
  await world.db.close();
  const before = readFileSync(join(home, 'muster.db'));
  // Something is in the way of the database, where the old home goes.
  const nowMs = Date.UTC(2026, 10, 27);
  const aside = join(home, 'before-restore-2026-11-27T000000.000Z');
  mkdirSync(join(aside, 'muster.db', 'in the way'), { recursive: true });
  await assert.rejects(putBack(file, home, { force: true, nowMs }));
  assert.throws(() => refuseUnfinishedRestore(home), { code: 'restore-unfinished' });
  assert.deepEqual(readFileSync(join(home, 'muster.db')), before);
  const restored = await putBack(file, home, { force: true });
  assert.deepEqual(readFileSync(join(restored.movedTo ?? '', 'muster.db')), before);
  refuseUnfinishedRestore(home);
});

describe('what is no whole backup of ours is refused with a code, and touches nothing', () => {
  const sha512 = (bytes: Uint8Array): string => createHash('sha512').update(bytes).digest('hex');
  /** A tar with these entries. */
  const tar = async (...entries: [string, string | Buffer][]): Promise<Buffer> => {
    const archive = pack();
    for (const [name, content] of entries) archive.entry({ name }, content as Buffer);
    archive.finalize();
    return buffer(archive);
  };
  const manifest = (more: object, parts: [string, string | Buffer][]): [string, string] => [
    'manifest.json',
    JSON.stringify({
      ...{ what: 'muster-backup', format: 1, muster: '0.1.0', schema: MIGRATIONS.length },
      ...{ fleetId: 'ab'.repeat(16), madeAtMs: 1, audit: { seq: 0, hash: '' } },
      parts: parts.map(([name, content]) => ({
        name,
        bytes: Buffer.byteLength(content),
        sha512: sha512(Buffer.from(content)),
      })),
      ...more,
    }),
  ];
  const KEY = Buffer.alloc(32, 7);
  const KEYS: [string, Buffer][] = [
    ['keys/controller.key', KEY],
    ['keys/job.key', KEY],
  ];
  const withDatabase = (database: Buffer): [string, Buffer][] => [['muster.db', database], ...KEYS];
  const databaseOf = (folder: string, schema: number): Buffer => {
    const path = join(folder, 'made.db');
    const made = new DatabaseSync(path);
    made.exec(`create table if not exists t (x); pragma user_version = ${schema}`);
    made.close();
    return readFileSync(path);
  };
  const CASES: [string, string, (folder: string, good: Buffer) => Buffer | Promise<Buffer>][] = [
    ['an empty file', 'bad-backup', () => Buffer.alloc(0)],
    ['a text', 'bad-backup', () => Buffer.from('hello\n'.repeat(1_000))],
    ['a tar of something else', 'bad-backup', () => tar(['etc/passwd', 'root'])],
    ['cut in the manifest', 'bad-backup', (_, good) => good.subarray(0, 700)],
    ['cut in the database', 'bad-backup', (_, good) => good.subarray(0, good.length >> 1)],
    ['cut after a part', 'bad-backup', (_, good) => good.subarray(0, good.indexOf('keys/job.key'))],
    [
      'one bit of the database flipped',
      'bad-backup',
      (_, good) => {
        const bad = Buffer.from(good);
        const at = bad.indexOf('SQLite format 3') + 5_000;
        bad[at] = (bad[at] ?? 0) ^ 1;
        return bad;
      },
    ],
    [
      'one bit of the manifest flipped',
      'bad-backup',
      (_, good) => {
        const bad = Buffer.from(good);
        const at = bad.indexOf('"sha512": "') + 12;
        bad[at] = (bad[at] ?? 0) ^ 1;
        return bad;
      },
    ],
    ['a later format', 'newer-schema', () => tar(manifest({ format: 2, more: true }, []))],
    [
      'a later schema',
      'newer-schema',
      (folder) => {
        const parts = withDatabase(databaseOf(folder, MIGRATIONS.length + 1));
        return tar(manifest({ schema: MIGRATIONS.length + 1 }, parts), ...parts);
      },
    ],
    [
      'a later schema that the manifest denies',
      'newer-schema',
      (folder) => {
        const parts = withDatabase(databaseOf(folder, MIGRATIONS.length + 1));
        return tar(manifest({}, parts), ...parts);
      },
    ],
    [
      'a database that is none',
      'store-damaged',
      () => {
        const parts = withDatabase(Buffer.from('no database at all, '.repeat(500)));
        return tar(manifest({}, parts), ...parts);
      },
    ],
    [
      'a damaged database whose digest fits',
      'store-damaged',
      (folder) => {
        const path = join(folder, 'damaged.db');
        const made = new DatabaseSync(path);
        made.exec('create table t (x); begin');
        for (let row = 0; row < 2_000; row++)
          made.exec(`insert into t values ('row ${row} ${'x'.repeat(50)}')`);
        made.exec('commit');
        made.close();
        const bytes = readFileSync(path);
        const page = bytes.indexOf('row 1000') >> 12;
        const parts = withDatabase(bytes.fill(0x5a, page * 4096, (page + 1) * 4096));
        return tar(manifest({ schema: 0 }, parts), ...parts);
      },
    ],
    [
      'no keys',
      'bad-backup',
      (folder) => {
        const parts: [string, Buffer][] = [['muster.db', databaseOf(folder, 1)]];
        return tar(manifest({}, parts), ...parts);
      },
    ],
    ...['../evil', '/etc/passwd', 'keys/../../evil', 'keys/a b', 'keys/x.sh', 'contents/short'].map(
      (name): (typeof CASES)[number] => [
        `a part called ${name}`,
        'bad-backup',
        (folder) => {
          const parts: [string, Buffer][] = [...withDatabase(databaseOf(folder, 1)), [name, KEY]];
          return tar(manifest({}, parts), ...parts);
        },
      ],
    ),
    [
      'a part twice',
      'bad-backup',
      (folder) => {
        const parts: [string, Buffer][] = [...withDatabase(databaseOf(folder, 1)), ['keys/job.key', KEY]];
        return tar(manifest({}, parts), ...parts);
      },
    ],
    [
      'a key that its manifest does not name',
      'bad-backup',
      (folder) => {
        const parts = withDatabase(databaseOf(folder, 1));
        return tar(manifest({}, parts), ...parts, ['keys/root.key', KEY]);
      },
    ],
    ['an unknown key in the manifest', 'bad-backup', () => tar(manifest({ more: 1 }, KEYS), ...KEYS)],
  ];

  test('each', async (t) => {
    const { folder, file, home, world } = await backedUp(t);
    await world.controller.stop();
    await world.db.close();
    const good = readFileSync(file);
    const before = readdirSync(home).sort();
    for (const [what, code, make] of CASES) {
      const bad = join(folder, 'bad.tar');
      writeFileSync(bad, await make(folder, good));
      assert.equal(await codeOf(putBack(bad, home, { force: true })), code, what);
      assert.deepEqual(
        readdirSync(home)
          .filter((name) => !name.startsWith('lock.db'))
          .sort(),
        before,
        what,
      );
    }
    assert.equal(await codeOf(putBack(join(folder, 'none.tar'), home)), 'not-found');
  });
});
