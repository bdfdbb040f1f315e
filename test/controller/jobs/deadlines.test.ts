import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LOST_GRACE_MS, longestRunMs, orderEnd, orderLifeMs } from '../../../controller/jobs/due.ts';
import { createSteady } from '../../../controller/jobs/steady.ts';
import { LIMITS } from '../../../proto/limits.ts';
import { type ControllerWorld, controllerWorld } from '../../support/controller-world.ts';
import type { FakeAgent } from '../../support/fake-agent.ts';
import { virtualClock } from '../../support/virtual-clock.ts';
import { create, delivered, joined, states } from './stage.ts';

const YEAR_MS = 365 * 86_400_000;
/** Of a run that may take a minute, from its beginning until it is called lost. */
const LONGEST_MS = longestRunMs({ timeoutMs: 60_000, killGraceMs: LIMITS.killGraceMs });

test('steady time passes with real time, suspends included, and not with the wall clock', async () => {
  const clock = virtualClock();
  const steady = createSteady(clock);
  const beganMs = steady.now();
  assert.equal(beganMs, clock.now());
  await clock.advance(1_000);
  clock.stepWall(YEAR_MS);
  assert.equal(steady.now(), beganMs + 1_000);
  assert.equal(steady.look(), YEAR_MS);
  steady.move(YEAR_MS);
  assert.equal(steady.look(), 0);
  assert.equal(steady.now(), clock.now());
  // A suspend: the wall clock goes on in it as well, so nobody set it.
  clock.suspend(3_600_000);
  clock.stepWall(3_600_000);
  assert.equal(steady.look(), 0);
  assert.equal(steady.now(), clock.now());
});

test('an order lives for the turns of all, each with its wait and every attempt, and never longer than orders may', () => {
  const times = { ttlMs: 15_000, timeoutMs: 60_000, killGraceMs: 10_000, attempts: 1 };
  assert.equal(orderLifeMs({ ...times, targets: 500, batch: null }), 15_000);
  assert.equal(orderLifeMs({ ...times, targets: 10, batch: 10 }), 15_000);
  const turnMs = 15_000 + LONGEST_MS;
  assert.equal(orderLifeMs({ ...times, targets: 10, batch: 3 }), 15_000 + 3 * turnMs);
  assert.equal(orderLifeMs({ ...times, attempts: 2, targets: 2, batch: 1 }), 15_000 + turnMs + LONGEST_MS);
  assert.equal(
    orderLifeMs({ ...times, timeoutMs: LIMITS.timeoutMaxMs, targets: 1000, batch: 1 }),
    LIMITS.ttlMaxMs,
  );
});

test('however the wall clock was set, an order is never waited for longer than it lives', () => {
  const job = { created_at_ms: 1_000, expires_at_ms: 61_000 };
  assert.equal(orderEnd(job, { wallMs: 31_000, steadyMs: 5 }), 30_005);
  assert.equal(orderEnd(job, { wallMs: YEAR_MS, steadyMs: 5 }), 5);
  assert.equal(orderEnd(job, { wallMs: -YEAR_MS, steadyMs: 5 }), 60_005);
});

/** Three runs that are away: `run` is running, `took` has accepted, `sent` was handed its order and said nothing. */
async function away(t: Parameters<typeof controllerWorld>[0]) {
  const world = await controllerWorld(t);
  const agents = new Map<string, FakeAgent>();
  const sessions = [];
  for (const name of ['run', 'sent', 'took']) {
    const agent = await joined(world, name);
    agents.set(name, agent);
    sessions.push({ name, agent, session: await agent.connect() });
  }
  const job = await create(world, { ttlMs: 40_000 });
  const bundles = new Map(sessions.map(({ name, agent, session }) => [name, delivered(agent, session)]));
  for (const { name, session } of sessions) {
    const { orderHash, order } = bundles.get(name) as NonNullable<ReturnType<typeof bundles.get>>;
    const says = { jobId: order.jobId, orderHash, attempt: 1 };
    if (name === 'run') session.send('status', { ...says, state: 'running' });
    if (name === 'took') session.send('status', { ...says, state: 'accepted' });
  }
  await world.clock.settle();
  for (const { session } of sessions) session.close();
  await world.clock.settle();
  const succeeds = async (name: string): Promise<void> => {
    const agent = agents.get(name);
    const bundle = bundles.get(name);
    assert.ok(agent && bundle);
    (await agent.connect()).send('report', agent.report(bundle));
    await world.clock.settle();
  };
  return { world, job, succeeds };
}

const AWAY = { run: 'running', sent: 'sent', took: 'accepted' };
const LOST = { run: 'lost', sent: 'lost', took: 'lost' };

/** All that is open is over within the longest time that any of it may take, on a clock that nobody sets any more. */
async function allEnd(world: ControllerWorld, job: string): Promise<void> {
  await world.clock.advance(40_000 + LONGEST_MS + 1_000);
  assert.deepEqual(await states(world, job), LOST);
}

for (const [what, stepMs] of [
  ['a year ahead', YEAR_MS],
  ['a year back', -YEAR_MS],
] as const) {
  test(`a wall clock that is set ${what} calls nobody lost, and lets nothing hang`, async (t) => {
    const { world, job, succeeds } = await away(t);
    world.clock.stepWall(stepMs);
    await world.clock.advance(60_000);
    const after = await states(world, job);
    assert.deepEqual([after.run, after.took], ['running', 'accepted']);
    await succeeds('run');
    assert.equal((await states(world, job)).run, 'succeeded');
    await world.clock.advance(LONGEST_MS + 1_000);
    assert.deepEqual(await states(world, job), { ...LOST, run: 'succeeded' });
  });

  test(`nor does it when the controller is started anew after that`, async (t) => {
    const { world, job } = await away(t);
    world.clock.stepWall(stepMs);
    await world.clock.advance(60_000);
    await world.crash();
    await world.clock.advance(20_000);
    const after = await states(world, job);
    assert.deepEqual([after.run, after.took], ['running', 'accepted']);
    await allEnd(world, job);
  });

  test(`a clock that is set ${what} while no controller is there gives everybody the time to come back, and lets nothing hang`, async (t) => {
    const { world, job, succeeds } = await away(t);
    await world.controller.stop();
    world.clock.stepWall(stepMs);
    await world.restart();
    await world.clock.advance(30_000);
    assert.deepEqual(await states(world, job), AWAY);
    await succeeds('run');
    await world.clock.advance(40_000 + LONGEST_MS + 1_000);
    assert.deepEqual(await states(world, job), { ...LOST, run: 'succeeded' });
  });
}

test('a job that is made after the clock was set, before anybody noticed, has its own time and not a year more', async (t) => {
  const world = await controllerWorld(t);
  await joined(world, 'off');
  await world.clock.advance(1_000);
  world.clock.stepWall(YEAR_MS);
  const job = await create(world, { ttlMs: 120_000 });
  await world.clock.advance(100_000);
  assert.deepEqual(await states(world, job), { off: 'queued' });
  await world.clock.advance(21_000);
  assert.deepEqual(await states(world, job), { off: 'expired' });
});

test('what a suspend took is over: nobody waits for it again', async (t) => {
  const { world, job } = await away(t);
  world.clock.suspend(3_600_000);
  world.clock.stepWall(3_600_000);
  await world.clock.advance(61_000);
  assert.deepEqual(await states(world, job), LOST);
});

test('a controller that was down past a deadline waits for word once more before it calls a run lost', async (t) => {
  const { world, job, succeeds } = await away(t);
  await world.controller.stop();
  world.clock.stepWall(86_400_000);
  await world.restart();
  await world.clock.advance(LOST_GRACE_MS + 10_000);
  await succeeds('took');
  assert.deepEqual(await states(world, job), { ...AWAY, took: 'succeeded' });
  await world.clock.advance(60_000);
  assert.deepEqual(await states(world, job), { ...LOST, took: 'succeeded' });
});

test('a clock that was set back while no controller was there gives the turn of a host that is off its ttl, and not that of all', async (t) => {
  const world = await controllerWorld(t);
  for (const name of ['a', 'b', 'c']) await joined(world, name);
  const job = await create(world, { batch: '1', ttlMs: 30_000, timeoutMs: 3_600_000 });
  await world.controller.stop();
  world.clock.stepWall(-YEAR_MS);
  await world.restart();
  await world.clock.advance(29_000);
  assert.deepEqual(await states(world, job), { a: 'queued', b: 'queued', c: 'queued' });
  await world.clock.advance(2_000);
  assert.deepEqual(await states(world, job), { a: 'expired', b: 'queued', c: 'queued' });
  await world.clock.advance(60_000);
  assert.deepEqual(await states(world, job), { a: 'expired', b: 'expired', c: 'expired' });
});
