import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Contact } from '../../../agent/executor/confirming.ts';
import type { Run, Task } from '../../../agent/executor/run.ts';
import { memoryLog } from '../../support/memory-log.ts';
import { shell } from './machine.ts';
import { EXIT, machineOf } from './memory-machine.ts';

const WITHIN_MS = 30_000;
const undoable = (...back: string[]): Task => ({
  ...shell('change'),
  undo: { withinMs: WITHIN_MS, tasks: back.map((line) => shell(line)) },
});

/** A controller that answers once it is let. */
function line() {
  const waiting = new Set<() => void>();
  const contact: Contact = (signal) =>
    new Promise((resolve) => {
      waiting.add(resolve);
      signal.addEventListener('abort', () => waiting.delete(resolve));
    });
  return { contact, answer: () => [...waiting].map((resolve) => resolve()), asked: () => waiting.size };
}

type Machine = ReturnType<typeof machineOf>;
const lines = (m: Machine): string[] =>
  m.launches
    .map(({ command }) => JSON.stringify(command))
    .map((text) => ['change', 'back', 'again', 'next'].find((word) => text.includes(word)) ?? text);
const codes = async (run: Run) => (await run.done).tasks.map(({ state, code }) => [state, code]);

test('the next task begins once the controller has answered, and not before', async () => {
  const { contact, answer } = line();
  const m = machineOf({ contact });
  const { run } = await m.start([undoable('back'), shell('next')]);
  m.end(EXIT(0));
  await m.clock.advance(WITHIN_MS - 1);
  assert.deepEqual(lines(m), ['change']);
  answer();
  await m.clock.settle();
  assert.deepEqual(lines(m), ['change', 'next']);
  m.end(EXIT(0));
  assert.deepEqual(await codes(run), [
    ['succeeded', undefined],
    ['succeeded', undefined],
  ]);
  assert.equal(m.clock.pending, 0);
});

test('what the controller was asked before the task ended proves nothing', async () => {
  const { contact, asked } = line();
  const m = machineOf({ contact });
  await m.start([undoable('back')]);
  assert.equal(asked(), 0);
  m.end(EXIT(0));
  await m.clock.settle();
  assert.equal(asked(), 1);
});

for (const [what, first, state] of [
  ['succeeded', EXIT(0), 'failed'],
  ['failed', EXIT(4), 'failed'],
  ['was cut down', { kind: 'unknown', reason: 'gone' } as const, 'interrupted'],
] as const)
  test(`a change that ${what} is taken back where there is no answer, and what follows is skipped`, async () => {
    const m = machineOf();
    const { run } = await m.start([undoable('back', 'again'), shell('next')]);
    m.end(first);
    await m.clock.advance(WITHIN_MS);
    assert.deepEqual(lines(m), ['change', 'back']);
    m.end(EXIT(0));
    await m.clock.settle();
    m.end(EXIT(0));
    assert.deepEqual(await codes(run), [
      [state, 'undone'],
      ['skipped', undefined],
    ]);
    assert.deepEqual(lines(m), ['change', 'back', 'again']);
    assert.match((await run.done).reason ?? '', /was not reached within 30 s after it; it was taken back/);
    assert.equal(m.clock.pending, 0);
  });

test('taking back goes up to the first step that fails, and says which', async () => {
  const m = machineOf();
  const { run } = await m.start([undoable('back', 'again')]);
  m.end(EXIT(0));
  await m.clock.advance(WITHIN_MS);
  m.end(EXIT(9));
  assert.deepEqual(await codes(run), [['failed', 'undo-failed']]);
  assert.deepEqual(lines(m), ['change', 'back']);
  assert.match((await run.done).reason ?? '', /taking it back failed: its step 1 of 2: exit status 9/);
});

test('neither a cancel nor the time of the run ends the waiting or the taking back', async () => {
  const m = machineOf();
  const { run } = await m.start([undoable('back'), shell('next')], { timeoutMs: 20_000 });
  m.end(EXIT(0));
  await m.clock.advance(25_000);
  run.terminate('cancel');
  await m.clock.advance(5_000);
  assert.deepEqual(lines(m), ['change', 'back']);
  m.end(EXIT(0));
  const result = await run.done;
  assert.deepEqual(
    [result.state, result.tasks[0]?.code, result.tasks[1]?.state],
    ['cancelled', 'undone', 'skipped'],
  );
});

test('the waiting is not counted as time of the run', async () => {
  const { contact, answer } = line();
  const m = machineOf({ contact });
  const { run } = await m.start([undoable('back'), shell('next')], { timeoutMs: 20_000 });
  await m.clock.advance(5_000);
  m.end(EXIT(0));
  await m.clock.advance(25_000);
  answer();
  await m.clock.advance(14_000);
  m.end(EXIT(0));
  assert.equal((await run.done).state, 'succeeded');
});

test('what had nothing to do, and what is only checked, is not waited for', async () => {
  const steps = {
    holds: async () => true,
    carryOut: async () => ({ state: 'succeeded', change: 'unchanged' }) as const,
  };
  const m = machineOf({ steps });
  const guarded = await m.start([{ ...undoable('back'), guard: { unless: '', creates: '/x' } }]);
  assert.deepEqual(await codes(guarded.run), [['succeeded', undefined]]);
  const checked = await m.start([undoable('back')], { check: true });
  assert.deepEqual(await codes(checked.run), [['succeeded', undefined]]);
  assert.deepEqual(lines(m), []);
});

/** An agent that is let go of at this point, and one after it on what was written. */
async function afterDeath(
  upTo: (m: Machine) => Promise<void>,
  { contact, restarted = false }: { contact?: Contact; restarted?: boolean } = {},
) {
  const log = memoryLog();
  const first = machineOf({ log });
  const { letGo } = await first.start([undoable('back', 'again'), shell('next')]);
  await upTo(first);
  letGo();
  const m = machineOf({ log: memoryLog({ bytes: log.bytes }), ...(contact && { contact }) });
  const bootIds = { before: 'a', now: restarted ? 'b' : 'a' };
  const { run } = await m.start([undoable('back', 'again'), shell('next')], {}, { restarted, bootIds });
  return { m, run, before: lines(first) };
}

test('an agent that died while it waited is followed by one that waits on, for a fair time, and takes back', async () => {
  const { m, run, before } = await afterDeath(async (first) => {
    first.end(EXIT(0));
    await first.clock.advance(1_000);
  });
  await m.clock.advance(WITHIN_MS);
  assert.deepEqual([...before, ...lines(m)], ['change', 'back']);
  m.end(EXIT(0));
  await m.clock.settle();
  m.end(EXIT(0));
  assert.deepEqual(await codes(run), [
    ['failed', 'undone'],
    ['skipped', undefined],
  ]);
});

test('in another boot it is waited for anew, and an answer makes the change count', async () => {
  const { contact, answer } = line();
  const { m, run } = await afterDeath(
    async (first) => {
      first.end(EXIT(0));
      await first.clock.advance(1_000);
    },
    { contact, restarted: true },
  );
  await m.clock.advance(WITHIN_MS - 1);
  answer();
  await m.clock.settle();
  const result = await run.done;
  assert.deepEqual(lines(m), []);
  assert.equal(result.tasks[0]?.state, 'succeeded');
  assert.equal(result.tasks[0]?.code, undefined);
});

test('a machine that went down in the midst of the change takes it back where the controller does not answer', async () => {
  const { m, run, before } = await afterDeath(async () => {}, { restarted: true });
  await m.clock.advance(WITHIN_MS);
  assert.deepEqual([...before, ...lines(m)], ['change', 'back']);
  m.end(EXIT(0));
  await m.clock.settle();
  m.end(EXIT(0));
  const [first] = await codes(run);
  assert.deepEqual(first, ['interrupted', 'undone']);
});

test('what was being taken back is gone on with at its step, and not waited for again', async () => {
  const { m, run, before } = await afterDeath(
    async (first) => {
      first.end(EXIT(0));
      await first.clock.advance(WITHIN_MS);
      first.end(EXIT(0));
      await first.clock.settle();
    },
    { restarted: true },
  );
  assert.deepEqual(before, ['change', 'back', 'again']);
  assert.deepEqual(lines(m), ['again']);
  m.end(EXIT(0));
  assert.deepEqual((await codes(run))[0], ['failed', 'undone']);
});

test('a change that counts is not waited for again, whatever becomes of the agent then', async () => {
  const { contact, answer } = line();
  const log = memoryLog();
  const first = machineOf({ log, contact });
  const { letGo } = await first.start([undoable('back')]);
  first.end(EXIT(0));
  await first.clock.settle();
  answer();
  await first.clock.settle();
  letGo();
  const m = machineOf({ log: memoryLog({ bytes: log.bytes }) });
  const { run } = await m.start(
    [undoable('back')],
    {},
    { restarted: true, bootIds: { before: 'a', now: 'b' } },
  );
  assert.equal((await codes(run))[0]?.[0], 'succeeded');
  assert.deepEqual(lines(m), []);
});

test('what is taken back in another boot is begun there once, also where another agent follows in it', async () => {
  const more = { jobId: 'f'.repeat(32) };
  const task = `/spool/${more.jobId}-1-0`;
  const inBootB = { restarted: true, bootIds: { before: 'a', now: 'b' } };
  const ofFirst = memoryLog();
  const first = machineOf({ log: ofFirst });
  const { letGo } = await first.start([undoable('back')], more);
  first.end(EXIT(0));
  await first.clock.advance(WITHIN_MS);
  letGo();
  const ofSecond = memoryLog({ bytes: ofFirst.bytes });
  const second = machineOf({ log: ofSecond });
  (await second.start([undoable('back')], more, inBootB)).letGo();
  assert.deepEqual(second.calls.slice(0, 1), [`clear ${task}`]);
  assert.deepEqual(lines(second), ['back']);
  const looked: string[] = [];
  const third = machineOf({
    log: memoryLog({ bytes: ofSecond.bytes }),
    async find({ folder }) {
      looked.push(folder);
      return undefined;
    },
  });
  await third.start([undoable('back')], more, inBootB);
  assert.deepEqual(looked, [`${task}-undoa`]);
  assert.equal(third.calls.includes(`clear ${task}`), false);
});

test('what was only checked is not taken back by an agent that follows', async () => {
  const file = { kind: 'file', path: '/x' } as unknown as Task;
  const tasks = [{ ...file, undo: { withinMs: WITHIN_MS, tasks: [shell('back')] } }];
  const holds = async () => false;
  const log = memoryLog();
  const first = machineOf({ log, steps: { holds, carryOut: () => new Promise(() => {}) } });
  (await first.start(tasks, { check: true })).letGo();
  assert.ok(Buffer.from(log.bytes()).includes('"began":0'));
  const carryOut = async () => ({ state: 'succeeded', change: 'would-change' }) as const;
  const m = machineOf({ log: memoryLog({ bytes: log.bytes }), steps: { holds, carryOut } });
  const { run } = await m.start(tasks, { check: true }, {});
  await m.clock.advance(WITHIN_MS);
  assert.deepEqual(lines(m), []);
  assert.deepEqual(await codes(run), [['succeeded', undefined]]);
});

for (const [when, ended] of [
  ['waits', true],
  ['is taken back', false],
] as const)
  test(`a cancel while a change ${when} ends nothing of what took it back`, async () => {
    const m = machineOf({ stray: true });
    const { run } = await m.start([undoable('back'), shell('next')]);
    m.end(EXIT(0));
    await m.clock.advance(1_000);
    if (ended) run.terminate('cancel');
    await m.clock.advance(WITHIN_MS + 10_000);
    assert.deepEqual(lines(m), ['change', 'back']);
    assert.equal(m.calls.includes('SIGTERM 7'), ended);
    m.calls.length = 0;
    if (!ended) run.terminate('cancel');
    m.end(EXIT(0));
    await m.clock.advance(10_000);
    assert.equal((await run.done).state, 'cancelled');
    assert.deepEqual((await codes(run))[0], ['failed', 'undone']);
    assert.deepEqual(
      m.calls.filter((call) => call.startsWith('SIG')),
      [],
    );
  });

test('the waiting is not counted as time of the run by an agent that follows either', async () => {
  const { contact, answer } = line();
  const log = memoryLog();
  const first = machineOf({ log });
  const tasks = [undoable('back'), shell('next')];
  const { letGo } = await first.start(tasks);
  first.end(EXIT(0));
  await first.clock.advance(25_000);
  letGo();
  const m = machineOf({ log: memoryLog({ bytes: log.bytes }), contact });
  await m.clock.advance(26_000);
  const { run } = await m.start(tasks, { timeoutMs: 20_000 }, {}, 26_000);
  answer();
  await m.clock.advance(15_000);
  assert.deepEqual(lines(m), ['next']);
  m.end(EXIT(0));
  assert.equal((await run.done).state, 'succeeded');
});
