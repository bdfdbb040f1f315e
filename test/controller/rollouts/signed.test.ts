import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RolloutBody } from '../../../controller/api/contract.ts';
import { signOrder } from '../../../proto/bundle.ts';
import { signKeyPair } from '../../../proto/crypto.ts';
import { keyId } from '../../../proto/frame.ts';
import { ADMIN, type ControllerWorld, controllerWorld } from '../../support/controller-world.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { ANN, body, crewOf, KIM, phases, shell, show } from './stage.ts';

const KEY = signKeyPair(seededRandom('kim')(32));
const OTHER = signKeyPair(seededRandom('other')(32));
const ID = keyId('operator', KEY.publicKey);
const WHOLE: Partial<RolloutBody> = {
  ...{ pre: [shell('pre')], post: [shell('post')] },
  waves: [{ size: '1', gate: { soakMs: 1_000 } }, { rest: true }],
  probes: [{ name: 'up', shell: { line: 'true' } }],
};

/** A controller with three hosts, and kim, whose key is trusted. */
async function stage(t: { after(fn: () => unknown): void }) {
  const world = await controllerWorld(t);
  await world.controller.operators.add({ name: 'kim', role: 'runner' }, ADMIN);
  await world.controller.operators.trust('kim', KEY.publicKey, ADMIN);
  const crew = await crewOf(world, ['web-1', 'web-2', 'web-3']);
  return { world, crew };
}
async function drawn(
  { controller }: ControllerWorld,
  more: Partial<RolloutBody> = WHOLE,
  key?: string,
  by = KIM,
) {
  const answer = await controller.verbs.rollouts.draft(body(more), by, ID, key);
  assert.ok('draft' in answer);
  return answer.draft;
}
type Drawn = Awaited<ReturnType<typeof drawn>>;
const signed = ({ orders }: Drawn, key = KEY) => orders.map(({ order }) => signOrder(order, 'operator', key));
const submit = (
  { controller }: ControllerWorld,
  draft: Drawn,
  signatures = signed(draft),
  by: { name: string; role: 'runner' } = KIM,
) => controller.verbs.rollouts.submit(draft.rollout, signatures, by);
const rollouts = async ({ controller }: ControllerWorld) =>
  (await controller.verbs.rollouts.list({ limit: 10 })).length;

test('each order of a signed rollout has both signatures, also the way back and after the death of its controller', async (t) => {
  const { world, crew } = await stage(t);
  crew.behave = (host, line) => (host === 'web-3' && line === 'change' ? 'badly' : 'well');
  const draft = await drawn(world);
  assert.equal(await rollouts(world), 0);
  assert.equal((await world.controller.verbs.jobs.list({ limit: 10 })).length, 0);
  const { rollout } = await submit(world, draft);
  await crew.work();
  const signers: string[][] = [];
  const note = () => {
    for (const { agent, session } of crew.members.values())
      for (const frame of session.of('deliver')) signers.push([...agent.open(frame).signers]);
  };
  note();
  await world.crash();
  await crew.back();
  for (let round = 0; round < 10; round += 1) {
    await world.clock.advance(5_000);
    await crew.work();
  }
  note();
  assert.equal(await phases(world, rollout), 'web-1 done, web-2 done, web-3 reverted');
  assert.ok(crew.member('web-3').did.includes('undo'));
  assert.ok(signers.length >= 11, `${signers.length}`);
  for (const one of signers) assert.deepEqual(one, ['controller', 'operator']);
});

test('a draft becomes one rollout, however often its signatures come', async (t) => {
  const { world } = await stage(t);
  const draft = await drawn(world);
  const [first, second] = await Promise.all([submit(world, draft), submit(world, draft)]);
  const third = await submit(world, draft);
  for (const one of [first, second, third]) assert.equal(one.rollout, draft.rollout);
  assert.equal(third.created, false);
  assert.equal(await rollouts(world), 1);
});

for (const busy of ['refuse', 'wait'] as const)
  test(`of two drafts with one idempotency key the second is told of the first one's rollout (busy: ${busy})`, async (t) => {
    const { world } = await stage(t);
    const one = await drawn(world, { ...WHOLE, busy }, 'k');
    const two = await drawn(world, { ...WHOLE, busy }, 'k');
    await submit(world, one);
    assert.deepEqual(await submit(world, two), { rollout: one.rollout, created: false, hosts: 3, waves: 2 });
    const again = await world.controller.verbs.rollouts.draft(body({ ...WHOLE, busy }), KIM, ID, 'k');
    assert.ok('made' in again && again.made.rollout === one.rollout);
    await assert.rejects(world.controller.verbs.rollouts.draft(body(), KIM, ID, 'k'), {
      code: 'idempotency-conflict',
    });
    assert.equal(await rollouts(world), 1);
  });

for (const [what, signatures, code] of [
  ['a signature too few', (draft: Drawn) => signed(draft).slice(1), 'bad-request'],
  ['a signature too many', (draft: Drawn) => [...signed(draft), ...signed(draft).slice(0, 1)], 'bad-request'],
  ['two signatures exchanged', (draft: Drawn) => signed(draft).toReversed(), 'order-signature'],
  [
    'one signature for all',
    (draft: Drawn) => draft.orders.map(() => signed(draft)[0] as never),
    'order-signature',
  ],
  ['another key', (draft: Drawn) => signed(draft, OTHER), 'signer-unknown'],
] as const)
  test(`a draft with ${what} starts nothing, and can be signed still`, async (t) => {
    const { world } = await stage(t);
    const draft = await drawn(world);
    await assert.rejects(submit(world, draft, signatures(draft)), { code });
    assert.equal(await rollouts(world), 0);
    await submit(world, draft);
    assert.equal(await rollouts(world), 1);
  });

test("nobody starts another operator's draft, nor draws one with another operator's key", async (t) => {
  const { world } = await stage(t);
  await world.controller.operators.add({ name: 'ann', role: 'runner' }, ADMIN);
  const draft = await drawn(world);
  await assert.rejects(submit(world, draft, signed(draft), ANN), { code: 'draft-over' });
  await assert.rejects(drawn(world, WHOLE, undefined, ANN as never), { code: 'signer-unknown' });
  await submit(world, draft);
  await assert.rejects(submit(world, draft, signed(draft), ANN), { code: 'draft-over' });
});

test('a key that was revoked between draft and signature starts nothing', async (t) => {
  const { world } = await stage(t);
  const draft = await drawn(world);
  await world.controller.operators.untrust('kim', ADMIN);
  await assert.rejects(submit(world, draft), { code: 'signer-revoked' });
  assert.equal(await rollouts(world), 0);
});

test('a draft is over after a while, with the controller that made it, and where a host of it has left', async (t) => {
  const { world, crew } = await stage(t);
  const late = await drawn(world);
  await world.clock.advance(300_000);
  await assert.rejects(submit(world, late), { code: 'draft-over' });
  const before = await drawn(world);
  await world.restart();
  await assert.rejects(submit(world, before), { code: 'draft-over' });
  const left = await drawn(world);
  await world.controller.verbs.agents.remove(crew.member('web-3').agent.id, ADMIN);
  await assert.rejects(submit(world, left), { code: 'draft-over' });
  assert.equal(await rollouts(world), 0);
});

test('a host that another rollout took between draft and signature is refused, with nothing stored', async (t) => {
  const { world } = await stage(t);
  const draft = await drawn(world);
  await world.controller.verbs.rollouts.start(body({ name: 'first' }), ANN);
  const jobs = (await world.controller.verbs.jobs.list({ limit: 100 })).length;
  await assert.rejects(submit(world, draft), { code: 'host-busy' });
  assert.equal(await rollouts(world), 1);
  assert.equal((await world.controller.verbs.jobs.list({ limit: 100 })).length, jobs);
});

test('a runner draws no upgrade of agents', async (t) => {
  const { world } = await stage(t);
  const change = {
    kind: 'upgrade',
    title: 'x',
    tasks: [{ upgrade: { version: '2.0.0', builds: [] } }],
  } as never;
  await assert.rejects(drawn(world, { change }), { code: 'forbidden' });
});

test('a signed rollout is not longer than its orders: what had no turn by then has none any more', async (t) => {
  const { world, crew } = await stage(t);
  const waves: RolloutBody['waves'] = [{ size: '1', gate: { approval: 'anybody' } }, { rest: true }];
  const { rollout } = await submit(world, await drawn(world, { waves, lifeMs: 3_600_000 }));
  await crew.work();
  await world.clock.advance(3_700_000);
  await crew.back();
  await world.controller.verbs.rollouts.approve(rollout, {}, ANN).catch(() => undefined);
  await crew.work();
  for (const name of ['web-2', 'web-3']) assert.deepEqual(crew.member(name).did, []);
  assert.notEqual((await show(world, rollout)).state, 'succeeded');
});

test('orders that come to more than lies well in memory are not drawn, and nothing of them is stored', async (t) => {
  const { world } = await stage(t);
  // Each is an order of its own for each of three waves.
  const probes = Array.from({ length: 200 }, (_, index) => ({
    ...{ name: `p${index}`, from: { targets: 'web-1' }, shell: { line: 'x'.repeat(120_000) } },
  }));
  const waves = ['web-1', 'web-2', 'web-3'].map((hosts) => ({ hosts }));
  await assert.rejects(drawn(world, { waves, probes }), /its orders come to more than 67108864 bytes/);
  assert.equal((await world.controller.verbs.jobs.list({ limit: 10 })).length, 0);
});
