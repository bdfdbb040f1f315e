import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OPEN, roomAfter } from '../../../controller/storage/room.ts';

const MIB = 1024 * 1024;
const after = (before: typeof OPEN, freeMib: number, writeProblem?: string) =>
  roomAfter(before, { freeBytes: freeMib * MIB, writeProblem }, 100 * MIB);

test('below the reserve it is full, and a quarter more than the reserve makes it open again', () => {
  assert.deepEqual(after(OPEN, 100), OPEN);
  const full = after(OPEN, 99);
  assert.equal(full.full, '99 MiB of its disk are free, 100 MiB are kept for results');
  assert.equal(full.broken, undefined, 'results are still stored');
  assert.notEqual(after(full, 124).full, undefined, 'not to and fro');
  assert.deepEqual(after(full, 125), OPEN);
});

test('a write that failed makes it full however much is free, until one works', () => {
  const broken = after(OPEN, 1000, 'disk I/O error');
  assert.deepEqual(broken, {
    full: 'the database cannot be written: disk I/O error',
    broken: 'disk I/O error',
  });
  assert.deepEqual(after(broken, 1000), OPEN);
  assert.equal(after(broken, 110).broken, undefined, 'results may come while new jobs still wait');
});

test('without a reserve only failing writes count, and where nobody knows what is free there is room', () => {
  assert.deepEqual(roomAfter(OPEN, { freeBytes: 0, writeProblem: undefined }, 0), OPEN);
  assert.deepEqual(
    roomAfter(OPEN, { freeBytes: Number.POSITIVE_INFINITY, writeProblem: undefined }, MIB),
    OPEN,
  );
});
