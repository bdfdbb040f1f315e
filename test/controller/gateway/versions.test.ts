import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Socket } from '../../../controller/gateway/socket.ts';
import { decodePreamble, encodePreamble, Hello } from '../../../proto/codec.ts';
import { boxKeyPair } from '../../../proto/crypto.ts';
import { fromHex } from '../../../proto/ids.ts';
import { SESSION_VERSIONS } from '../../../proto/version.ts';
import { type ControllerWorld, controllerWorld } from '../../support/controller-world.ts';
import { create, delivered, joined, states } from '../jobs/stage.ts';

const [CURRENT = 0] = SESSION_VERSIONS;

/** What the controller's first answer is to somebody who speaks these versions. */
async function answerTo(world: ControllerWorld, versions: readonly number[]) {
  const sent: Uint8Array[] = [];
  const socket: Socket = {
    address: '192.0.2.1',
    send: (bytes) => void sent.push(bytes),
    buffered: () => 0,
    pause: () => {},
    resume: () => {},
    trust: () => {},
    close: () => {},
    terminate: () => {},
    onMessage: () => {},
    onClose: () => {},
  };
  world.controller.gateway.accept(socket);
  const hello = Hello.encode({
    versions,
    purpose: 'session',
    fleetId: fromHex(world.controller.fleetId, 16) ?? new Uint8Array(16),
    agentId: new Uint8Array(16).fill(1),
    rootKeyId: new Uint8Array(16),
    trustSerial: 1,
    nonce: new Uint8Array(32),
    ephemeral: boxKeyPair(new Uint8Array(32).fill(3)).publicKey,
  });
  socket.onMessage(encodePreamble('hello', hello));
  await world.clock.settle();
  socket.onClose();
  const last = sent.at(-1);
  assert.ok(last);
  return decodePreamble(last);
}

for (const versions of [[CURRENT - 1], [CURRENT + 1], [CURRENT + 1, CURRENT + 2, CURRENT - 1]]) {
  test(`an agent that speaks only session version ${versions.join(', ')} is refused with a code, and the log says which agent's`, async (t) => {
    const lines: string[] = [];
    const world = await controllerWorld(t, { logTo: { write: (line) => void lines.push(line) } });
    const answer = await answerTo(world, versions);
    assert.ok(answer.kind === 'refusal');
    assert.equal(answer.value.code, 'version-unsupported');
    const line = lines.find((one) => one.includes('version-unsupported'));
    assert.match(line ?? '', /"claimedId":"0101/);
    assert.ok(line?.includes(`speaks session version ${versions.join(', ')}, the controller ${CURRENT}`));
    assert.equal(answer.value.detail, JSON.parse(line ?? '').detail);
  });
}

test('an agent that speaks this version among others is welcome', async (t) => {
  const world = await controllerWorld(t);
  assert.equal((await answerTo(world, [CURRENT + 1, CURRENT, CURRENT - 1])).kind, 'welcome');
});

for (const version of [2, 4]) {
  test(`a report of version ${version} is refused with a code, stored nowhere, and moves nothing`, async (t) => {
    const world = await controllerWorld(t);
    const agent = await joined(world, 'web-1');
    const session = await agent.connect();
    const job = await create(world);
    session.send('report', agent.report(delivered(agent, session), { version }));
    await world.clock.settle();
    assert.equal(session.refusal?.code, 'version-unsupported');
    assert.deepEqual(session.of('receipt'), []);
    assert.deepEqual(await states(world, job), { 'web-1': 'sent' });
  });
}
