import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TaskResult } from '../../../../controller/api/contract.ts';
import { plain } from '../../../../controller/cli/output/paint.ts';
import {
  changeOf,
  renderChanges,
  renderTaskCounts,
  renderTaskLines,
} from '../../../../controller/cli/output/task-results.ts';

const TASKS = ['packages are fresh', 'the site is there', '\x1b[2Jcurl'];

const result = (index: number, more: Partial<TaskResult> = {}): TaskResult => ({
  ...{ index, state: 'succeeded', exitCode: 0, signal: null, durationMs: 1200, change: null },
  ...{ reason: null, code: null, outputFrom: 0, outputTo: 0 },
  ...more,
});

test("one host's tasks are a line each, with what became of them and why", () => {
  const results = [
    result(0, { change: 'unchanged', durationMs: 12, reason: 'guard: unless' }),
    result(1, { state: 'failed', exitCode: 3, reason: 'no space' }),
    result(2, { state: 'skipped', exitCode: null, durationMs: 0 }),
  ];
  assert.deepEqual(renderTaskLines(TASKS, results, plain), [
    '  task 1/3 packages are fresh: unchanged in 12 ms (guard: unless)',
    '  task 2/3 the site is there: failed, exit 3 in 1.2 s (no space)',
    '  task 3/3 \\x1b[2Jcurl: skipped',
  ]);
});

test('each way in which a task can end has its own word', () => {
  const table: [Partial<TaskResult>, string][] = [
    [{ change: 'changed' }, 'changed'],
    [{ change: 'unchanged' }, 'unchanged'],
    [{ change: 'would-change' }, 'would change'],
    [{ change: null }, 'succeeded'],
    [{ state: 'failed', exitCode: 7 }, 'failed, exit 7'],
    [{ state: 'failed', exitCode: null, signal: 'SIGSEGV' }, 'failed, SIGSEGV'],
    [{ state: 'failed', exitCode: null }, 'failed'],
    [{ state: 'timed-out', exitCode: null, signal: 'SIGKILL' }, 'timed-out, SIGKILL'],
    [{ state: 'cancelled', exitCode: null, signal: 'SIGTERM' }, 'cancelled, SIGTERM'],
    [{ state: 'interrupted', exitCode: null }, 'interrupted'],
  ];
  for (const [more, text] of table)
    assert.deepEqual(renderTaskLines(['a'], [result(0, more)], plain), [`  task 1/1 a: ${text} in 1.2 s`]);
});

test("many hosts' tasks are counted, each way for itself, and where it went wrong is named", () => {
  const well = { name: 'w', tasks: [result(0, { change: 'changed' }), result(1), result(2)] };
  const runs = [
    ...Array.from({ length: 30 }, () => well),
    { name: 'w', tasks: [result(0, { change: 'unchanged' }), result(1), result(2)] },
    ...['db-1', 'db-2'].map((name) => ({
      name,
      tasks: [
        result(0, { change: 'unchanged' }),
        result(1, { state: 'failed' }),
        result(2, { state: 'skipped' }),
      ],
    })),
    ...Array.from({ length: 10 }, (_, i) => ({
      name: `x-${i}`,
      tasks: [result(0, { state: 'timed-out' })],
    })),
    { name: 'lost', tasks: [] },
  ];
  assert.deepEqual(renderTaskCounts(TASKS, runs, plain), [
    '  task 1/3 packages are fresh: 30 changed, 3 unchanged, 10 timed-out (x-0,x-1,x-2,x-3,x-4,x-5,x-6,x-7 and 2 more)',
    '  task 2/3 the site is there: 31 succeeded, 2 failed (db-1,db-2)',
    '  task 3/3 \\x1b[2Jcurl: 31 succeeded, 2 skipped',
  ]);
});

test('a run changed something where one of its tasks did; where nobody knows nothing is claimed', () => {
  assert.equal(changeOf([result(0), result(1, { change: 'unchanged' })]), 'unchanged');
  assert.equal(changeOf([result(0, { change: 'unchanged' }), result(1, { change: 'changed' })]), 'changed');
  assert.equal(changeOf([result(0)]), null);
  assert.equal(changeOf([]), null);
  const runs = [[result(0, { change: 'changed' })], [result(0, { change: 'unchanged' })], [result(0)]];
  assert.equal(
    renderChanges(
      runs.map((tasks) => ({ tasks })),
      plain,
    ),
    '1 changed, 1 unchanged',
  );
});
