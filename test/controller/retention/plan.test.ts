import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agedOut, excessBytes, type Keep, spareBytes } from '../../../controller/retention/plan.ts';

const FOR_EVER: Keep = { jobsMs: null, outputMs: null, outputBytes: null };
const MIB = 1024 * 1024;

test('what is kept for ever is never meant', () => {
  assert.deepEqual(agedOut(FOR_EVER, 1_000), []);
  assert.equal(excessBytes(FOR_EVER, 2 ** 50), 0);
});

test('output goes before its job, and is not asked for where the job goes first', () => {
  const cases: [Partial<Keep>, ReturnType<typeof agedOut>][] = [
    [
      { jobsMs: 90, outputMs: 30 },
      [
        { what: 'jobs', endedBeforeMs: 910 },
        { what: 'output', endedBeforeMs: 970 },
      ],
    ],
    [{ jobsMs: 30, outputMs: 90 }, [{ what: 'jobs', endedBeforeMs: 970 }]],
    [{ outputMs: 30 }, [{ what: 'output', endedBeforeMs: 970 }]],
    [{ jobsMs: 90 }, [{ what: 'jobs', endedBeforeMs: 910 }]],
  ];
  for (const [keep, scopes] of cases) assert.deepEqual(agedOut({ ...FOR_EVER, ...keep }, 1_000), scopes);
});

test('past the limit a little more goes than has to, and nothing below it', () => {
  const keep = { ...FOR_EVER, outputBytes: 1_000 };
  assert.equal(excessBytes(keep, 1_000), 0);
  assert.equal(excessBytes(keep, 1_001), 51);
});

test('a database gives back what it will not need soon, and nothing where that is little', () => {
  const at = (mib: number, freeMib: number, full = false) =>
    spareBytes({ bytes: mib * MIB, freeBytes: freeMib * MIB }, full) / MIB;
  assert.equal(at(100, 64), 0);
  assert.equal(at(1000, 240), 0);
  assert.equal(at(1000, 900), 700);
  assert.equal(at(100, 64, true), 64, 'all of it where the disk is full');
});
