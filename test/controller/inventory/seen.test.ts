import assert from 'node:assert/strict';
import { test } from 'node:test';
import { controllerWorld } from '../../support/controller-world.ts';
import { joined } from '../jobs/stage.ts';

test('after a controller that was killed an agent is away since it was last here, and not since its session began', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  for (let i = 0; i < 60; i += 1) {
    await world.clock.advance(10_000);
    session.send('ping', { id: i });
    await world.clock.settle();
  }
  const killedMs = world.clock.now();
  await world.crash();
  await world.clock.advance(7_200_000);
  const shown = await world.controller.verbs.agents.show('web-1');
  assert.equal(shown.online, false);
  const early = killedMs - (shown.lastSeenMs ?? 0);
  assert.ok(early >= 0 && early <= 60_000, `${early} ms before it was killed`);
});
