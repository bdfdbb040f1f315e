import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signOrder } from '../../../proto/bundle.ts';
import { signKeyPair } from '../../../proto/crypto.ts';
import { keyId } from '../../../proto/frame.ts';
import { ADMIN, type ControllerWorld, controllerWorld } from '../../support/controller-world.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { delivered, joined, RUNNER, request } from './stage.ts';

const KEY = signKeyPair(seededRandom('kim')(32));
const OTHER = signKeyPair(seededRandom('other')(32));
const ID = keyId('operator', KEY.publicKey);
const BY_KIM = { ...RUNNER, name: 'kim' } as const;

/** A controller with one host, and kim, whose key is trusted. */
async function world(t: { after(fn: () => unknown): void }): Promise<ControllerWorld> {
  const made = await controllerWorld(t);
  await joined(made, 'a');
  await made.controller.operators.add({ name: 'kim', role: 'runner' }, ADMIN);
  await made.controller.operators.trust('kim', KEY.publicKey, ADMIN);
  return made;
}

async function draft({ controller }: ControllerWorld, by = BY_KIM, signer = ID) {
  const drawn = await controller.verbs.jobs.draft(request(), by, signer);
  assert.ok('draft' in drawn);
  return drawn.draft;
}
const jobs = async ({ controller }: ControllerWorld) =>
  (await controller.verbs.jobs.list({ limit: 10 })).length;

test('an order that its operator signed is delivered with both signatures, and there is no job before it is signed', async (t) => {
  const at = await controllerWorld(t);
  const a = await joined(at, 'a');
  await at.controller.operators.add({ name: 'kim', role: 'runner' }, ADMIN);
  await at.controller.operators.trust('kim', KEY.publicKey, ADMIN);
  const { job, order } = await draft(at);
  assert.equal(await jobs(at), 0);
  await at.controller.verbs.jobs.submit(job, signOrder(order, 'operator', KEY), BY_KIM);
  const { signers } = delivered(a, await a.connect());
  assert.deepEqual(signers, ['controller', 'operator']);
});

test('a draft becomes one job, however often its signature comes', async (t) => {
  const at = await world(t);
  const { job, order } = await draft(at);
  const signed = signOrder(order, 'operator', KEY);
  const submit = () => at.controller.verbs.jobs.submit(job, signed, BY_KIM);
  const [first, second] = await Promise.all([submit(), submit()]);
  assert.deepEqual([first.job, second.job], [job, job]);
  assert.deepEqual({ ...(await submit()), targets: [] }, { ...first, created: false, targets: [] });
  assert.equal(await jobs(at), 1);
});

for (const [what, sign, code] of [
  ['another key', (order: Uint8Array) => signOrder(order, 'operator', OTHER), 'signer-unknown'],
  ['the signature of another order', () => signOrder(new Uint8Array(3), 'operator', KEY), 'order-signature'],
] as const)
  test(`a draft with ${what} makes no job, and can be signed still`, async (t) => {
    const at = await world(t);
    const { job, order } = await draft(at);
    await assert.rejects(at.controller.verbs.jobs.submit(job, sign(order), BY_KIM), { code });
    assert.equal(await jobs(at), 0);
    await at.controller.verbs.jobs.submit(job, signOrder(order, 'operator', KEY), BY_KIM);
    assert.equal(await jobs(at), 1);
  });

test("nobody signs another operator's draft, nor with another operator's key", async (t) => {
  const at = await world(t);
  await at.controller.operators.add({ name: 'ann', role: 'runner' }, ADMIN);
  const ann = { ...BY_KIM, name: 'ann' as never };
  await assert.rejects(draft(at, ann), { code: 'signer-unknown' });
  const { job, order } = await draft(at);
  await assert.rejects(at.controller.verbs.jobs.submit(job, signOrder(order, 'operator', KEY), ann), {
    code: 'draft-over',
  });
});

test('a key that was revoked between draft and signature makes no job', async (t) => {
  const at = await world(t);
  const { job, order } = await draft(at);
  await at.controller.operators.untrust('kim', ADMIN);
  await assert.rejects(at.controller.verbs.jobs.submit(job, signOrder(order, 'operator', KEY), BY_KIM), {
    code: 'signer-revoked',
  });
  assert.equal(await jobs(at), 0);
});

test('a draft is over with its order, with the controller that made it, and where a host of it has left', async (t) => {
  const at = await world(t);
  const late = await draft(at);
  await at.clock.advance(15_000);
  const submit = ({ job, order }: typeof late) =>
    at.controller.verbs.jobs.submit(job, signOrder(order, 'operator', KEY), BY_KIM);
  await assert.rejects(submit(late), { code: 'draft-over' });
  const before = await draft(at);
  await at.restart();
  await assert.rejects(submit(before), { code: 'draft-over' });
  const left = await draft(at);
  const [{ id } = { id: '' }] = left.targets;
  await at.controller.verbs.agents.remove(id, ADMIN);
  await assert.rejects(submit(left), { code: 'draft-over' });
  assert.equal(await jobs(at), 0);
});
