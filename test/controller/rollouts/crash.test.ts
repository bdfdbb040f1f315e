import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RolloutBody } from '../../../controller/api/contract.ts';
import { type ControllerWorld, controllerWorld } from '../../support/controller-world.ts';
import { type FailingDatabase, failingDatabase } from '../../support/failing-database.ts';
import { ANN, type Crew, crewOf, phases, shell, show, start } from './stage.ts';

const HOSTS = ['web-1', 'web-2', 'web-3', 'web-4', 'web-5'];
const WHOLE: Partial<RolloutBody> = {
  ...{ pre: [shell('pre')], post: [shell('post')], maxUnavailable: '2', maxFailures: '1' },
  waves: [{ size: '1' }, { rest: true }],
  probes: [{ name: 'up', shell: { line: 'true' } }],
};
const FAILS: Crew['behave'] = (host, line) => (host === 'web-3' && line === 'change' ? 'badly' : 'well');

/** Of each host and step at most one start, whoever of the controllers ordered it. */
function assertNothingTwice(crew: Crew): void {
  for (const { name, did } of crew.members.values())
    assert.equal(new Set(did).size, did.length, `${name} did something twice: ${did.join(', ')}`);
}

async function finished(world: ControllerWorld, crew: Crew, rollout: string): Promise<void> {
  // A retry of a write that failed, and links that were cut, take their time.
  for (let round = 0; round < 20; round += 1) {
    await crew.work();
    if ((await show(world, rollout)).state !== 'running') break;
    await world.clock.advance(10_000);
  }
}

test('a controller that dies at any of its writes goes on where it was, and nothing is done twice', async (t) => {
  let crashes = 0;
  for (let nth = 1; nth < 200; nth += 3) {
    const database: { failing?: FailingDatabase } = {};
    const world = await controllerWorld(t, { wrap: (db) => (database.failing = failingDatabase(db)) });
    const crew = await crewOf(world, HOSTS);
    crew.behave = FAILS;
    const rollout = await start(world, WHOLE);
    const { failing = assert.fail() } = database;
    const before = failing.writes;
    // What is written at that moment is not there, and neither is who wrote it.
    failing.fails = (write) => write >= before + nth;
    await crew.work();
    const isThere = failing.writes >= before + nth;
    failing.fails = () => false;
    await world.crash();
    await crew.back();
    await finished(world, crew, rollout);
    assert.equal(
      await phases(world, rollout),
      'web-1 done, web-2 done, web-3 reverted, web-4 done, web-5 done',
      `${nth}`,
    );
    assert.equal((await show(world, rollout)).state, 'succeeded');
    assertNothingTwice(crew);
    if (!isThere) break;
    crashes += 1;
  }
  assert.ok(crashes > 5, `only ${crashes} crashes`);
});

test('a write that fails is gone on from once the store can be written again', async (t) => {
  for (const nth of [1, 2, 5, 9, 14]) {
    const database: { failing?: FailingDatabase } = {};
    const world = await controllerWorld(t, { wrap: (db) => (database.failing = failingDatabase(db)) });
    const crew = await crewOf(world, HOSTS);
    crew.behave = FAILS;
    const rollout = await start(world, WHOLE);
    const { failing = assert.fail() } = database;
    const from = failing.writes + nth;
    failing.fails = (write) => write === from;
    for (let round = 0; round < 5; round += 1) {
      await crew.work();
      await world.clock.advance(20_000);
      await crew.back();
    }
    await finished(world, crew, rollout);
    assert.equal((await show(world, rollout)).state, 'succeeded', `${nth}`);
    assertNothingTwice(crew);
  }
});

test('while the store is full no rollout begins, and one that is refused left nothing behind', async (t) => {
  const database: { failing?: FailingDatabase } = {};
  const world = await controllerWorld(t, { wrap: (db) => (database.failing = failingDatabase(db)) });
  await crewOf(world, HOSTS);
  const { failing = assert.fail() } = database;
  failing.fails = () => true;
  await assert.rejects(start(world), { code: 'store-failed' });
  failing.fails = () => false;
  assert.deepEqual(await world.controller.verbs.rollouts.list({ limit: 10 }), []);
  assert.deepEqual(await world.controller.verbs.jobs.list({ limit: 10 }), []);
});

test('what an operator decided outlives the controller: it is still paused, and its hosts are where they were', async (t) => {
  const world = await controllerWorld(t);
  const crew = await crewOf(world, HOSTS);
  const rollout = await start(world, WHOLE);
  await world.clock.settle();
  await world.controller.verbs.rollouts.pause(rollout, { reason: 'lunch' }, ANN);
  await world.crash();
  await crew.back();
  await crew.work();
  const detail = await show(world, rollout);
  assert.deepEqual([detail.state, detail.reason], ['paused', 'lunch']);
  assert.deepEqual(crew.member('web-2').did, []);
});

test('a thousand hosts are carried through in seconds', async (t) => {
  const world = await controllerWorld(t);
  const names = Array.from({ length: 1_000 }, (_, index) => `host-${index + 1}`);
  const crew = await crewOf(world, names);
  const rollout = await start(world, { waves: [{ size: '10' }, { rest: true }], maxUnavailable: '200' });
  await crew.work();
  const { state, counts } = await show(world, rollout);
  assert.deepEqual([state, counts], ['succeeded', { done: 1_000 }]);
  assertNothingTwice(crew);
});
