import assert from 'node:assert/strict';
import { test } from 'node:test';
import { controllerWorld } from '../../support/controller-world.ts';
import { create, delivered, joined, states } from './stage.ts';

/** As after a lost journal: the same keys and a new epoch. */
const NEW_EPOCH = new Uint8Array(16).fill(7);

test('an agent that comes back in a new epoch: what was sent to the old one is interrupted, never rejected or waited for', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  const sent = await create(world);
  const running = await create(world, { timeoutMs: 3_600_000 });
  const second = session.of('deliver')[1];
  assert.ok(second);
  const bundle = agent.open(second);
  const { jobId } = bundle.order;
  session.send('status', { jobId, orderHash: bundle.orderHash, attempt: 1, state: 'running' });
  await world.clock.settle();
  session.close();
  await world.clock.settle();
  const late = await create(world, { ttlMs: 3_600_000 });
  agent.epoch = NEW_EPOCH;
  const back = await agent.connect();
  await world.clock.settle();
  assert.equal(back.of('deliver').length, 0);
  assert.deepEqual(await states(world, sent), { 'web-1': 'interrupted' });
  assert.deepEqual(await states(world, running), { 'web-1': 'interrupted' });
  assert.deepEqual(await states(world, late), { 'web-1': 'rejected' });
  const [run] = (await world.controller.verbs.jobs.show(running)).runs;
  assert.match(run?.reason ?? '', /new epoch/);
});

test('a report that the agent kept through its new epoch replaces what was unknown', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  const job = await create(world);
  const bundle = delivered(agent, session);
  session.close();
  await world.clock.settle();
  agent.epoch = NEW_EPOCH;
  agent.reportSeq = 0;
  agent.chain = new Uint8Array(32);
  const back = await agent.connect();
  assert.deepEqual(await states(world, job), { 'web-1': 'interrupted' });
  back.send('report', agent.report(bundle));
  await world.clock.settle();
  assert.deepEqual(await states(world, job), { 'web-1': 'succeeded' });
});
