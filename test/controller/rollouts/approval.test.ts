import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RolloutBody } from '../../../controller/api/contract.ts';
import { ADMIN, type ControllerWorld, controllerWorld } from '../../support/controller-world.ts';
import { ANN, type Crew, crewOf, KIM, phases, show, start } from './stage.ts';

const GATED: NonNullable<RolloutBody['waves']> = [
  { name: 'canary', size: '1', gate: { approval: 'not-starter' } },
  { name: 'rest', rest: true },
];

/** A rollout of kim's whose canary is done, and that waits for somebody else. */
async function waiting(t: { after(fn: () => unknown): void }, more: Partial<RolloutBody> = {}) {
  const world = await controllerWorld(t);
  const crew = await crewOf(world, ['web-1', 'web-2']);
  await world.controller.operators.add({ name: 'kim', role: 'runner' }, ADMIN);
  const rollout = await start(world, { waves: GATED, ...more });
  await crew.work();
  return { world, crew, rollout };
}

async function assertStillWaits(world: ControllerWorld, crew: Crew, rollout: string): Promise<void> {
  const { rollouts } = world.controller.verbs;
  await assert.rejects(rollouts.approve(rollout, {}, KIM), { code: 'forbidden' });
  await crew.work();
  assert.equal((await show(world, rollout)).waveDetails[0]?.state, 'approval');
  assert.deepEqual(crew.member('web-2').did, []);
}

test('who started it does not approve it, nor does a pause, a resume or a restart in the place of somebody else', async (t) => {
  const { world, crew, rollout } = await waiting(t);
  await assertStillWaits(world, crew, rollout);
  const { rollouts } = world.controller.verbs;
  await rollouts.pause(rollout, {}, KIM);
  await rollouts.resume(rollout, {}, KIM);
  await assertStillWaits(world, crew, rollout);
  await world.restart();
  await crew.back();
  await assertStillWaits(world, crew, rollout);
  await world.controller.verbs.rollouts.approve(rollout, {}, ANN);
  await crew.work();
  assert.equal(await phases(world, rollout), 'web-1 done, web-2 done');
});

test('who started it does not approve it as an operator of the same name who was added anew, with another role', async (t) => {
  const { world, crew, rollout } = await waiting(t);
  await world.controller.operators.revoke('kim', ADMIN);
  await world.controller.operators.add({ name: 'kim', role: 'admin' }, ADMIN).catch(() => undefined);
  const { rollouts } = world.controller.verbs;
  await assert.rejects(rollouts.approve(rollout, {}, { name: 'kim', role: 'admin' }), { code: 'forbidden' });
  await assertStillWaits(world, crew, rollout);
});

test('nobody approves beforehand, nor another wave than the one that waits', async (t) => {
  const world = await controllerWorld(t);
  const crew = await crewOf(world, ['web-1', 'web-2']);
  const rollout = await start(world, { waves: GATED });
  const { rollouts } = world.controller.verbs;
  await assert.rejects(rollouts.approve(rollout, {}, ANN), { code: 'rollout-state' });
  await crew.work();
  await assert.rejects(rollouts.approve(rollout, { wave: 1 }, ANN), { code: 'rollout-state' });
  await assertStillWaits(world, crew, rollout);
  await rollouts.approve(rollout, { wave: 0 }, ANN);
  await assert.rejects(rollouts.approve(rollout, {}, ANN), { code: 'rollout-state' });
});

test('after a canary failed and was passed by, its wave still waits for somebody else', async (t) => {
  const world = await controllerWorld(t);
  const crew = await crewOf(world, ['web-1', 'web-2', 'web-3']);
  crew.behave = (host, line) => (host === 'web-1' && line === 'change' ? 'badly' : 'well');
  const rollout = await start(world, {
    waves: [{ size: '2', gate: { success: '100%', approval: 'not-starter' } }, { rest: true }],
  });
  await crew.work();
  assert.equal((await show(world, rollout)).state, 'stopped');
  const { rollouts } = world.controller.verbs;
  await rollouts.resume(rollout, {}, KIM);
  await crew.work();
  assert.equal((await show(world, rollout)).waveDetails[0]?.state, 'approval');
  await assert.rejects(rollouts.approve(rollout, {}, KIM), { code: 'forbidden' });
  assert.deepEqual(crew.member('web-3').did, []);
});
