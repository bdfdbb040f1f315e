import assert from 'node:assert/strict';
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Task } from '../../../../agent/executor/run.ts';
import { createSteps } from '../../../../agent/executor/tasks/steps.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { machine, shell } from '../machine.ts';
import { fileTask, taskPorts } from './machine.ts';

const taskMachine = (t: TestContext) => machine(t, { steps: createSteps(taskPorts()), spares: 0 });

test('a file task says in the run’s output what it changed, and in the result that it did', async (t) => {
  const m = await taskMachine(t);
  const path = join(temporaryFolder(t), 'motd');
  const task: Task = { kind: 'file', ...fileTask(path) };
  const first = await m.carryOut([task, task]);
  assert.equal(first.stdout, `${path}: file made (4 bytes, mode 0644)\n`);
  assert.deepEqual(
    first.result.tasks.map(({ state, change }) => [state, change]),
    [
      ['succeeded', 'changed'],
      ['succeeded', 'unchanged'],
    ],
  );
  writeFileSync(path, 'other');
  const check = await m.carryOut(task, { check: true });
  assert.equal(check.result.tasks[0]?.change, 'would-change');
  assert.equal(readFileSync(path, 'utf8'), 'other');
});

test('a task that is refused fails with the reason, and ends the run', async (t) => {
  const m = await taskMachine(t);
  const folder = temporaryFolder(t);
  symlinkSync('/etc', join(folder, 'link'));
  const { result } = await m.carryOut([
    { kind: 'file', ...fileTask(join(folder, 'link', 'motd')) },
    shell('touch ran'),
  ]);
  assert.equal(result.state, 'failed');
  assert.match(result.reason ?? '', /has the symbolic link link on the way/);
  assert.deepEqual(
    result.tasks.map(({ state }) => state),
    ['failed', 'skipped'],
  );
});

test('a guard that holds keeps any kind of task from being done, in a check as well', async (t) => {
  const m = await taskMachine(t);
  const folder = temporaryFolder(t);
  const there = join(folder, 'there');
  symlinkSync('nowhere', there);
  const file = { kind: 'file', ...fileTask(join(folder, 'made')) } as const;
  for (const check of [false, true])
    for (const [guard, reason] of [
      [{ creates: there, unless: '' }, `guard: ${there} exists`],
      [{ creates: '', unless: 'echo unheard; true' }, 'guard: the unless command exited with 0'],
      [{ creates: join(folder, 'gone'), unless: 'true' }, 'guard: the unless command exited with 0'],
    ] as const)
      for (const task of [file, shell(`touch ${join(folder, 'made')}`)]) {
        const { result, stdout } = await m.carryOut({ ...task, guard }, { check });
        const [only] = result.tasks;
        assert.deepEqual([only?.state, only?.change, only?.reason], ['succeeded', 'unchanged', reason]);
        assert.deepEqual([stdout, result.reason], ['', undefined]);
      }
  assert.ok(!existsSync(join(folder, 'made')));
});

test('a guard that does not hold changes nothing of its task', async (t) => {
  const m = await taskMachine(t);
  const folder = temporaryFolder(t);
  const file = join(folder, 'not', 'a', 'folder');
  writeFileSync(join(folder, 'not'), '');
  for (const guard of [
    { creates: join(folder, 'gone'), unless: '' },
    { creates: file, unless: 'exit 1' },
    { creates: '', unless: 'no-such-command' },
    { creates: '', unless: 'kill -9 $$' },
  ]) {
    const { result, stdout } = await m.carryOut({ ...shell('echo done'), guard });
    assert.deepEqual([result.state, stdout], ['succeeded', 'done\n'], JSON.stringify(guard));
  }
});

test('a guard whose end nobody saw is not guessed, and what it guards is not begun', async (t) => {
  const m = await taskMachine(t);
  const guard = { creates: '', unless: 'kill -9 $PPID' };
  const { result, stdout } = await m.carryOut({ ...shell('echo done'), guard });
  assert.deepEqual([result.state, stdout], ['failed', '']);
  assert.match(result.reason ?? '', /^guard: the process that watches the command was killed/);
});

test('the run’s timeout ends a guard', async (t) => {
  const m = await taskMachine(t);
  const guard = { creates: '', unless: 'sleep 60' };
  const { result } = await m.carryOut({ ...shell('echo done'), guard }, { timeoutMs: 300 });
  assert.equal(result.state, 'timed-out');
});

test('in a check, a file may wait for the folder or the owner that an earlier task would make', async (t) => {
  const m = await taskMachine(t);
  const folder = join(temporaryFolder(t), 'app');
  const tasks: Task[] = [
    { kind: 'file', ...fileTask(folder, { state: 'directory' }) },
    { kind: 'file', ...fileTask(join(folder, 'f')) },
    { kind: 'file', ...fileTask(join(folder, 'f'), { owner: 'nobody-yet' }) },
  ];
  const { result, stdout } = await m.carryOut(tasks, { check: true });
  assert.deepEqual(
    result.tasks.map(({ state, change }) => [state, change]),
    Array(3).fill(['succeeded', 'would-change']),
  );
  assert.deepEqual(stdout.trim().split('\n').slice(1), [
    `${folder}/f: the folder app on the way is not there; an earlier task may bring it`,
    'there is no user "nobody-yet" on this machine; an earlier task may bring it',
  ]);
  assert.equal((await m.carryOut(tasks.slice(1), { check: true })).result.state, 'failed');
});
