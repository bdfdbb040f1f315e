import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Direct, Jobs } from '../../../controller/jobs/engine.ts';
import { ADMIN, type ControllerWorld, controllerWorld } from '../../support/controller-world.ts';
import type { FakeAgent } from '../../support/fake-agent.ts';
import { delivered, history, joined, RUNNER, request, states } from './stage.ts';

const LIFE_MS = 3_600_000;
/** What rollouts see of jobs besides what operators do. */
const jobsOf = ({ controller }: ControllerWorld) => controller.verbs.jobs as unknown as Jobs;

/** A held job of all agents that is stored. */
async function hold(world: ControllerWorld, ttlMs = 15_000): Promise<string> {
  const jobs = jobsOf(world);
  const asked = request({ ttlMs });
  const prepared = await jobs.hold(asked, RUNNER, await jobs.meant({ targets: 'all' }), LIFE_MS);
  await world.leash.db.write(prepared.statements());
  prepared.written();
  await world.clock.settle();
  return prepared.job;
}
async function direct(world: ControllerWorld, batch: (direct: Direct) => ReturnType<Direct['turn']>[]) {
  await jobsOf(world).direct(batch);
  await world.clock.settle();
}
const turn = (world: ControllerWorld, job: string, agent: FakeAgent, times = 1) =>
  direct(world, (at) => Array.from({ length: times }, () => at.turn(job, agent.id)));

async function two(t: { after(fn: () => unknown): void }) {
  const world = await controllerWorld(t);
  return { world, a: await joined(world, 'a'), b: await joined(world, 'b') };
}

test('of a job that is held nothing is sent before a turn, neither to who is here nor to who comes', async (t) => {
  const { world, a, b } = await two(t);
  const here = await a.connect();
  const job = await hold(world);
  const came = await b.connect();
  await world.clock.advance(60_000);
  assert.deepEqual(await states(world, job), { a: 'queued', b: 'queued' });
  for (const session of [here, came]) assert.equal(session.of('deliver').length, 0);
});

test('a turn sends one run, once, however often it is given', async (t) => {
  const { world, a, b } = await two(t);
  const [here, other] = [await a.connect(), await b.connect()];
  const job = await hold(world);
  await turn(world, job, a, 2);
  await turn(world, job, a);
  assert.equal(here.of('deliver').length, 1);
  assert.equal(other.of('deliver').length, 0);
  here.send('report', a.report(delivered(a, here), { state: 'succeeded' }));
  await world.clock.settle();
  await turn(world, job, a);
  assert.equal(here.of('deliver').length, 1);
  assert.deepEqual(await states(world, job), { a: 'succeeded', b: 'queued' });
});

test('a host that is away keeps its turn for the ttl from the first time that it is given, and expires then', async (t) => {
  const { world, a, b } = await two(t);
  const job = await hold(world, 600_000);
  await turn(world, job, a);
  await turn(world, job, b);
  await world.clock.advance(599_000);
  await turn(world, job, b);
  const late = await a.connect();
  assert.equal(late.of('deliver').length, 1);
  await world.clock.advance(2_000);
  assert.deepEqual(await states(world, job), { a: 'sent', b: 'expired' });
  assert.equal((await b.connect()).of('deliver').length, 0);
});

test('what had no turn expires with its order, and a turn after that sends nothing', async (t) => {
  const { world, a } = await two(t);
  const job = await hold(world);
  await world.clock.advance(LIFE_MS + 1_000);
  const here = await a.connect();
  await turn(world, job, a);
  await world.clock.advance(60_000);
  assert.deepEqual(await states(world, job), { a: 'expired', b: 'expired' });
  assert.equal(here.of('deliver').length, 0);
});

test('a turn after the end of an order sends nothing, also where no controller was there at its end', async (t) => {
  const { world, a } = await two(t);
  const here = await a.connect();
  const job = await hold(world);
  await world.controller.stop();
  await world.clock.advance(LIFE_MS);
  await world.crash();
  const back = await a.connect();
  await turn(world, job, a);
  assert.equal(here.of('deliver').length + back.of('deliver').length, 0);
  await world.clock.advance(120_000);
  assert.equal((await states(world, job)).a, 'expired');
});

test('what is withdrawn before its turn is cancelled for good, and what was sent goes on', async (t) => {
  const { world, a, b } = await two(t);
  const [here, other] = [await a.connect(), await b.connect()];
  const job = await hold(world);
  await turn(world, job, a);
  await direct(world, (at) => [at.withdraw(job, a.id, 'not wanted'), at.withdraw(job, b.id, 'not wanted')]);
  await turn(world, job, b);
  assert.deepEqual(await states(world, job), { a: 'sent', b: 'cancelled' });
  assert.equal(other.of('deliver').length, 0);
  here.send('report', a.report(delivered(a, here), { state: 'succeeded' }));
  await world.clock.settle();
  assert.equal((await history(world, job)).at(-1), 'ended');
});

test('a job that was held before its controller was killed is held by the next one, and its turns come', async (t) => {
  const { world, a, b } = await two(t);
  const job = await hold(world);
  await world.crash();
  const [here, other] = [await a.connect(), await b.connect()];
  assert.equal(here.of('deliver').length, 0);
  await turn(world, job, a);
  assert.equal(delivered(a, here).order.jobId.length, 16);
  assert.equal(other.of('deliver').length, 0);
});

test('a turn that was written is delivered by the next controller, and once', async (t) => {
  const { world, a } = await two(t);
  await a.connect();
  const job = await hold(world);
  // Killed between the commit of the turn and the frame.
  world.leash.dieAt(1, 'after');
  void jobsOf(world).direct((at) => [at.turn(job, a.id)]);
  await world.clock.settle();
  await world.crash();
  const here = await a.connect();
  await world.clock.settle();
  assert.equal(here.of('deliver').length, 1);
  assert.equal((await states(world, job)).a, 'sent');
  await turn(world, job, a);
  assert.equal(here.of('deliver').length, 1);
});

test('a turn that was not written is none', async (t) => {
  const { world, a } = await two(t);
  const job = await hold(world);
  world.leash.dieAt(1, 'before');
  void jobsOf(world).direct((at) => [at.turn(job, a.id)]);
  await world.clock.settle();
  await world.crash();
  const here = await a.connect();
  assert.equal(here.of('deliver').length, 0);
  assert.equal((await states(world, job)).a, 'queued');
});

test('a host that left the fleet gets no turn', async (t) => {
  const { world, a, b } = await two(t);
  const job = await hold(world);
  await world.controller.verbs.agents.remove(a.id, ADMIN);
  await world.clock.settle();
  await turn(world, job, a);
  await turn(world, job, b);
  const { a: left } = await states(world, job);
  assert.notEqual(left, 'queued');
  assert.notEqual(left, 'sent');
});

test('a job that is held is not done again past whoever gives its turns', async (t) => {
  const { world, a, b } = await two(t);
  const sessions = [await a.connect(), await b.connect()];
  const job = await hold(world);
  await direct(world, (at) => [at.withdraw(job, a.id, 'over'), at.withdraw(job, b.id, 'over')]);
  await assert.rejects(world.controller.verbs.jobs.retry(job, {}, RUNNER), /step of a rollout/);
  await world.clock.settle();
  for (const session of sessions) assert.equal(session.of('deliver').length, 0);
});
