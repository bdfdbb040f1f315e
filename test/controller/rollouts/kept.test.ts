import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ADMIN, controllerWorld } from '../../support/controller-world.ts';
import { crewOf, phases, show, start } from './stage.ts';

const DAY_MS = 86_400_000;
const prune = { olderThanMs: DAY_MS, outputOnly: false, dryRun: false };

test('jobs of a rollout are pruned with it, and no earlier: as long as hosts can be brought back it is kept', async (t) => {
  const world = await controllerWorld(t);
  const crew = await crewOf(world, ['web-1', 'web-2']);
  const rollout = await start(world, { lifeMs: 5 * DAY_MS });
  await crew.work();
  const { verbs } = world.controller;
  await world.clock.advance(3 * DAY_MS);
  await verbs.retention.prune(prune, ADMIN);
  assert.equal((await show(world, rollout)).state, 'succeeded');
  assert.equal((await verbs.jobs.list({ limit: 10 })).length, 2, 'its change, and what takes it back');
  await world.clock.advance(5 * DAY_MS);
  await verbs.retention.prune(prune, ADMIN);
  await assert.rejects(show(world, rollout), { code: 'no-such-rollout' });
  assert.deepEqual(await verbs.jobs.list({ limit: 10 }), []);
});

test('its orders expire, and nothing begins any more', async (t) => {
  const world = await controllerWorld(t);
  const crew = await crewOf(world, ['web-1', 'web-2']);
  const gate = { approval: 'anybody' as const };
  const rollout = await start(world, { lifeMs: DAY_MS, waves: [{ size: '1', gate }, { rest: true }] });
  await crew.work();
  await world.clock.advance(2 * DAY_MS);
  assert.equal((await show(world, rollout)).state, 'aborted');
  assert.equal(await phases(world, rollout), 'web-1 done, web-2 skipped');
});
