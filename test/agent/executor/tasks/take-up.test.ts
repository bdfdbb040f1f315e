import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createLocalExecutor } from '../../../../agent/executor/local.ts';
import type { Resumption, Run, RunSpec, Task } from '../../../../agent/executor/run.ts';
import { createSteps, type TaskPorts } from '../../../../agent/executor/tasks/steps.ts';
import { sha512 } from '../../../../proto/crypto.ts';
import { systemClock } from '../../../../proto/system.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { until } from '../../../support/until.ts';
import { beginning, machine, shell, specOf, textOf } from '../machine.ts';
import { fileTask, taskPorts } from './machine.ts';

const SYSTEMD = ['/run/systemd/system'];

/** One agent begins the tasks and is gone when `isUnderWay`; the next one takes them up. */
async function twoAgents(
  t: TestContext,
  tasks: Task[],
  options: {
    isUnderWay: () => boolean;
    first?: Partial<TaskPorts>;
    next?: Partial<TaskPorts>;
    onRun?: (run: Run) => void;
    meanwhile?: () => void;
    resumed?: Partial<Resumption>;
    spec?: Partial<RunSpec>;
  },
) {
  const m = await machine(t, { steps: createSteps(taskPorts(options.first, SYSTEMD)), spares: 0 });
  const { jobId } = await m.start(tasks, options.spec);
  await until('the first agent is at work', options.isUnderWay);
  m.executor.stop();
  options.meanwhile?.();
  const steps = createSteps(taskPorts(options.next, SYSTEMD));
  const next = createLocalExecutor({ clock: systemClock, spoolDir: m.spoolDir, spares: 0, steps });
  t.after(() => next.executor.stop());
  const checked = await next.executor.check(specOf(tasks, { jobId, ...options.spec }));
  const resumed = {
    restarted: false,
    bootIds: { before: 'a', now: 'b' },
    resumeAt: 0,
    goOn() {},
    ...options.resumed,
  };
  const run = next.executor.start(checked, beginning(), resumed);
  options.onRun?.(run);
  const result = await run.done;
  const stdout = textOf(run, 'stdout');
  // Of commands that have ended.
  const shims = readdirSync(m.spoolDir).flatMap((name) => {
    const read = (file: string) => readFileSync(join(m.spoolDir, name, file), 'utf8');
    const isThere = existsSync(join(m.spoolDir, name, 'pid'));
    return isThere && read('exit').includes('exit ') ? [read('pid').split(' ')[0]] : [];
  });
  // Its shims stay until they are let go.
  await run.dispose();
  return { result, stdout, shims };
}

test('a command that made what its guard looks for is still waited for by the next agent', async (t) => {
  const folder = temporaryFolder(t);
  const [made, flag] = [join(folder, 'made'), join(folder, 'flag')];
  const line = `touch '${made}'; while [ ! -e '${flag}' ]; do sleep 0.02; done; exit 7`;
  const { result } = await twoAgents(t, [{ ...shell(line), guard: { creates: made, unless: '' } }], {
    isUnderWay: () => existsSync(made),
    meanwhile: () => writeFileSync(flag, ''),
  });
  assert.deepEqual(
    [result.state, result.tasks[0]?.exitCode, result.tasks[0]?.change],
    ['failed', 7, undefined],
  );
});

test('a file that an agent was writing is written by the next one, which clears away what that left', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'f');
  const content = { sha512: sha512(Buffer.from('new\n')), length: 4, key: new Uint8Array(32) };
  const stuck: Task = { kind: 'file', ...fileTask(path, { inline: new Uint8Array(0), content }) };
  const given: Task = { kind: 'file', ...fileTask(path) };
  let fetched = false;
  const fetch = () => {
    fetched = true;
    return new Promise<never>((_, reject) => t.after(() => reject(new Error('over'))));
  };
  const tasks = [stuck];
  const { result } = await twoAgents(t, tasks, {
    first: { contents: { fetch } },
    isUnderWay: () => fetched && readdirSync(folder).length === 1,
    meanwhile: () => tasks.splice(0, 1, given),
  });
  assert.deepEqual([result.state, result.tasks[0]?.change], ['succeeded', 'changed']);
  assert.deepEqual([readdirSync(folder), readFileSync(path, 'utf8')], [['f'], 'new\n']);
});

for (const [what, state, spec, onRun] of [
  ['a cancel', 'cancelled', {}, (run: Run) => run.terminate('cancel')],
  ['the timeout', 'timed-out', { timeoutMs: 1_000 }, () => {}],
] as const)
  test(`${what} ends a step that the next agent carries out anew`, { timeout: 20_000 }, async (t) => {
    const path = join(temporaryFolder(t), 'f');
    const content = { sha512: sha512(Buffer.from('new\n')), length: 4, key: new Uint8Array(32) };
    let fetched = false;
    // Until it is told to end, it waits for a session.
    const fetch = (_content: unknown, { signal }: { signal: AbortSignal }) => {
      fetched = true;
      return new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    };
    const ports = { contents: { fetch } };
    const task: Task = { kind: 'file', ...fileTask(path, { inline: new Uint8Array(0), content }) };
    const isUnderWay = () => fetched;
    const { result } = await twoAgents(t, [task], { first: ports, next: ports, isUnderWay, spec, onRun });
    assert.equal(result.state, state);
    assert.equal(existsSync(path), false);
  });

test('a start that an agent was waiting for is waited for by the next one, and not begun again', async (t) => {
  const folder = temporaryFolder(t);
  const start =
    'echo inactive > active; echo > up; while [ ! -e flag ]; do sleep 0.02; done; echo active > active';
  writeFileSync(join(folder, 'start'), `${start}\n`);
  const spec = { env: { UNIT: folder, PATH: `${join(import.meta.dirname, 'fixtures')}:/usr/bin:/bin` } };
  const task: Task = { kind: 'service', unit: 'web', state: 'started', enabled: '' };
  const { result } = await twoAgents(t, [task], {
    spec,
    isUnderWay: () => existsSync(join(folder, 'up')),
    // Only when the next one has seen that it does not run yet.
    meanwhile: () =>
      void until('it was asked', () => existsSync(join(folder, 'asked'))).then(() =>
        writeFileSync(join(folder, 'flag'), ''),
      ),
  });
  assert.deepEqual([result.state, result.tasks[0]?.change], ['succeeded', 'changed']);
  assert.equal(readFileSync(join(folder, 'calls'), 'utf8'), 'start\n');
});

test('a restart that an agent died over is not done twice', async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'start'), 'echo here > up; sleep 0.2\n');
  const spec = { env: { UNIT: folder, PATH: `${join(import.meta.dirname, 'fixtures')}:/usr/bin:/bin` } };
  const task: Task = { kind: 'service', unit: 'web', state: 'restarted', enabled: '' };
  const { result, shims } = await twoAgents(t, [task], {
    spec,
    isUnderWay: () => existsSync(join(folder, 'up')),
  });
  assert.deepEqual(
    [result.state, result.reason],
    ['interrupted', 'the agent ended during this service task; its effect is unknown'],
  );
  assert.equal(readFileSync(join(folder, 'calls'), 'utf8'), 'restart\n');
  assert.ok(shims.length > 0);
  await until('nothing waits for another agent', () => !shims.some((pid) => existsSync(`/proc/${pid}`)));
});

test('behind a reboot the next boot goes on, and says by which boot ids it is proved', async (t) => {
  const folder = temporaryFolder(t);
  const down = join(folder, 'down');
  const tasks: Task[] = [
    shell('echo before'),
    { kind: 'reboot', timeoutMs: 60_000, ifNeeded: false },
    shell('echo after'),
  ];
  const { result, stdout } = await twoAgents(t, tasks, {
    first: { rebootCommand: ['touch', down] },
    isUnderWay: () => existsSync(down),
    resumed: { restarted: true, resumeAt: 2 },
  });
  assert.deepEqual(
    result.tasks.map(({ state, change, reason }) => [state, change, reason]),
    [
      ['succeeded', undefined, undefined],
      ['succeeded', 'changed', 'boot id a → b'],
      ['succeeded', undefined, undefined],
    ],
  );
  assert.equal(stdout, 'before\nafter\n');
});
