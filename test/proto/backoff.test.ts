import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fullJitterMs } from '../../proto/backoff.ts';
import { fraction } from '../../proto/random.ts';
import { seeded } from './fixture.ts';

const BACKOFF = { baseMs: 500, capMs: 60_000 };
const lowest = (length: number): Uint8Array => new Uint8Array(length);
const highest = (length: number): Uint8Array => new Uint8Array(length).fill(0xff);

test('a fraction is at least 0 and less than 1, and uses the bytes that it was given', () => {
  assert.equal(fraction(lowest), 0);
  assert.equal(fraction(highest), 1 - 2 ** -32);
  assert.equal(
    fraction(() => Uint8Array.of(0x80, 0, 0, 0)),
    0.5,
  );
  const pool = Uint8Array.of(9, 9, 9, 9, 0x40, 0, 0, 0);
  assert.equal(
    fraction(() => pool.subarray(4)),
    0.25,
    'a view into a pool is read at its own place',
  );
});

test('the ceiling doubles with each attempt until the cap, and stays there forever', () => {
  const ceilings = [0, 1, 2, 6, 7, 30, 31, 1_000, 1e9].map((attempt) =>
    fullJitterMs(BACKOFF, attempt, highest),
  );
  assert.deepEqual(ceilings, [499, 999, 1_999, 31_999, 59_999, 59_999, 59_999, 59_999, 59_999]);
});

test('a base of nothing is a delay of nothing, also after a million attempts', () => {
  assert.equal(fullJitterMs({ baseMs: 0, capMs: 1_000 }, 1e6, highest), 0);
});

test('the delay may be nothing, and is spread over the whole range', () => {
  assert.equal(fullJitterMs(BACKOFF, 20, lowest), 0);
  const random = seeded('jitter');
  const quarters = [0, 0, 0, 0];
  for (let i = 0; i < 2_000; i += 1) {
    const delay = fullJitterMs(BACKOFF, 9, random);
    assert.ok(Number.isInteger(delay) && delay >= 0 && delay < 60_000);
    const quarter = Math.floor(delay / 15_000);
    quarters[quarter] = (quarters[quarter] ?? 0) + 1;
  }
  for (const count of quarters) assert.ok(count > 400 && count < 600, quarters.join(' '));
});
