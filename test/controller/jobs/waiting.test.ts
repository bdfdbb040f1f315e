import assert from 'node:assert/strict';
import { test } from 'node:test';
import { controllerWorld } from '../../support/controller-world.ts';
import { create, delivered, joined } from './stage.ts';

test('whom a job waits for is told with where each is and when it last said something, the most silent first', async (t) => {
  const world = await controllerWorld(t);
  const names = ['web-1', 'web-2', 'web-3', 'web-4'];
  const agents = await Promise.all(names.map((name) => joined(world, name)));
  const sessions = await Promise.all(agents.slice(0, 3).map((agent) => agent.connect()));
  const awayMs = world.clock.now();
  const four = await agents[3]?.connect();
  four?.close();
  await world.clock.advance(1000);
  const job = await create(world, { ttlMs: 3_600_000 });
  const sentMs = world.clock.now();
  const { jobs } = world.controller.verbs;

  const [one, two] = sessions.map((session, index) => {
    const agent = agents[index];
    assert.ok(agent);
    const { order, orderHash } = delivered(agent, session);
    return { session, agent, order, orderHash, bundle: delivered(agent, session) };
  });
  assert.ok(one && two);
  for (const { session, order, orderHash } of [one, two])
    session.send('status', { jobId: order.jobId, orderHash, attempt: 1, state: 'running', task: 0 });
  await world.clock.settle();
  await world.clock.advance(5000);
  const wroteMs = world.clock.now();
  one.session.send('output', {
    jobId: one.order.jobId,
    attempt: 1,
    stream: 'stdout',
    offset: 0,
    position: 0,
    data: Buffer.from('x'),
  });
  await world.clock.settle();
  await world.clock.advance(2000);

  const nowMs = world.clock.now();
  const waiting = await jobs.waiting(job, 50);
  assert.deepEqual([waiting.nowMs, waiting.expiresAtMs, waiting.total], [nowMs, sentMs + 3_600_000, 4]);
  assert.deepEqual(
    waiting.runs.map((run) => [run.agent, run.state, run.online, run.lastSeenMs, run.wordAtMs]),
    [
      ['web-4', 'queued', false, awayMs, null],
      ['web-2', 'running', true, nowMs, sentMs],
      ['web-3', 'sent', true, nowMs, null],
      ['web-1', 'running', true, nowMs, wroteMs],
    ],
  );
  const some = await jobs.waiting(job, 2);
  assert.deepEqual([some.total, some.runs.length], [4, 2]);

  one.session.send('report', one.agent.report(one.bundle));
  await world.clock.settle();
  const after = await jobs.waiting(job, 50);
  assert.deepEqual([after.total, after.runs.length], [3, 3]);
  await assert.rejects(jobs.waiting('0'.repeat(32), 50), { code: 'no-such-job' });
});

test('a run that expired says since when its agent was away, in its row and in the history', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  (await agent.connect()).close();
  await world.clock.settle();
  const awayMs = world.clock.now();
  await joined(world, 'new');
  await world.clock.advance(60_000);
  const job = await create(world);
  await world.clock.advance(20_000);
  const { jobs } = world.controller.verbs;
  const { runs } = await jobs.show(job);
  assert.deepEqual(runs.map((run) => [run.agent, run.state, run.awaySinceMs, run.online]).sort(), [
    ['new', 'expired', null, false],
    ['web-1', 'expired', awayMs, false],
  ]);
  const { events } = await jobs.events(job, 0, 100);
  const told = events.flatMap((event) =>
    event.kind === 'state' && event.outcome && event.agentId === agent.id ? [event.outcome.awaySinceMs] : [],
  );
  assert.deepEqual(told, [awayMs]);
});

test('how each task ended is in the history, with the outcome that it led to', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  const job = await create(world, {
    title: 'web tier',
    tasks: [{ name: 'first', shell: { line: 'a' } }, { shell: { line: 'b' } }],
  });
  const bundle = delivered(agent, session);
  const tasks = [
    { index: 0, state: 'succeeded', exited: true, exitCode: 0, change: 'changed' },
    { index: 1, state: 'failed', exited: true, exitCode: 3, reason: 'no' },
  ];
  session.send('report', agent.report(bundle, { state: 'failed', tasks }));
  await world.clock.settle();
  const { jobs } = world.controller.verbs;
  const shown = await jobs.show(job);
  assert.deepEqual([shown.title, shown.tasks], ['web tier', ['first', 'b']]);
  const { events } = await jobs.events(job, 0, 100);
  const last = events.findLast((event) => event.kind === 'state');
  assert.ok(last?.kind === 'state');
  assert.deepEqual(
    last.tasks.map(({ index, state, exitCode, change, reason }) => [index, state, exitCode, change, reason]),
    [
      [0, 'succeeded', 0, 'changed', null],
      [1, 'failed', 3, null, 'no'],
    ],
  );
});
