import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { Statement } from '../../../controller/db/database.ts';
import { MusterError } from '../../../proto/errors.ts';
import { keysIn, newFile, opened, pragma, put } from './fixture.ts';

const add = (key: string, bytes = 10): Statement => put({ key, value: new Uint8Array(bytes) });

/**
 * The kernel refuses to let a file of this process grow past `bytes`: the write fails as on a full disk (EFBIG), and no
 * root is needed. Node ignores the signal that comes with it.
 */
function limitFiles(bytes: number | 'unlimited'): boolean {
  return spawnSync('prlimit', ['--pid', `${process.pid}`, `--fsize=${bytes}:`]).status === 0;
}

const skip = limitFiles('unlimited') ? false : 'needs prlimit (package util-linux)';

function refusals(results: readonly PromiseSettledResult<void>[]): string[] {
  return results.map((result) => {
    if (result.status === 'fulfilled') return 'written';
    return result.reason instanceof MusterError ? result.reason.code : String(result.reason);
  });
}

describe('a disk that is full', () => {
  it('at the commit refuses every batch of that transaction, and the database goes on once there is room', {
    skip,
  }, async () => {
    const file = newFile();
    const db = opened(file);
    await db.write([add('before')]);
    try {
      limitFiles(statSync(`${file}-wal`).size);
      const results = await Promise.allSettled([
        db.write([add('a')]),
        // Its own reason may rest on what is lost now.
        db.write([
          {
            late() {
              throw new MusterError('name-taken');
            },
          },
        ]),
        db.write([add('b')]),
      ]);
      assert.deepEqual(refusals(results), ['store-failed', 'store-failed', 'store-failed']);
      assert.deepEqual(await keysIn(db), ['before']);
      assert.deepEqual(refusals(await Promise.allSettled([db.write([add('c')])])), ['store-failed']);
    } finally {
      limitFiles('unlimited');
    }
    await db.write([add('after')]);
    assert.deepEqual(await keysIn(db), ['after', 'before']);
    await db.close();
    assert.deepEqual(await keysIn(opened(file)), ['after', 'before'], 'nothing comes back at the next start');
  });

  it('while a batch is written refuses the whole transaction or that batch, never half of one', {
    skip,
  }, async () => {
    const file = newFile();
    const db = opened(file);
    await db.write([add('before')]);
    try {
      limitFiles(statSync(`${file}-wal`).size + 65_536);
      // More than the page cache holds, so that pages go to the disk before the commit.
      const results = await Promise.allSettled([
        db.write([add('a')]),
        db.write([add('b'), ...Array.from({ length: 40 }, (_, i) => add(`large ${i}`, 1_000_000)), add('c')]),
        db.write([add('d')]),
      ]);
      assert.deepEqual(new Set(refusals(results)), new Set(['store-failed']));
      for (const result of results)
        assert.match(
          String(result.status === 'rejected' && result.reason),
          /disk I\/O error/,
          'the first cause',
        );
      assert.deepEqual(await keysIn(db), ['before']);
    } finally {
      limitFiles('unlimited');
    }
    await db.write([add('after')]);
    assert.deepEqual(await keysIn(db), ['after', 'before']);
    assert.equal(await pragma(db, 'integrity_check'), 'ok');
  });

  it('for one batch alone leaves the others, where the database has room for them', async () => {
    const db = opened();
    const pages = Number(await pragma(db, 'page_count'));
    await pragma(db, `max_page_count = ${pages + 2}`);
    const results = await Promise.allSettled([
      db.write([add('a')]),
      db.write([add('b'), add('large', 100_000)]),
      db.write([add('c')]),
    ]);
    const found = refusals(results);
    assert.equal(found[1], 'store-failed');
    assert.deepEqual(
      await keysIn(db),
      ['a', 'c'].filter((_, i) => found[i * 2] === 'written'),
    );
    await pragma(db, 'max_page_count = 1000000');
    await db.write([add('later')]);
    assert.equal(await pragma(db, 'integrity_check'), 'ok');
  });

  it('for a batch of a lane keeps what waits behind it in that lane from being taken, and nobody else', async () => {
    const db = opened();
    const refusing = (code: 'store-failed' | 'name-taken') => ({
      late() {
        throw new MusterError(code);
      },
    });
    const results = await Promise.allSettled([
      db.write([add('first of a')], 'a'),
      db.write([refusing('name-taken')], 'a'),
      db.write([add('second of a')], 'a'),
      db.write([refusing('store-failed')], 'a'),
      db.write([add('third of a')], 'a'),
      db.write([add('first of b')], 'b'),
      db.write([add('of nobody')]),
    ]);
    assert.deepEqual(refusals(results), [
      ...['written', 'name-taken', 'written', 'store-failed', 'store-failed', 'written', 'written'],
    ]);
    await db.write([add('fourth of a')], 'a');
    const kept = ['first of a', 'first of b', 'fourth of a', 'of nobody', 'second of a'];
    assert.deepEqual(await keysIn(db), kept);
  });
});
