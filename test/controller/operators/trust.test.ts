import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyTrust, pinned, signerOf } from '../../../certs/trust.ts';
import { signKeyPair } from '../../../proto/crypto.ts';
import { keyId } from '../../../proto/frame.ts';
import { toHex } from '../../../proto/ids.ts';
import { ADMIN, type ControllerWorld, controllerWorld } from '../../support/controller-world.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const { publicKey } = signKeyPair(seededRandom('kim')(32));
const ID = keyId('operator', publicKey);

async function world(t: { after(fn: () => unknown): void }, role: 'viewer' | 'runner' | 'admin' = 'runner') {
  const made = await controllerWorld(t);
  await made.controller.operators.add({ name: 'kim', role }, ADMIN);
  return made;
}

/** What agents say of the key, by the documents that they get. */
async function signer({ controller, clock }: ControllerWorld, kind: string) {
  const { fleetId, rootKeyId, documents } = await controller.verbs.fleet.trust();
  const trust = documents.reduce(
    (before, document) => applyTrust(before, Buffer.from(document, 'base64')),
    pinned(Buffer.from(fleetId, 'hex'), Buffer.from(rootKeyId, 'hex')),
  );
  const found = signerOf(trust, ID, kind, clock.now());
  return typeof found === 'string' ? found : found.role;
}

test("agents take what an operator's key signs once it is trusted, also after a restart, and nothing once it is revoked", async (t) => {
  const at = await world(t);
  assert.equal(await signer(at, 'run'), 'signer-unknown');
  await at.controller.operators.trust('kim', publicKey, ADMIN);
  await at.restart();
  assert.equal(await signer(at, 'run'), 'operator');
  assert.equal(await signer(at, 'upgrade'), 'signer-not-allowed');
  assert.deepEqual((await at.controller.operators.list()).at(-1)?.keys, [toHex(ID)]);
  assert.deepEqual(await at.controller.operators.revoke('kim', ADMIN), {
    revokedKeys: [toHex(ID)],
    trustedKeys: [],
  });
  await at.restart();
  assert.equal(await signer(at, 'run'), 'signer-revoked');
});

test('a key that was revoked, is the key of something else, or of one who only looks, is not trusted', async (t) => {
  const at = await world(t);
  const trust = (key: Uint8Array, name = 'kim') => at.controller.operators.trust(name, key, ADMIN);
  await assert.rejects(trust(at.keys.controller.publicKey), { code: 'bad-key' });
  await assert.rejects(trust(new Uint8Array(32)), { code: 'bad-key' });
  await assert.rejects(trust(publicKey, 'nobody'), { code: 'no-such-operator' });
  await at.controller.operators.add({ name: 'ann', role: 'viewer' }, ADMIN);
  await assert.rejects(trust(publicKey, 'ann'), { code: 'bad-request' });
  await trust(publicKey);
  await at.controller.operators.untrust('kim', ADMIN, toHex(ID));
  await assert.rejects(trust(publicKey), { code: 'bad-key' });
  await assert.rejects(at.controller.operators.untrust('kim', ADMIN), { code: 'not-found' });
});

test('without the root key nothing is trusted, and a revoked operator whose key still counts is told of', async (t) => {
  const at = await world(t);
  await at.controller.operators.trust('kim', publicKey, ADMIN);
  at.keys.root = undefined;
  await at.restart();
  await assert.rejects(at.controller.operators.untrust('kim', ADMIN), { code: 'root-key-away' });
  assert.deepEqual(await at.controller.operators.revoke('kim', ADMIN), {
    revokedKeys: [],
    trustedKeys: [toHex(ID)],
  });
  assert.equal(await signer(at, 'run'), 'operator');
});
