import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shell } from './machine.ts';
import { EXIT, machineOf } from './memory-machine.ts';

test('the timeout is measured by the clock and covers all tasks', async () => {
  const m = machineOf();
  const { run } = await m.start([shell('a'), shell('b')], { timeoutMs: 1_000 });
  await m.clock.advance(600);
  m.end(EXIT(0));
  await m.clock.settle();
  assert.equal(m.launches.length, 2);
  await m.clock.advance(399);
  assert.deepEqual(m.calls, []);
  await m.clock.advance(1);
  m.end({ kind: 'signalled', signal: 'SIGTERM' });
  await m.clock.advance(300);
  const result = await run.done;
  assert.equal(result.state, 'timed-out');
  assert.deepEqual(
    result.tasks.map(({ state, durationMs, signal }) => [state, durationMs, signal]),
    [
      ['succeeded', 600, undefined],
      ['timed-out', 400, 'SIGTERM'],
    ],
  );
  assert.equal(m.clock.pending, 0);
});

test('a run that ended has no timer left', async () => {
  const m = machineOf();
  const { run } = await m.start([shell('a')]);
  m.end(EXIT(0));
  assert.equal((await run.done).state, 'succeeded');
  assert.equal(m.clock.pending, 0);
});

test('a cancel that the last output provokes comes after the end, and changes nothing', async () => {
  const m = machineOf({ lastWords: 'bye' });
  const { run } = await m.start([shell('a')]);
  run.onOutput(() => run.terminate('cancel'));
  m.end(EXIT(0));
  const result = await run.done;
  assert.equal(result.state, 'succeeded');
  assert.equal(result.output.length, 3);
});

test('a cancel between two tasks skips the rest', async () => {
  const m = machineOf({ lastWords: 'one' });
  const { run } = await m.start([shell('a'), shell('b')]);
  run.onOutput(() => run.terminate('cancel'));
  m.end(EXIT(0));
  const result = await run.done;
  assert.equal(result.state, 'cancelled');
  assert.deepEqual(
    result.tasks.map((task) => task.state),
    ['succeeded', 'skipped'],
  );
});

test('a cancel between two tasks still ends what the first one left behind', async () => {
  const m = machineOf({ lastWords: 'one', stray: true });
  const { run } = await m.start([shell('a'), shell('b')], { killGraceMs: 1_000 });
  run.onOutput(() => run.terminate('cancel'));
  m.end(EXIT(0));
  await m.clock.advance(2_000);
  const result = await run.done;
  assert.deepEqual([result.state, result.leftover], ['cancelled', []]);
  assert.deepEqual(
    m.calls.filter((call) => !call.includes('CONT')),
    ['SIGTERM 7', 'SIGSTOP 7', 'SIGKILL 7'],
  );
});

test('what cannot be ended is named, and does not hold the result', async () => {
  const m = machineOf({ immortal: true });
  const { run } = await m.start([shell('a')], { killGraceMs: 1_000 });
  run.terminate('cancel');
  await m.clock.advance(7_000);
  const result = await run.done;
  assert.deepEqual([result.state, result.leftover], ['cancelled', [101, 7]]);
  assert.equal(result.reason, 'cancelled; could not be ended, process 101, 7');
});

test('an end that was not seen is interrupted, not failed, and stops the run', async () => {
  const m = machineOf();
  const { run } = await m.start([shell('a'), shell('b')]);
  m.end({ kind: 'unknown', reason: 'gone' });
  const result = await run.done;
  assert.deepEqual([result.state, result.reason], ['interrupted', 'gone']);
  assert.equal(m.launches.length, 1);
});

test('what keeps a command from starting is the reason of a failed run', async () => {
  const m = machineOf({
    launch() {
      throw new Error('EAGAIN: no more processes');
    },
  });
  const { run } = await m.start([shell('a')]);
  const result = await run.done;
  assert.deepEqual(
    [result.state, result.reason, result.tasks[0]?.exitCode],
    ['failed', 'the command could not be started: EAGAIN: no more processes', undefined],
  );
});

test('a run that was let go is not ended, not timed and never settles', async () => {
  const m = machineOf();
  const { run, letGo } = await m.start([shell('a')]);
  let settled = false;
  void run.done.then(() => {
    settled = true;
  });
  letGo();
  run.terminate('cancel');
  m.end(EXIT(0));
  await m.clock.advance(60_000);
  assert.equal(settled, false);
  assert.deepEqual(m.calls, ['detach', 'close']);
  assert.equal(m.clock.pending, 0);
});

test('a run that is let go while it is being ended is not waited for', async () => {
  const m = machineOf({ immortal: true });
  const { run, letGo } = await m.start([shell('a')], { killGraceMs: 60_000 });
  run.terminate('cancel');
  await m.clock.advance(1_000);
  letGo();
  await m.clock.advance(1_000);
  assert.equal(m.clock.pending, 0);
});

test('a pause before the start holds what is started later', async () => {
  const m = machineOf();
  const { run } = await m.start([shell('a'), shell('b')]);
  run.pause();
  m.end(EXIT(0));
  await m.clock.settle();
  assert.deepEqual(m.calls, ['pause', 'pause']);
  run.resume();
  m.end(EXIT(0));
  await run.done;
  assert.equal(m.calls.at(-1), 'resume');
  await run.dispose();
  assert.equal(m.calls.filter((call) => call.startsWith('clear /spool/')).length, 1);
});
