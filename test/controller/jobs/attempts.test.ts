import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openOutput } from '../../../controller/api/output.ts';
import type { OpenedBundle } from '../../../proto/bundle.ts';
import { type ControllerWorld, controllerWorld } from '../../support/controller-world.ts';
import type { FakeSession } from '../../support/fake-agent.ts';
import { create, delivered, history, joined } from './stage.ts';

const TASKS = [
  { command: { argv: ['true'] }, name: 'first' },
  { shell: { line: 'echo b' } },
  { service: { unit: 'nginx', state: 'restarted' as const } },
];

const says = (session: FakeSession, bundle: OpenedBundle, attempt: number, task: number): void =>
  session.send('status', {
    jobId: bundle.order.jobId,
    orderHash: bundle.orderHash,
    attempt,
    state: 'running',
    task,
  });

const writes = (session: FakeSession, bundle: OpenedBundle, attempt: number, at: number, text: string) =>
  session.send('output', {
    jobId: bundle.order.jobId,
    attempt,
    stream: 'stdout',
    offset: at,
    position: at,
    data: Buffer.from(text),
  });

async function shownRun(world: ControllerWorld, job: string) {
  const [run] = (await world.controller.verbs.jobs.show(job)).runs;
  assert.ok(run);
  return run;
}

async function outputOf(world: ControllerWorld, job: string): Promise<string> {
  const { agentId } = await shownRun(world, job);
  const pieces: Uint8Array[] = [];
  for await (const piece of await openOutput(world.controller.verbs.jobs, { jobId: job, agentId }))
    pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

async function started(t: Parameters<typeof controllerWorld>[0], more: object = {}) {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  const job = await create(world, { tasks: TASKS, ttlMs: 3_600_000, attempts: 3, ...more });
  return { world, agent, session, job, bundle: delivered(agent, session) };
}

test('the task that runs is shown and in the history, and going on to the next buys no time', async (t) => {
  const { world, session, job, bundle } = await started(t);
  says(session, bundle, 1, 0);
  await world.clock.settle();
  assert.equal((await shownRun(world, job)).task, 0);
  // A run may take 60 s, and its word the grace besides: a task begun at 100 s is not waited for at 150 s.
  await world.clock.advance(100_000);
  says(session, bundle, 1, 2);
  says(session, bundle, 1, 1);
  await world.clock.settle();
  const run = await shownRun(world, job);
  assert.deepEqual([run.state, run.task], ['running', 2]);
  const { events } = await world.controller.verbs.jobs.events(job, 0, 100);
  assert.deepEqual(
    events.flatMap((event) => (event.kind === 'state' ? [[event.state, event.task]] : [])),
    [
      ['queued', null],
      ['sent', null],
      ['running', 0],
      ['running', 2],
    ],
  );
  await world.clock.advance(50_000);
  assert.equal((await shownRun(world, job)).state, 'lost');
});

test('an attempt that begins anew has its whole time, and word of the one before changes nothing', async (t) => {
  const { world, agent, session, job, bundle } = await started(t);
  says(session, bundle, 1, 1);
  await world.clock.advance(100_000);
  says(session, bundle, 2, 0);
  says(session, bundle, 1, 2);
  await world.clock.advance(50_000);
  const run = await shownRun(world, job);
  assert.deepEqual([run.state, run.attempt, run.task], ['running', 2, 0]);
  session.send('report', agent.report(bundle, { state: 'interrupted', attempt: 1, tasks: [] }));
  await world.clock.settle();
  assert.equal((await shownRun(world, job)).state, 'running');
  session.send('report', agent.report(bundle, { attempt: 2 }));
  await world.clock.settle();
  assert.deepEqual(await history(world, job), [
    ...['created', 'queued', 'sent', 'running', 'running', 'succeeded', 'ended'],
  ]);
});

test('the output of an attempt begins anew; what an earlier one wrote is acknowledged and kept apart', async (t) => {
  const { world, agent, session, job, bundle } = await started(t);
  says(session, bundle, 1, 0);
  writes(session, bundle, 1, 0, 'half a li');
  says(session, bundle, 2, 0);
  await world.clock.settle();
  const back = await agent.connect();
  // Nothing of the second attempt is here yet, so there is no cursor of it.
  assert.deepEqual(back.of('ready')[0]?.value.runs, []);
  writes(back, bundle, 2, 0, 'a whole line\n');
  writes(back, bundle, 1, 9, 'ne\n');
  await world.clock.settle();
  assert.equal(back.refusal, undefined);
  assert.deepEqual(
    back.of('outputAck').map(({ value }) => [value.attempt, value.position]),
    [
      [2, 13],
      [1, 12],
    ],
  );
  const output = { length: 13, stored: 13, sha512: new Uint8Array(64) };
  back.send('report', agent.report(bundle, { attempt: 2, output }));
  await world.clock.settle();
  const run = await shownRun(world, job);
  assert.deepEqual([run.state, run.storedBytes, run.truncated], ['succeeded', 13, false]);
  assert.equal(await outputOf(world, job), 'a whole line\n');
});

test('the output of an attempt that nobody heard begin says that it runs, and the report does not count what the one before wrote', async (t) => {
  const { world, agent, session, job, bundle } = await started(t);
  writes(session, bundle, 1, 0, 'twelve bytes');
  await world.clock.settle();
  assert.equal((await shownRun(world, job)).state, 'running');
  writes(session, bundle, 2, 0, 'x');
  await world.clock.settle();
  assert.deepEqual((await shownRun(world, job)).attempt, 2);
  const output = { length: 5, stored: 5, sha512: new Uint8Array(64) };
  session.send('report', agent.report(bundle, { attempt: 3, output }));
  await world.clock.settle();
  const run = await shownRun(world, job);
  assert.deepEqual([run.storedBytes, run.truncated], [0, true]);
  assert.match(run.reason ?? '', /the last 5 bytes of its output did not arrive/);
});

test('a run that was given up takes the output and the outcome of a later attempt, and stays given up until then', async (t) => {
  const { world, agent, session, job, bundle } = await started(t);
  says(session, bundle, 1, 0);
  session.close();
  await world.clock.advance(200_000);
  assert.equal((await shownRun(world, job)).state, 'lost');
  const back = await agent.connect();
  says(back, bundle, 2, 0);
  writes(back, bundle, 2, 0, 'done\n');
  await world.clock.settle();
  assert.equal((await shownRun(world, job)).state, 'lost');
  const output = { length: 5, stored: 5, sha512: new Uint8Array(64) };
  back.send('report', agent.report(bundle, { attempt: 2, output }));
  await world.clock.settle();
  const run = await shownRun(world, job);
  assert.deepEqual([run.state, run.attempt, run.storedBytes], ['succeeded', 2, 5]);
  assert.equal(await outputOf(world, job), 'done\n');
});

test('what a report says of each task is stored and shown with its name, and whether anything changed', async (t) => {
  const { world, agent, session, job, bundle } = await started(t);
  assert.deepEqual((await shownRun(world, job)).tasks, []);
  const tasks = [
    { index: 0, state: 'succeeded', exited: true, durationUs: 1500, change: 'unchanged', outputTo: 4 },
    { index: 1, state: 'failed', exited: true, exitCode: 3, change: 'changed', outputFrom: 4, outputTo: 9 },
    { index: 2, state: 'skipped', reason: 'the task before it failed' },
  ];
  session.send('report', agent.report(bundle, { state: 'failed', tasks }));
  await world.clock.settle();
  const run = await shownRun(world, job);
  assert.equal(run.change, 'changed');
  const none = { exitCode: null, signal: null, durationMs: 0, change: null, reason: null, code: null };
  assert.deepEqual(run.tasks, [
    {
      ...none,
      ...{ index: 0, name: 'first', state: 'succeeded', exitCode: 0, durationMs: 1.5, change: 'unchanged' },
      ...{ outputFrom: 0, outputTo: 4 },
    },
    {
      ...none,
      ...{ index: 1, name: 'echo b', state: 'failed', exitCode: 3, change: 'changed' },
      ...{ outputFrom: 4, outputTo: 9 },
    },
    {
      ...none,
      ...{ index: 2, name: 'service nginx restarted', state: 'skipped', outputFrom: 0, outputTo: 0 },
      reason: 'the task before it failed',
    },
  ]);
});

test('an agent that counts past the attempts of its order gets neither more time nor room for more output', async (t) => {
  const { world, session, job, bundle } = await started(t);
  says(session, bundle, 3, 0);
  await world.clock.settle();
  // A run may take 60 s, and its word the grace besides.
  for (let attempt = 4; attempt < 15; attempt += 1) {
    says(session, bundle, attempt, 0);
    session.send('ping', { id: attempt, timeMs: 0 });
    await world.clock.advance(10_000);
  }
  const run = await shownRun(world, job);
  assert.deepEqual([run.state, run.attempt], ['lost', 3]);
  writes(session, bundle, 4, 0, 'more');
  await world.clock.settle();
  assert.equal(session.of('refusal')[0]?.value.code, 'malformed');
  assert.equal((await shownRun(world, job)).attempt, 3);
});
