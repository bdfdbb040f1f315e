import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Counts, RUN_STATES } from '../../../controller/api/contract.ts';
import { countOf, exitStatus, VERDICT } from '../../../controller/cli/exit-status.ts';

test('the exit status says how a job went', () => {
  const table: [Counts, number][] = [
    [{ succeeded: 38 }, 0],
    [{ succeeded: 37, failed: 1 }, 1],
    [{ succeeded: 37, 'timed-out': 1 }, 1],
    [{ succeeded: 37, cancelled: 1 }, 1],
    [{ succeeded: 37, rejected: 1 }, 1],
    [{ succeeded: 37, expired: 1 }, 4],
    [{ succeeded: 37, lost: 1 }, 4],
    [{ succeeded: 37, interrupted: 1 }, 4],
    [{ expired: 38 }, 4],
    [{ failed: 1, lost: 1, expired: 5 }, 1],
    [{}, 3],
    [{ succeeded: 37, running: 1 }, 130],
    [{ failed: 37, queued: 1 }, 130],
    [{ sent: 1 }, 130],
    [{ accepted: 1 }, 130],
  ];
  for (const [counts, status] of table) assert.equal(exitStatus(counts), status, JSON.stringify(counts));
});

test('every state of a run has a verdict, and none is lost in the counts', () => {
  for (const state of RUN_STATES) {
    const counts: Counts = { [state]: 3 };
    assert.equal(countOf(counts, VERDICT[state]), 3, state);
  }
});
