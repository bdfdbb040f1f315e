import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { k, type Params, query, statement } from '../../../controller/db/compile.ts';
import { ConstraintError, type Statement } from '../../../controller/db/database.ts';
import { openDatabase } from '../../../controller/db/sqlite.ts';
import { MusterError } from '../../../proto/errors.ts';
import { keys, keysIn, newFile, opened, put, value } from './fixture.ts';

const add = (key: string): Statement => put({ key, value: value(key) });

/** A database whose ticks are the test's. */
function stepped(): { db: ReturnType<typeof openDatabase>; tick(): void; ticks: (() => void)[] } {
  const ticks: (() => void)[] = [];
  const db = openDatabase({ path: ':memory:', schedule: (fn) => void ticks.push(fn) });
  return { db, ticks, tick: () => ticks.shift()?.() };
}

const isCode = (code: string) => (error: unknown) => error instanceof MusterError && error.code === code;

describe('a write', () => {
  it('shares one transaction with all that come in the same tick', async () => {
    const { db, tick, ticks } = stepped();
    const writes = ['a', 'b', 'c'].map((key) => db.write([add(key)]));
    assert.equal(ticks.length, 1);
    tick();
    await Promise.all(writes);
    assert.equal(db.commits(), 1);
    const later = db.write([add('d')]);
    tick();
    await later;
    assert.equal(db.commits(), 2);
    await db.close();
  });

  it('is seen by nobody before it is committed', async () => {
    const { db, tick } = stepped();
    const written = db.write([add('a')]);
    assert.deepEqual(await keysIn(db), []);
    tick();
    await written;
    assert.deepEqual(await keysIn(db), ['a']);
    await db.close();
  });

  it('that fails takes back all of its own batch and nothing of the others', async () => {
    const db = opened();
    const results = await Promise.allSettled([
      db.write([add('a')]),
      db.write([add('b'), add('a'), add('c')]),
      db.write([add('d')]),
    ]);
    assert.deepEqual(
      results.map((result) => result.status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
    const reason = results[1]?.status === 'rejected' ? results[1].reason : undefined;
    assert.ok(reason instanceof ConstraintError);
    assert.deepEqual(
      { kind: reason.kind, columns: reason.columns },
      { kind: 'unique', columns: ['meta.key'] },
    );
    assert.deepEqual(await keysIn(db), ['a', 'd']);
  });

  it('names the kind of the constraint that refused it', async () => {
    const db = opened();
    const orphan = statement(() =>
      k.insertInto('token_grants').values({ token_id: 'none', agent_id: 'none', grant: value('g') }),
    );
    const empty = statement((p: Params<{ value: Uint8Array }>) =>
      k.insertInto('meta').values({ key: 'k', value: p('value') }),
    );
    await assert.rejects(db.write([orphan()]), { name: 'ConstraintError', kind: 'foreign-key' });
    await assert.rejects(db.write([empty({ value: null as never })]), {
      name: 'ConstraintError',
      kind: 'not-null',
      columns: ['meta.value'],
    });
  });

  it('of SQL that is wrong is an internal error, alone', async () => {
    const db = opened();
    const wrong = db.write([add('a'), { sql: 'insert into nothing values (1)', values: [] }]);
    const right = db.write([add('b')]);
    await assert.rejects(wrong, isCode('internal'));
    await right;
    assert.deepEqual(await keysIn(db), ['b']);
  });

  it('of nothing resolves', async () => {
    await opened().write([]);
  });
});

describe('a transaction that cannot be committed', () => {
  it('rejects all of its batches, is gone, and the next one is written', async () => {
    const db = opened();
    const orphan = statement(() =>
      k.insertInto('token_grants').values({ token_id: 'none', agent_id: 'none', grant: value('g') }),
    );
    const results = await Promise.allSettled([
      db.write([add('a')]),
      // Puts off the check of references until the commit, which fails and leaves the transaction open.
      db.write([{ sql: 'pragma defer_foreign_keys = on', values: [] }, orphan()]),
    ]);
    for (const result of results)
      assert.ok(result.status === 'rejected' && isCode('store-failed')(result.reason));
    assert.deepEqual(await keysIn(db), []);
    await db.write([add('b')]);
    assert.deepEqual(await keysIn(db), ['b']);
    assert.equal(db.commits(), 1);
  });
});

describe('a late statement', () => {
  it('sees what its batch and the batches before it have written, and decides what is written next', async () => {
    const db = opened();
    const count = (name: string): Statement => ({
      late: (tx) => [add(`${name} after ${tx.read(keys()).length}`)],
    });
    await Promise.all([db.write([add('a'), count('first')]), db.write([count('second'), add('b')])]);
    assert.deepEqual(await keysIn(db), ['a', 'b', 'first after 1', 'second after 2']);
  });

  it('may give late statements again, which run in their place', async () => {
    const db = opened();
    const order: string[] = [];
    const note = (name: string, ...next: Statement[]): Statement => ({
      late() {
        order.push(name);
        return next;
      },
    });
    await db.write([note('1', note('2', note('3')), note('4')), note('5')]);
    assert.deepEqual(order, ['1', '2', '3', '4', '5']);
  });

  it('is not called before the tick, and only once', async () => {
    const { db, tick } = stepped();
    let calls = 0;
    const written = db.write([
      {
        late() {
          calls += 1;
          return [];
        },
      },
    ]);
    assert.equal(calls, 0);
    tick();
    await written;
    assert.equal(calls, 1);
    await db.close();
  });

  it('that throws rejects its batch with just that, and takes back what stood before it', async () => {
    const db = opened();
    const refusal = new MusterError('name-taken', 'web-1');
    const refused = db.write([
      add('a'),
      {
        late() {
          throw refusal;
        },
      },
    ]);
    const other = db.write([add('b')]);
    await assert.rejects(refused, (error) => error === refusal);
    await other;
    assert.deepEqual(await keysIn(db), ['b']);
  });

  it('of which each checks before it writes, only one passes', async () => {
    const db = opened();
    const takeOnce: Statement = {
      late(tx) {
        if (tx.read(keys()).length > 0) throw new MusterError('token-used');
        return [add('taken')];
      },
    };
    const results = await Promise.allSettled([takeOnce, takeOnce, takeOnce].map((one) => db.write([one])));
    assert.deepEqual(
      results.map((result) => result.status),
      ['fulfilled', 'rejected', 'rejected'],
    );
  });
});

describe('a read', () => {
  it('of SQL that is wrong rejects', async () => {
    await assert.rejects(opened().read({ sql: 'select 1 from nothing', values: [] }), isCode('internal'));
  });

  it('still works after more different statements than are kept prepared', async () => {
    const db = opened();
    for (let i = 0; i < 1_200; i++)
      assert.equal((await db.read<{ n: number }>({ sql: `select ${i} as n`, values: [] }))[0]?.n, i);
    const again = query(() => k.selectFrom('meta').select('key'));
    assert.deepEqual(await db.read(again()), []);
  });
});

describe('closing', () => {
  it('commits what was written before, and refuses what comes after', async () => {
    const file = newFile();
    const db = opened(file);
    const before = db.write([add('a')]);
    const closed = db.close();
    const after = db.write([add('b')]);
    await Promise.all([
      before,
      closed,
      assert.rejects(after, isCode('shutting-down')),
      assert.rejects(db.read(keys()), isCode('shutting-down')),
    ]);
    await db.close();
    assert.deepEqual(await keysIn(opened(file)), ['a']);
  });
});

describe('another process that holds the file', () => {
  it('makes every batch of the tick fail, and none of them later', async () => {
    const file = newFile();
    const db = opened(file, { busyTimeoutMs: 20 });
    const other = new DatabaseSync(file);
    other.exec('begin immediate');
    const writes = Promise.allSettled([db.write([add('a')]), db.write([add('b')])]);
    for (const result of await writes)
      assert.ok(result.status === 'rejected' && isCode('store-failed')(result.reason));
    other.exec('rollback');
    other.close();
    await db.write([add('c')]);
    assert.deepEqual(await keysIn(db), ['c']);
  });
});

describe('a process that is killed', () => {
  it('leaves every batch that was acknowledged, and no half of one that was not', () => {
    const file = newFile();
    const program = fileURLToPath(new URL('./killed-writer.ts', import.meta.url));
    const child = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', program, file], {
      encoding: 'utf8',
    });
    assert.equal(child.signal, 'SIGKILL', child.stderr);
    const acknowledged = child.stdout.split('\n').filter((line) => line !== '');
    assert.ok(acknowledged.length >= 20);
    const db = opened(file);
    return keysIn(db).then((found) => {
      const batches = new Map<string, number>();
      for (const key of found) {
        const batch = key.split('/')[0] ?? '';
        batches.set(batch, (batches.get(batch) ?? 0) + 1);
      }
      for (const batch of acknowledged) assert.equal(batches.get(batch), 3, `batch ${batch} is whole`);
      for (const [batch, rows] of batches) assert.equal(rows, 3, `no half of batch ${batch}`);
    });
  });
});
