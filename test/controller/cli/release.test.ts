import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import { openRelease } from '../../../certs/release.ts';
import { applyTrust, pinned } from '../../../certs/trust.ts';
import type { Client } from '../../../controller/cli/client.ts';
import { publishRelease } from '../../../controller/cli/release.ts';
import type { Arch, Builds, Form, Packed } from '../../../controller/installer/build.ts';
import { ADMIN, controllerWorld } from '../../support/controller-world.ts';
import { pieces } from '../contents/world.ts';

const sha512 = (bytes: Uint8Array): string => createHash('sha512').update(bytes).digest('hex');

function packedOf(form: Form, arch: Arch): Packed {
  const file = Buffer.from(`the agent, ${form === 'bundle' ? form : arch}`);
  const bytes = zstdCompressSync(file);
  return {
    build: {
      version: '1.2.3',
      form,
      arch: form === 'bundle' ? undefined : arch,
      sha512: sha512(file),
      length: file.length,
    },
    packing: 'zstd',
    length: bytes.length,
    sha512: sha512(bytes),
    open: () => pieces(bytes),
    read: async (at, length) => bytes.subarray(at, at + length),
  };
}

async function stage(t: TestContext) {
  const world = await controllerWorld(t);
  const { verbs } = world.controller;
  const sent: string[] = [];
  // The command line's client, without what lies in between.
  const call = async (
    name: string,
    given: never,
    { bytes }: { bytes?: Uint8Array } = {},
  ): Promise<unknown> => {
    const { params, query, body } = given as { params: { sha512: string }; query: object; body: never };
    if (name === 'releases.sign') return verbs.fleet.signRelease(body, ADMIN);
    if (name === 'contents.show') return verbs.contents.show(params.sha512);
    sent.push(params.sha512);
    const at = query as { offset: number; length: number };
    return verbs.contents.put({ ...params, ...at, body: pieces(bytes ?? Buffer.alloc(0)) }, ADMIN);
  };
  const asked: string[] = [];
  const builds: Pick<Builds, 'packed'> = {
    async packed(form, arch, accepted) {
      asked.push(`${form} ${arch} ${accepted.join()}`);
      return packedOf(form, arch);
    },
  };
  const client = { call: call as Client['call'] };
  const parts = {
    client,
    clock: world.clock,
    random: () => Buffer.alloc(8),
    begun: () => {},
    moved: () => {},
  };
  return { world, parts, builds, sent, asked };
}

test('a release is signed over the builds in the order of its contents, each of which is at the controller', async (t) => {
  const { world, parts, builds, sent, asked } = await stage(t);
  const wanted = [
    { form: 'executable', arch: 'arm64' },
    { form: 'bundle', arch: 'x64' },
    { form: 'bundle', arch: 'arm64' },
  ] as const;
  const body = await publishRelease(parts, builds, wanted);
  assert.deepEqual(asked, ['executable arm64 zstd', 'bundle x64 zstd', 'bundle arm64 zstd']);

  const { fleetId, rootKeyId, documents } = await world.controller.verbs.fleet.trust();
  const trust = documents.reduce(
    (held, document) => applyTrust(held, Buffer.from(document, 'base64')),
    pinned(Buffer.from(fleetId, 'hex'), Buffer.from(rootKeyId, 'hex')),
  );
  const release = openRelease(
    trust,
    {
      release: Buffer.from(body.release, 'base64'),
      signatures: body.signatures.map(({ keyId, signature }) => ({
        keyId: Buffer.from(keyId, 'hex'),
        signature: Buffer.from(signature, 'base64'),
      })),
    },
    world.clock.now(),
  );
  assert.equal(release.agentVersion, '1.2.3');
  const expected = [packedOf('executable', 'arm64'), packedOf('bundle', 'x64')];
  assert.deepEqual(
    release.builds.map(({ sha512 }) => Buffer.from(sha512).toString('hex')),
    expected.map(({ build }) => build.sha512),
  );
  assert.deepEqual(
    body.contents.map(({ sha512 }) => sha512),
    expected.map(({ sha512 }) => sha512),
  );
  for (const { sha512, key, length } of body.contents)
    assert.deepEqual(await world.controller.verbs.contents.show(sha512), {
      ...{ sha512, length, key },
      ...{ have: length, complete: true },
    });
  assert.equal(sent.length, 2);
});
