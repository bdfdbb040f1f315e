import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openRelease } from '../../../certs/release.ts';
import { applyTrust, pinned } from '../../../certs/trust.ts';
import type { ReleaseRequest } from '../../../controller/fleet/releases.ts';
import { fromHex, toHex } from '../../../proto/ids.ts';
import { ADMIN, type ControllerWorld, controllerWorld } from '../../support/controller-world.ts';

const BUILD = { form: 'executable', arch: 'x64', sha512: 'ab'.repeat(64), length: 10 } as const;
const ASKED: ReleaseRequest = { agentVersion: '1.2.3', builds: [BUILD] };

const bytes = (hex: string): Uint8Array => fromHex(hex, hex.length / 2) ?? new Uint8Array(0);

/** As an agent that was given the chain by an installer. */
async function trustOf({ controller }: ControllerWorld) {
  const chain = await controller.verbs.fleet.trust();
  return chain.documents.reduce(
    (trust, document) => applyTrust(trust, Buffer.from(document, 'base64')),
    pinned(bytes(chain.fleetId), bytes(chain.rootKeyId)),
  );
}

const opened = async (world: ControllerWorld, signed: Awaited<ReturnType<typeof sign>>) =>
  openRelease(
    await trustOf(world),
    {
      release: Buffer.from(signed.release, 'base64'),
      signatures: signed.signatures.map((one) => ({
        keyId: bytes(one.keyId),
        signature: Buffer.from(one.signature, 'base64'),
      })),
    },
    world.clock.now(),
  );
const sign = (world: ControllerWorld, asked: ReleaseRequest = ASKED) =>
  world.controller.verbs.fleet.signRelease(asked, ADMIN);

test('what the controller signs, agents of its fleet take; the audit log says who had it signed', async (t) => {
  const world = await controllerWorld(t);
  const release = await opened(world, await sign(world));
  assert.equal(release.agentVersion, '1.2.3');
  assert.equal(toHex(release.builds[0]?.sha512 ?? bytes('')), BUILD.sha512);
  const [entry] = (await world.controller.verbs.audit.list({ afterSeq: 0, limit: 100 })).slice(-1);
  assert.deepEqual([entry?.action, entry?.actor], ['release.sign', ADMIN.name]);
  assert.deepEqual(entry?.detail, { version: '1.2.3', builds: [BUILD] });
});

test('agents of another fleet do not take it', async (t) => {
  const world = await controllerWorld(t);
  const other = await controllerWorld(t, {
    keys: { ...world.keys, root: world.keys.controller, release: world.keys.root ?? world.keys.controller },
  });
  await assert.rejects(opened(world, await sign(other)), { code: 'bad-release' });
});

test('builds that no agent would take are not signed', async (t) => {
  const world = await controllerWorld(t);
  for (const wrong of [
    { ...ASKED, agentVersion: '1.2' },
    { ...ASKED, builds: [] },
    { ...ASKED, builds: [BUILD, BUILD] },
    { ...ASKED, builds: [{ ...BUILD, sha512: 'ab' }] },
    { ...ASKED, builds: [{ form: 'executable', sha512: BUILD.sha512, length: 1 } as const] },
  ])
    await assert.rejects(sign(world, wrong), { code: 'bad-request' }, JSON.stringify(wrong));
  const entries = await world.controller.verbs.audit.list({ afterSeq: 0, limit: 100 });
  assert.ok(!entries.some(({ action }) => action === 'release.sign'));
});

test('without its release key a controller signs none, and what was signed before still counts', async (t) => {
  const world = await controllerWorld(t);
  const before = await sign(world);
  world.keys.release = undefined;
  await world.restart();
  await assert.rejects(sign(world), { code: 'release-key-away' });
  assert.equal((await opened(world, before)).agentVersion, '1.2.3');
});
