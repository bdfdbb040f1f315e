import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeToken } from '../../../certs/enrolment.ts';
import { ADMIN, type ControllerWorld, controllerWorld } from '../../support/controller-world.ts';
import { fakeAgent } from '../../support/fake-agent.ts';
import { create, delivered, joined, states } from '../jobs/stage.ts';

const online = async (world: ControllerWorld): Promise<boolean | undefined> =>
  (await world.controller.verbs.agents.list({}))[0]?.online;

test('a link that swallows everything is offline within 45 s, whatever waits to be sent on it', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  session.stall();
  await create(world, { ttlMs: 3_600_000 });
  await world.clock.advance(39_000);
  assert.equal(await online(world), true);
  await world.clock.advance(6_000);
  assert.equal(await online(world), false);
});

test('an agent that goes on speaking and takes nothing of what waits for it is cut off, one that takes it slowly is not', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  let letThrough = session.stall();
  const speak = async (seconds: number): Promise<void> => {
    for (let left = seconds; left > 0; left -= 10) {
      session.send('ping', { id: left });
      await world.clock.advance(10_000);
    }
  };
  for (let turn = 0; turn < 3; turn += 1) {
    await create(world, { ttlMs: 3_600_000 });
    await speak(30);
    letThrough();
    letThrough = session.stall();
  }
  assert.equal(session.of('deliver').length, 3);
  assert.equal(session.closed, false);
  await speak(50);
  assert.equal(session.closed, true);
  assert.equal(await online(world), false);
});

test('an agent that answers late, after a stall of 5 s or of 30 s, was never offline', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  for (const stallMs of [5_000, 30_000]) {
    const letThrough = session.stall();
    await world.clock.advance(stallMs);
    letThrough();
    session.send('ping', { id: 1 });
    await world.clock.settle();
    assert.equal(await online(world), true);
    assert.equal(session.closed, false);
  }
});

test('an agent that redials while its old session hangs half open: what it has is sent on the new one, and the old one is fenced off', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const old = await agent.connect();
  const job = await create(world, { ttlMs: 3_600_000 });
  const bundle = delivered(agent, old);
  const letThrough = old.stall();
  const fresh = await agent.connect();
  assert.deepEqual(delivered(agent, fresh).order.jobId, bundle.order.jobId);
  // What was on its way on the old one arrives only now, and is not taken.
  old.send(
    'report',
    agent.report(bundle, { state: 'failed', tasks: [{ state: 'failed', exited: true, exitCode: 1 }] }),
  );
  letThrough();
  await world.clock.settle();
  assert.deepEqual(await states(world, job), { 'web-1': 'sent' });
  assert.equal(old.closed, true);
  agent.reportSeq = 0;
  agent.chain = new Uint8Array(32);
  fresh.send('report', agent.report(bundle));
  await world.clock.settle();
  assert.deepEqual(await states(world, job), { 'web-1': 'succeeded' });
  assert.equal(await online(world), true);
});

test('agents that do not read hold up two bundles each at most, and nobody else', async (t) => {
  const world = await controllerWorld(t);
  const token = { ttlMs: 600_000, labels: {}, allowLabels: [], uses: 30, approve: 'auto' as const };
  const { token: text } = await world.controller.verbs.tokens.create(token, ADMIN);
  const agents = Array.from({ length: 21 }, (_, index) =>
    fakeAgent(() => world.controller.gateway, world.clock, decodeToken(text), `web-${index}`),
  );
  for (const agent of agents) assert.equal((await agent.join(text)).of('enrolled').length, 1);
  const sessions = await Promise.all(agents.map((agent) => agent.connect()));
  for (const session of sessions.slice(1)) session.stall();
  const [reads] = sessions;
  const script = { content: Buffer.alloc(700_000, 'a').toString('base64'), args: [], name: 'large' };
  const jobs: string[] = [];
  for (let number = 0; number < 8; number++)
    jobs.push(await create(world, { tasks: [{ script }], ttlMs: 3_600_000 }));
  await world.clock.advance(2_000);
  assert.equal(reads?.of('deliver').length, jobs.length);
  // Two bundles each at most: the next one waits until there is room again.
  for (const agent of agents.slice(1)) {
    const bytes = world.controller.gateway.buffered(agent.id);
    assert.ok(bytes > 0 && bytes < 2_200_000, `${bytes} bytes wait for one agent`);
  }
});
