import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Guard, Task } from '../../../agent/executor/run.ts';
import type { StepContext, Steps } from '../../../agent/executor/step.ts';
import { machine, shell, written } from './machine.ts';

const SERVICE: Task = { kind: 'service', unit: 'x', state: 'started', enabled: '' };
const GUARD: Guard = { unless: 'x', creates: '' };

function steps(change: Partial<Steps>): Steps {
  return { holds: async () => false, carryOut: async () => ({ state: 'succeeded' }), ...change };
}

test('a step takes its turn between commands, and what it says is in the result', async (t) => {
  const m = await machine(t, {
    steps: steps({
      async carryOut(task, context) {
        context.write('stdout', Buffer.from(`${task.kind} ${context.index}\n`));
        return { state: 'succeeded', change: 'changed', reason: 'why not' };
      },
    }),
  });
  const { result, stdout } = await m.carryOut([shell('echo a'), SERVICE, shell('echo b')]);
  assert.equal(stdout, 'a\nservice 1\nb\n');
  assert.deepEqual(
    result.tasks.map(({ state, change, outputFrom, outputTo }) => [state, change, outputFrom, outputTo]),
    [
      ['succeeded', undefined, 0, 2],
      ['succeeded', 'changed', 2, 12],
      ['succeeded', undefined, 12, 14],
    ],
  );
});

test('a step that fails or throws ends the run, and says why', async (t) => {
  const m = await machine(t, {
    steps: steps({
      carryOut: async () => {
        throw new Error('no such unit');
      },
    }),
  });
  const { result } = await m.carryOut([SERVICE, shell('true')]);
  assert.equal(result.state, 'failed');
  assert.equal(result.reason, 'no such unit');
  assert.deepEqual(
    result.tasks.map(({ state }) => state),
    ['failed', 'skipped'],
  );
});

test('an agent without steps says that it does not carry them out', async (t) => {
  const m = await machine(t);
  const { result } = await m.carryOut(SERVICE);
  assert.equal(result.state, 'failed');
  assert.equal(result.reason, 'not carried out by this agent');
});

test('a task whose guard holds is not begun, and nothing was changed', async (t) => {
  const asked: unknown[] = [];
  const m = await machine(t, {
    steps: steps({
      async holds(guard, { index }) {
        asked.push([guard, index]);
        return index === 0;
      },
    }),
  });
  const { result, stdout } = await m.carryOut([
    { ...shell('echo a'), guard: GUARD },
    { ...shell('echo b'), guard: GUARD },
  ]);
  assert.equal(stdout, 'b\n');
  assert.deepEqual(asked, [
    [GUARD, 0],
    [GUARD, 1],
  ]);
  assert.deepEqual(
    result.tasks.map(({ state, change }) => [state, change]),
    [
      ['succeeded', 'unchanged'],
      ['succeeded', undefined],
    ],
  );
});

test('to check is to start no command, but to ask guards and steps', async (t) => {
  const m = await machine(t, {
    steps: steps({
      holds: async () => true,
      carryOut: async (_task, { spec }) => ({
        state: 'succeeded',
        change: spec.check ? 'would-change' : 'changed',
      }),
    }),
  });
  const file = join(m.folder, 'was-run');
  const { result } = await m.carryOut(
    [shell(`touch ${file}`), { ...shell(`touch ${file}`), guard: GUARD }, SERVICE],
    { check: true },
  );
  assert.equal(existsSync(file), false);
  assert.deepEqual(
    result.tasks.map(({ state, change }) => [state, change]),
    [
      ['succeeded', 'would-change'],
      ['succeeded', 'unchanged'],
      ['succeeded', 'would-change'],
    ],
  );
});

test('a command of a step runs under the run, and its output is the run’s unless somebody takes it', async (t) => {
  const m = await machine(t, {
    steps: steps({
      async carryOut(_task, context) {
        const loud = await context.command('a', {
          argv: ['sh', '-c', 'cat; exit 3'],
          stdin: Buffer.from('in\n'),
        });
        const taken: string[] = [];
        const take = (stream: string, data: Uint8Array) =>
          void taken.push(stream, Buffer.from(data).toString());
        const quiet = await context.command('b', { argv: ['echo', 'unheard'], take });
        const none = await context.command('c', { argv: ['no-such-program'] });
        return { state: 'succeeded', reason: JSON.stringify([loud, quiet, none, taken]) };
      },
    }),
  });
  const { result, stdout } = await m.carryOut(SERVICE);
  assert.equal(stdout, 'in\n');
  assert.deepEqual(JSON.parse(result.tasks[0]?.reason ?? ''), [
    { kind: 'exited', exitCode: 3 },
    { kind: 'exited', exitCode: 0 },
    { kind: 'exited', exitCode: 127, reason: 'command not found: no-such-program' },
    ['stdout', 'unheard\n'],
  ]);
});

test('a cancel reaches a step through its signal, and its command through the process tree', async (t) => {
  const m = await machine(t, {
    steps: steps({
      async carryOut(_task, context) {
        const end = await context.command('x', { argv: ['sh', '-c', 'echo up; exec sleep 60'] });
        return { state: 'failed', reason: `${end.kind} ${context.signal.aborted}` };
      },
    }),
  });
  const { run } = await m.start([SERVICE, shell('echo never')]);
  await written(run, 'up');
  run.terminate('cancel');
  const result = await run.done;
  assert.equal(result.state, 'cancelled');
  assert.deepEqual(
    result.tasks.map(({ state, reason }) => [state, reason]),
    [
      ['cancelled', 'signalled true'],
      ['skipped', undefined],
    ],
  );
});

test('the folders of a step’s commands go with the run’s', async (t) => {
  let context: StepContext | undefined;
  const m = await machine(t, {
    steps: steps({
      async carryOut(_task, given) {
        context = given;
        await given.command('x', { argv: ['true'] });
        return { state: 'succeeded' };
      },
    }),
  });
  const { run, jobId } = await m.carryOut(SERVICE);
  assert.ok(context);
  assert.ok(existsSync(join(m.spoolDir, `${jobId}-1-0-x`)));
  await run.dispose();
  assert.equal(existsSync(join(m.spoolDir, `${jobId}-1-0-x`)), false);
});
