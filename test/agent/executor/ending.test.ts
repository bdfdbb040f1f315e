import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { beginning, fixture, machine, shell, specOf, survivors, textOf, until, written } from './machine.ts';

test('a program that ignores TERM is killed after the grace, and nothing of it is left', async (t) => {
  const m = await machine(t);
  const { result, jobId } = await m.carryOut(fixture('stubborn.sh'), { timeoutMs: 200, killGraceMs: 200 });
  assert.equal(result.state, 'timed-out');
  assert.equal(result.reason, 'ran longer than 0.2 s');
  assert.deepEqual(
    result.tasks.map(({ state, signal }) => ({ state, signal })),
    [{ state: 'timed-out', signal: 'SIGKILL' }],
  );
  assert.deepEqual(result.leftover, []);
  assert.deepEqual(survivors(jobId), []);
  assert.ok(result.durationMs >= 400 && result.durationMs < 2_000, `${result.durationMs} ms`);
});

test('a program that heeds TERM ends within the grace, with its last words', async (t) => {
  const m = await machine(t);
  const line = 'trap "echo bye; exit 9" TERM; echo ready; while :; do sleep 0.02; done';
  const { run } = await m.start(shell(line), { killGraceMs: 20_000 });
  await written(run, 'ready\n');
  run.terminate('cancel');
  const result = await run.done;
  assert.equal(result.state, 'cancelled');
  assert.equal(result.tasks[0]?.exitCode, 9);
  assert.equal(textOf(run, 'stdout'), 'ready\nbye\n');
  assert.ok(result.durationMs < 5_000);
});

test('those who left by setsid, double fork, nohup or an empty environment are ended too', async (t) => {
  const m = await machine(t);
  const { run, jobId } = await m.start(fixture('escapes.sh'), { killGraceMs: 150 });
  await written(run, 'ready\n');
  assert.ok(survivors(jobId).length >= 4);
  run.terminate('cancel');
  const result = await run.done;
  assert.equal(result.state, 'cancelled');
  assert.deepEqual(result.leftover, []);
  assert.deepEqual(survivors(jobId), []);
});

test('a stopped child is woken to hear TERM', async (t) => {
  const m = await machine(t);
  const { run } = await m.start(fixture('stopped.sh'), { killGraceMs: 20_000 });
  await written(run, 'ready\n');
  run.terminate('cancel');
  const result = await run.done;
  assert.match(textOf(run, 'stdout'), /heard/);
  assert.ok(result.durationMs < 5_000);
});

test('a program that forks all the time does not outrun its end', async (t) => {
  const m = await machine(t);
  const { run, jobId } = await m.start(fixture('forks.sh', '400'), { killGraceMs: 100 });
  await written(run, 'ready\n');
  run.terminate('cancel');
  const result = await run.done;
  assert.deepEqual(result.leftover, []);
  assert.deepEqual(survivors(jobId), []);
});

test('a run that stopped its whole group, shim included, is ended', async (t) => {
  const m = await machine(t);
  const { run, jobId } = await m.start(shell('echo ready; kill -STOP 0; sleep 60'), { killGraceMs: 5_000 });
  await written(run, 'ready\n');
  const shim = Number.parseInt(readFileSync(`${m.spoolDir}/${jobId}-1-0/pid`, 'utf8'), 10);
  await until(() => / \(.*\) T /.test(readFileSync(`/proc/${shim}/stat`, 'utf8')), 'the shim is stopped');
  run.terminate('cancel');
  const result = await run.done;
  assert.equal(result.state, 'cancelled');
  assert.equal(result.tasks[0]?.signal, 'SIGTERM');
  assert.deepEqual(survivors(jobId), []);
});

test('a shim that was killed leaves the outcome unknown, and what it watched is ended', async (t) => {
  const m = await machine(t);
  const { run, jobId } = await m.start(shell('echo ready; sleep 60; kill -KILL 0'), { killGraceMs: 1_000 });
  await written(run, 'ready\n');
  const shim = Number.parseInt(readFileSync(`${m.spoolDir}/${jobId}-1-0/pid`, 'utf8'), 10);
  process.kill(shim, 'SIGKILL');
  const result = await run.done;
  assert.equal(result.state, 'interrupted');
  assert.match(result.reason ?? '', /was killed by SIGKILL; its end was not seen/);
  assert.deepEqual(survivors(jobId), []);
});

test('the first cause wins, and one that comes after the end changes nothing', async (t) => {
  const m = await machine(t);
  const { run } = await m.start(shell('sleep 60'));
  run.terminate('cancel');
  run.terminate('timeout');
  assert.equal((await run.done).state, 'cancelled');

  const late = await m.carryOut(shell('exit 0'));
  late.run.terminate('cancel');
  assert.equal((await late.run.done).state, 'succeeded');
});

test('a cancel before the command was started starts nothing', async (t) => {
  const m = await machine(t);
  const checked = await m.executor.check(specOf([shell('echo started'), shell('echo second')]));
  const run = m.executor.start(checked, beginning());
  run.terminate('cancel');
  const result = await run.done;
  assert.equal(result.state, 'cancelled');
  assert.deepEqual(
    result.tasks.map((task) => [task.state, task.exitCode]),
    [
      ['cancelled', undefined],
      ['skipped', undefined],
    ],
  );
  assert.equal(textOf(run, 'stdout'), '');
  assert.deepEqual(
    readdirSync(m.spoolDir).filter((name) => name.startsWith(checked.spec.jobId)),
    [],
  );
});

test('an agent that ends its runs leaves their effect unknown', async (t) => {
  const m = await machine(t);
  const { run } = await m.start(shell('echo ready; exec sleep 60'));
  await written(run, 'ready\n');
  run.terminate('stop');
  const result = await run.done;
  assert.equal(result.state, 'interrupted');
  assert.equal(result.reason, 'the agent stopped and ended its runs');
});

test('the timeout is of the whole run, and ends what an earlier task left behind', async (t) => {
  const m = await machine(t);
  const { result, jobId } = await m.carryOut(
    [shell('setsid sleep 60 >/dev/null 2>&1 &'), shell('sleep 0.2'), shell('sleep 60'), shell('echo no')],
    { timeoutMs: 600 },
  );
  assert.deepEqual(
    result.tasks.map((task) => task.state),
    ['succeeded', 'succeeded', 'timed-out', 'skipped'],
  );
  assert.deepEqual(survivors(jobId), []);
});

test('another job is left alone', async (t) => {
  const m = await machine(t);
  const other = await m.start(shell('echo ready; exec sleep 60'));
  await written(other.run, 'ready\n');
  const { run } = await m.start(shell('echo ready; exec sleep 60'));
  await written(run, 'ready\n');
  run.terminate('cancel');
  await run.done;
  assert.equal(survivors(other.jobId).length, 1);
  other.run.terminate('cancel');
  await other.run.done;
});
