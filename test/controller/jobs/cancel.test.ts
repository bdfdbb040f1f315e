import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ControllerWorld, controllerWorld } from '../../support/controller-world.ts';
import type { FakeSession } from '../../support/fake-agent.ts';
import { create, delivered, history, joined, RUNNER, states } from './stage.ts';

const cancel = (world: ControllerWorld, job: string, only?: object) =>
  world.controller.verbs.jobs.cancel(job, RUNNER, only);

const heard = (session: FakeSession): string[] =>
  session.frames.map((frame) => frame.kind).filter((kind) => kind === 'cancel' || kind === 'deliver');

test('some hosts of a job are cancelled, by name, glob or selector, and the others go on', async (t) => {
  const world = await controllerWorld(t);
  for (const name of ['web-1', 'web-2', 'web-3', 'db-1', 'other']) await joined(world, name);
  const job = await create(world, { targets: 'web-*,db-1', ttlMs: 3_600_000 });
  assert.deepEqual(await cancel(world, job, { targets: 'web-*,!web-3' }), { cancelled: 2 });
  assert.deepEqual(await states(world, job), {
    ...{ 'db-1': 'queued', 'web-1': 'cancelled', 'web-2': 'cancelled', 'web-3': 'queued' },
  });
  const { id } = await world.controller.verbs.agents.show('db-1');
  assert.deepEqual(await cancel(world, job, { agentIds: [id], targets: 'all' }), { cancelled: 1 });
  await assert.rejects(cancel(world, job, { targets: 'other' }), { code: 'nobody-matched' });
  await assert.rejects(cancel(world, job, { targets: 'web-9' }), { code: 'nobody-matched' });
  await assert.rejects(cancel(world, job, { selector: 'role in (' }), { code: 'bad-selector' });
  await assert.rejects(cancel(world, job, { agentIds: ['00'.repeat(16)] }), { code: 'no-such-agent' });
  assert.equal((await states(world, job))['web-3'], 'queued');
  const [entry] = (await world.controller.verbs.audit.list({ afterSeq: 0, limit: 100 })).slice(-1);
  assert.deepEqual(entry?.detail.agents, [id]);
});

test('a cancel while the order is on its way is sent as well, and the agent that got both says what became of it', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  const release = session.stall();
  const job = await create(world);
  await cancel(world, job);
  assert.deepEqual(await states(world, job), { 'web-1': 'sent' });
  release();
  assert.deepEqual([...heard(session)].sort(), ['cancel', 'deliver']);
  const bundle = delivered(agent, session);
  const { jobId } = bundle.order;
  const code = 'order-cancelled';
  session.send('status', { jobId, orderHash: bundle.orderHash, state: 'refused', code });
  await world.clock.settle();
  assert.deepEqual(await history(world, job), [
    'created',
    'queued',
    'sent',
    'cancelled',
    'cancelled',
    'ended',
  ]);
});

test('cancelling twice tells the agent twice and changes nothing else', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  const job = await create(world);
  assert.deepEqual(await cancel(world, job), { cancelled: 1 });
  assert.deepEqual(await cancel(world, job), { cancelled: 1 });
  await world.clock.settle();
  assert.equal(session.of('cancel').length, 2);
  session.send('report', agent.report(delivered(agent, session), { state: 'cancelled', tasks: [] }));
  await world.clock.settle();
  assert.deepEqual((await world.controller.verbs.jobs.show(job)).counts, { cancelled: 1 });
  await assert.rejects(cancel(world, job), { code: 'job-over' });
});

test('a cancel for a host that is away is remembered by a controller that is killed, and comes before the order', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  const job = await create(world, { ttlMs: 3_600_000 });
  session.close();
  await world.clock.settle();
  await cancel(world, job);
  await world.crash();
  const back = await agent.connect();
  assert.deepEqual(heard(back), ['cancel', 'deliver']);
});

test('what succeeded before the cancel came stays what it is', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  const job = await create(world);
  await cancel(world, job);
  session.send('report', agent.report(delivered(agent, session)));
  await world.clock.settle();
  assert.deepEqual(await states(world, job), { 'web-1': 'succeeded' });
});
