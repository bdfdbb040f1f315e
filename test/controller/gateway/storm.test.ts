import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ADMISSION, createAdmission } from '../../../controller/gateway/admission.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { returnOf } from './storm.ts';

const AGENTS = 10_000;
/** The least that it can take: so many a second, behind the first burst. */
const LEAST_MS = ((AGENTS - ADMISSION.burst) / ADMISSION.perSecond) * 1000;

/** The most that happened within any second. */
function mostPerSecond(timesMs: readonly number[]): number {
  let most = 0;
  for (let first = 0, last = 0; last < timesMs.length; last++) {
    while ((timesMs[last] ?? 0) - (timesMs[first] ?? 0) >= 1_000) first += 1;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

for (const [what, awayMs] of [
  ['a restart of a second', 1_000],
  ['half a minute', 30_000],
  ['ten minutes', 600_000],
] as const) {
  test(`10,000 agents after ${what} without their controller: admitted at the rate, and all of them soon`, () => {
    const { admittedMs, refusedMs, mostTries } = returnOf(AGENTS, ADMISSION, awayMs, what);
    assert.equal(admittedMs.length, AGENTS);
    assert.ok(mostPerSecond(admittedMs) <= ADMISSION.burst + ADMISSION.perSecond);
    // Whoever was turned away and whoever had backed off for a minute are in: nobody stays out.
    assert.ok((admittedMs.at(-1) ?? 0) < LEAST_MS + 65_000, `the last after ${admittedMs.at(-1)} ms`);
    assert.ok(refusedMs.length <= AGENTS, `${refusedMs.length} were turned away`);
    assert.ok(mostTries <= 5, `one needed ${mostTries} tries`);
  });
}

test('they come back spread out, and not all at the same moment again', () => {
  const { admittedMs, refusedMs } = returnOf(AGENTS, ADMISSION, 60_000, 'spread');
  const perSecond = mostPerSecond([...admittedMs, ...refusedMs].sort((a, b) => a - b));
  assert.ok(perSecond < AGENTS / 10, `${perSecond} came within one second`);
});

test('strangers who knock without end do not book the door for longer than a minute', () => {
  const admission = createAdmission(ADMISSION, { monotonicMs: () => 0 }, seededRandom('strangers'));
  for (let knock = 0; knock < 100_000; knock++) admission.ask();
  assert.ok(admission.ask() < 70_000);
});
