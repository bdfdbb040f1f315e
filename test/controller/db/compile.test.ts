import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { insertMany, k, type Params, query, sql, statement } from '../../../controller/db/compile.ts';
import { keysIn, opened, put, value } from './fixture.ts';

describe('a compiled statement', () => {
  it('puts the named values where their placeholders stand, as often and in the order they stand', () => {
    const rename = statement((p: Params<{ from: string; to: string; atMs: number }>) =>
      k
        .updateTable('agents')
        .set({ name: p('to'), last_seen_at_ms: p('atMs') })
        .where((e) => e.or([e('name', '=', p('from')), e('hostname', '=', p('from'))])),
    );
    const { sql: text, values } = rename({ from: 'a', to: 'b', atMs: 7 });
    assert.match(text, /^update "agents" set "name" = \?, "last_seen_at_ms" = \? where/);
    assert.deepEqual(values, ['b', 7, 'a', 'a']);
  });

  it('keeps values that the builder fixed beside those that are given', () => {
    const end = statement((p: Params<{ id: string }>) =>
      k.updateTable('runs').set({ state: 'lost', exit_code: null }).where('job_id', '=', p('id')),
    );
    assert.deepEqual(end({ id: 'x' }).values, ['lost', null, 'x']);
  });

  it('is built by Kysely once, at its first use', () => {
    let built = 0;
    const count = query(() => {
      built += 1;
      return k.selectFrom('meta').selectAll();
    });
    assert.equal(built, 0);
    assert.equal(count().sql, count().sql);
    assert.equal(built, 1);
  });

  it('takes null for a parameter that may be null and is left out', () => {
    const label = statement((p: Params<{ name?: string | null; id: string }>) =>
      k
        .updateTable('tokens')
        .set({ name: p('name') ?? null })
        .where('id', '=', p('id')),
    );
    assert.deepEqual(label({ id: 'x' }).values, [null, 'x']);
  });

  it('takes raw snippets with placeholders and identifiers', async () => {
    const db = opened();
    await db.write([put({ key: "o'; drop table meta; --", value: value('x') })]);
    const find = query(
      (p: Params<{ key: string }>) =>
        sql<{ size: number }>`select length(${sql.ref('value')}) as size from meta where key = ${p('key')}`,
    );
    assert.equal((await db.read(find({ key: "o'; drop table meta; --" })))[0]?.size, 1);
  });

  it('gives the rows with the types of their columns', async () => {
    const db = opened();
    await db.write([put({ key: 'a', value: value('b') })]);
    const one = query((p: Params<{ key: string }>) =>
      k.selectFrom('meta').selectAll().where('key', '=', p('key')),
    );
    const [row] = await db.read(one({ key: 'a' }));
    const bytes: Uint8Array | undefined = row?.value;
    assert.deepEqual(bytes, value('b'));
    // @ts-expect-error a parameter that the query does not have
    one({ key: 'a', other: 'b' });
    // @ts-expect-error a parameter of another type
    one({ key: 1 });
  });
});

describe('an insert of many rows', () => {
  const insert = insertMany('meta', ['key', 'value']);

  it('writes every row once, whatever their number', async () => {
    for (const count of [0, 1, 2, 255, 256, 257, 600]) {
      const db = opened(':memory:');
      const rows = Array.from({ length: count }, (_, i) => ({
        key: String(i).padStart(4, '0'),
        value: value(`${i}`),
      }));
      await db.write(insert(rows));
      assert.deepEqual(
        await keysIn(db),
        rows.map((row) => row.key),
      );
    }
  });

  it('uses a fixed set of SQL texts, so that the cache of prepared statements stays small', () => {
    const texts = new Set<string>();
    for (let count = 0; count < 600; count += 7)
      for (const { sql: text } of insert(Array(count).fill({ key: 'k', value: value('v') }))) texts.add(text);
    assert.equal(texts.size, 2);
  });

  it('puts null for a column that may be null and is left out', () => {
    const insertEvents = insertMany('run_events', ['job_id', 'agent_id', 'kind', 'at_ms', 'body']);
    const [command] = insertEvents([{ job_id: 'j', kind: 'job', at_ms: 1, body: '{}' }]);
    assert.deepEqual(command?.values, ['j', null, 'job', 1, '{}']);
    // @ts-expect-error a column that may not be null
    insertEvents([{ job_id: 'j', at_ms: 1 }]);
  });
});
