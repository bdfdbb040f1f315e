import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Ending } from '../../../agent/executor/shim.ts';
import { outcomeOf } from '../../../agent/runs/ending.ts';

const ok: Ending = { kind: 'exited', exitCode: 0 };
const bad: Ending = { kind: 'exited', exitCode: 3 };

function outcome(tasks: number, ...endings: Ending[]) {
  return outcomeOf(endings, { tasks, startedAtMs: 10 }, 50);
}

describe('how a run ended that its agent did not see', () => {
  it('is known when every task said so', () => {
    const found = outcome(2, ok, ok);
    assert.equal(found?.state, 'succeeded');
    assert.deepEqual(
      found?.tasks.map((task) => task.exitCode),
      [0, 0],
    );
    assert.deepEqual(
      found?.output.gaps.map((gap) => gap.stream),
      ['stdout', 'stderr'],
    );
  });

  it('is known when one failed: the others never start', () => {
    const found = outcome(3, ok, bad);
    assert.deepEqual(
      found?.tasks.map((task) => task.state),
      ['succeeded', 'failed', 'skipped'],
    );
    assert.equal(found?.state, 'failed');
    assert.equal(outcome(1, { kind: 'signalled', signal: 'SIGKILL' })?.tasks[0]?.signal, 'SIGKILL');
  });

  it('is not known when a task is missing or said nothing', () => {
    assert.equal(outcome(2, ok), undefined);
    assert.equal(outcome(1), undefined);
    assert.equal(outcome(1, { kind: 'unknown', reason: '' }), undefined);
  });
});
