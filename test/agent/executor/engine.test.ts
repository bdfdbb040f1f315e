import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type EngineOptions, startRun } from '../../../agent/executor/engine.ts';
import type { Launch, Process, Processes } from '../../../agent/executor/process.ts';
import type { CheckedRun, RunSpec, Task } from '../../../agent/executor/run.ts';
import type { Ending } from '../../../agent/executor/shim.ts';
import { NO_STEPS } from '../../../agent/executor/step.ts';
import { memoryLog } from '../../support/memory-log.ts';
import { virtualClock } from '../../support/virtual-clock.ts';
import { beginning, bytes, shell, specOf } from './machine.ts';

/** Processes in memory, whose end is told by the test; KILL ends them, if it may. */
function machineOf(
  options: { immortal?: boolean; stray?: boolean; launch?: () => void; lastWords?: string } = {},
) {
  const clock = virtualClock();
  const launches: Launch[] = [];
  const calls: string[] = [];
  let end: (ending: Ending) => void = () => {};
  let alive = false;
  let stray = options.stray ?? false;

  const processes: Processes = {
    async launch(launch, signal) {
      options.launch?.();
      await Promise.resolve();
      signal.throwIfAborted();
      launches.push(launch);
      alive = true;
      const over = new AbortController();
      const ended = new Promise<Ending>((resolve) => {
        end = (ending) => {
          alive = false;
          over.abort();
          resolve(ending);
        };
      });
      const process: Process = {
        root: { pid: 100 + launches.length, startTicks: launches.length },
        end: over.signal,
        ended,
        pause: () => calls.push('pause'),
        resume: () => calls.push('resume'),
        drain() {
          if (options.lastWords) launch.onData('stdout', bytes(options.lastWords));
          return false;
        },
        release() {},
        detach: () => calls.push('detach'),
      };
      return process;
    },
    find: async () => undefined,
    clear: async (base) => void calls.push(`clear ${base}`),
  };
  const engine: EngineOptions = {
    clock,
    spoolDir: '/spool',
    processes,
    programs: { find: (name) => ({ path: name }), isDirectory: () => true, isOpenToAll: () => true },
    spared: [],
    steps: NO_STEPS,
    openLog: () => memoryLog({ close: () => calls.push('close') }),
    table: {
      hold: () => () => {},
      snapshot: () =>
        (alive && options.immortal) || stray
          ? [{ pid: 7, startTicks: 5, ppid: 101, session: 7, state: 'D', marked: true }]
          : [],
      signal(id, signal) {
        calls.push(`${signal} ${id.pid}`);
        if (signal === 'SIGKILL') stray = false;
        return true;
      },
    },
  };
  const account = { name: 'a', uid: 1, gid: 1, home: '/', shell: '/bin/sh' };
  return {
    clock,
    calls,
    launches,
    end: (ending: Ending) => end(ending),
    async start(tasks: Task[], more: Partial<RunSpec> = {}) {
      const checked: CheckedRun = { spec: specOf(tasks, more), account, otherUser: false, cwd: '/' };
      const started = startRun(engine, checked, { ...beginning(), startedAtMs: clock.now() });
      await clock.settle();
      return started;
    },
  };
}

const EXIT = (exitCode: number): Ending => ({ kind: 'exited', exitCode });

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
