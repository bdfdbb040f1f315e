import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { due } from '../../../agent/runs/due.ts';

const waiting = (...expiries: number[]) => expiries.map((expiresAtMs, id) => ({ id, expiresAtMs }));
const ids = (runs: { id: number }[]) => runs.map(({ id }) => id);

describe('the queue of runs', () => {
  it('starts the oldest first, as many as there are places', () => {
    const next = due(waiting(100, 90, 80), 2, 0);
    assert.deepEqual([ids(next.start), ids(next.expired), next.againInMs], [[0, 1], [], 80]);
  });

  it('ends what has expired, to the millisecond, and gives its place to nobody late', () => {
    const next = due(waiting(50, 51, 49), 9, 50);
    assert.deepEqual([ids(next.expired), ids(next.start)], [[0, 2], [1]]);
    assert.equal(next.againInMs, undefined);
  });

  it('looks again when the first of those that wait expires', () => {
    assert.equal(due(waiting(100, 70, 90), 0, 20).againInMs, 50);
    assert.equal(due([], 0, 20).againInMs, undefined);
  });

  it('starts nothing where there are fewer places than none', () => {
    assert.deepEqual(due(waiting(100), -3, 0).start, []);
  });
});
