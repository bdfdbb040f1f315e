import assert from 'node:assert/strict';
import { test } from 'node:test';
import { controllerWorld } from '../../support/controller-world.ts';
import { create, delivered, joined, states } from './stage.ts';

const YEAR_MS = 365 * 86_400_000;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

test('a controller whose clock is set a year ahead sends nothing that has expired by it, and new work goes on', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const waiting = await create(world, { ttlMs: HOUR_MS });
  world.clock.stepWall(YEAR_MS);
  const session = await agent.connect();
  await world.clock.advance(61_000);
  assert.equal(session.of('deliver').length, 0);
  assert.deepEqual(await states(world, waiting), { 'web-1': 'expired' });
});

test('a controller whose clock is set a year back does not keep its agents out, and new work goes on', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  await agent.connect();
  world.clock.stepWall(-YEAR_MS);
  const session = await agent.connect();
  assert.equal(session.of('ready').length, 1);
  const job = await create(world);
  session.send('report', agent.report(delivered(agent, session)));
  await world.clock.settle();
  assert.deepEqual(await states(world, job), { 'web-1': 'succeeded' });
});

test('a run that a leaping clock called lost gets its real outcome when that comes', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  const job = await create(world, { timeoutMs: HOUR_MS });
  const bundle = delivered(agent, session);
  session.send('status', {
    jobId: bundle.order.jobId,
    orderHash: bundle.orderHash,
    attempt: 1,
    state: 'running',
  });
  await world.clock.settle();
  world.clock.stepWall(YEAR_MS);
  await world.clock.advance(1_000);
  const before = await states(world, job);
  assert.ok(['running', 'lost'].includes(before['web-1'] ?? ''));
  session.send('report', agent.report(bundle));
  await world.clock.settle();
  assert.deepEqual(await states(world, job), { 'web-1': 'succeeded' });
});

test('a backlog of three days: what has expired is never sent, and what has not is', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  (await agent.connect()).close();
  await world.clock.settle();
  const ttls = [60_000, HOUR_MS, DAY_MS, 7 * DAY_MS, 30 * DAY_MS];
  const jobs: string[] = [];
  for (const ttlMs of ttls) jobs.push(await create(world, { ttlMs }));
  world.clock.stepWall(3 * DAY_MS);
  await world.clock.advance(61_000);
  const session = await agent.connect();
  await world.clock.settle();
  assert.equal(session.of('deliver').length, 2);
  const shown = await Promise.all(jobs.map((job) => states(world, job)));
  assert.deepEqual(
    shown.map((runs) => runs['web-1']),
    ['expired', 'expired', 'expired', 'sent', 'sent'],
  );
});

test('a controller that was off past the deadlines never sends what expired meanwhile', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const job = await create(world, { ttlMs: 60_000 });
  await world.controller.stop();
  world.clock.stepWall(DAY_MS);
  await world.restart();
  const session = await agent.connect();
  await world.clock.settle();
  assert.equal(session.of('deliver').length, 0);
  assert.deepEqual(await states(world, job), { 'web-1': 'expired' });
});
