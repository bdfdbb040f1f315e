import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ControllerWorld, controllerWorld } from '../../support/controller-world.ts';
import { create, delivered, joined, RUNNER, request } from './stage.ts';

const NAMES = ['a', 'b', 'c'];
/** Two go at once, one waits for its turn: all that a job can have. */
const ASKED = request({ idempotencyKey: 'k', ttlMs: 3_600_000, batch: '2', maxFailures: '1' });

const listed = (world: ControllerWorld) => world.controller.verbs.jobs.list({ limit: 10 });

/** Kills the controller at one call between request and reply; false: it was done before it came to that. */
async function survives(
  t: Parameters<typeof controllerWorld>[0],
  call: number,
  when: 'before' | 'after',
): Promise<boolean> {
  const story = `killed ${when} call ${call}`;
  const world = await controllerWorld(t);
  const agents = [];
  for (const name of NAMES) agents.push(await joined(world, name));
  for (const agent of agents.slice(0, 2)) await agent.connect();
  const verbs = world.controller.verbs.jobs;
  world.leash.dieAt(call, when);
  let acknowledged: string | undefined;
  void verbs.create(ASKED, RUNNER).then((created) => {
    acknowledged = created.job;
  });
  await world.clock.settle();
  const died = world.leash.isDead;
  await world.crash();
  await world.clock.settle();

  const found = await listed(world);
  assert.ok(found.length <= 1, `${story}: ${found.length} jobs`);
  if (acknowledged !== undefined)
    assert.deepEqual(
      found.map((job) => job.job),
      [acknowledged],
      story,
    );
  const [again, twice] = await Promise.all(
    [1, 2].map(() => world.controller.verbs.jobs.create(ASKED, RUNNER)),
  );
  assert.equal(again?.job, twice?.job, story);
  if (found[0]) assert.equal(again?.job, found[0].job, story);
  assert.equal((await listed(world)).length, 1, story);
  await assert.rejects(
    world.controller.verbs.jobs.create({ ...ASKED, targets: 'a' }, RUNNER),
    { code: 'idempotency-conflict' },
    story,
  );

  // Whole: all its targets, its window, and an order that everybody can open and end.
  const job = again?.job ?? '';
  assert.deepEqual(
    (await world.controller.verbs.jobs.show(job)).runs.map((run) => run.agent),
    NAMES,
    story,
  );
  for (const agent of agents) {
    const session = await agent.connect();
    session.send('report', agent.report(delivered(agent, session)));
    await world.clock.settle();
  }
  const shown = await world.controller.verbs.jobs.show(job);
  assert.deepEqual([shown.state, shown.counts, shown.pace?.waiting], ['over', { succeeded: 3 }, 0], story);
  return died;
}

for (const when of ['before', 'after'] as const) {
  test(`a controller killed ${when} any call between request and reply keeps what it acknowledged, whole, and the key makes it once`, async (t) => {
    let call = 1;
    while (await survives(t, call, when)) call += 1;
    assert.ok(call > 3, `${call - 1} calls`);
  });
}

test('many requests with one key at once make one job, and those of another operator another', async (t) => {
  const world = await controllerWorld(t);
  await joined(world, 'a');
  const { create: make } = world.controller.verbs.jobs;
  const made = await Promise.all(Array.from({ length: 20 }, () => make(ASKED, RUNNER)));
  assert.equal(new Set(made.map((one) => one.job)).size, 1);
  assert.equal(made.filter((one) => one.created).length, 1);
  const theirs = await make(ASKED, { name: 'ann', role: 'runner' });
  assert.notEqual(theirs.job, made[0]?.job);
});

test('a job that was retried with a key is retried once', async (t) => {
  const world = await controllerWorld(t);
  await joined(world, 'a');
  const job = await create(world);
  await world.clock.advance(16_000);
  const { retry } = world.controller.verbs.jobs;
  const [first, second] = await Promise.all([1, 2].map(() => retry(job, { idempotencyKey: 'r' }, RUNNER)));
  assert.equal(first?.job, second?.job);
  await assert.rejects(retry(job, { idempotencyKey: 'r', ttlMs: 1_000 }, RUNNER), {
    code: 'idempotency-conflict',
  });
});
