import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeToken } from '../../../certs/enrolment.ts';
import { idOfAgent, makeAgentKeys } from '../../../certs/identity.ts';
import type { Registration } from '../../../controller/enrolment/register.ts';
import { fromHex, toHex } from '../../../proto/ids.ts';
import { LIMITS } from '../../../proto/limits.ts';
import { littleEndian, P, torsionPoints } from '../../proto/curve.ts';
import { ADMIN, type ControllerWorld, controllerWorld } from '../../support/controller-world.ts';
import { fakeAgent } from '../../support/fake-agent.ts';
import { seededRandom } from '../../support/seeded-random.ts';

interface Host {
  readonly id: string;
  readonly asked: Registration;
}

/** What a host of this name answers to `muster-agent init`. */
function host(world: ControllerWorld, name: string, seed = name): Host {
  const random = seededRandom(`agent ${seed}`);
  const keys = makeAgentKeys(random);
  const { fleetId } = world.controller;
  const id = toHex(idOfAgent(fromHex(fleetId, 16) ?? new Uint8Array(0), keys.sign.publicKey));
  const asked = {
    name,
    signKey: toHex(keys.sign.publicKey),
    boxKey: toHex(keys.box.publicKey),
    epoch: toHex(random(16)),
  };
  return { id, asked };
}

const register = (world: ControllerWorld, asked: Registration) =>
  world.controller.verbs.agents.register(asked, ADMIN);
const names = async (world: ControllerWorld): Promise<string[]> =>
  (await world.controller.verbs.agents.list({})).map(({ name, id }) => `${name} ${id}`);
const actions = async (world: ControllerWorld): Promise<string[]> =>
  (await world.controller.verbs.audit.list({ afterSeq: 0, limit: 100 }))
    .map(({ action }) => action)
    .filter((action) => action.startsWith('agent.'));

describe('registering a host by its public keys', () => {
  test('lets it in at once, with its labels, and is said in the audit log', async (t) => {
    const world = await controllerWorld(t);
    const { id, asked } = host(world, 'web-1');
    const labels = { role: 'web' };
    assert.deepEqual(await register(world, { ...asked, labels, hostname: 'web-1.example' }), {
      ...{ name: 'web-1', id, labels, created: true, replaced: null },
    });
    const trust = await world.controller.verbs.fleet.trust();
    const pin = { fleetId: bytes(trust.fleetId), rootKeyId: bytes(trust.rootKeyId) };
    const agent = fakeAgent(() => world.controller.gateway, world.clock, pin, 'web-1');
    assert.equal(agent.id, id);
    const session = await agent.connect();
    assert.equal(session.refusal, undefined);
    const shown = await world.controller.verbs.agents.show('web-1');
    assert.deepEqual([shown.online, shown.state, shown.hostname], [true, 'active', 'web-1.example']);
    const [entry] = (await world.controller.verbs.audit.list({ afterSeq: 0, limit: 100 })).slice(-1);
    assert.deepEqual(
      [entry?.action, entry?.actor, entry?.detail],
      ['agent.register', ADMIN.name, { agent: 'web-1', id, labels }],
    );
  });

  test('does nothing again, and adds the labels that are new', async (t) => {
    const world = await controllerWorld(t);
    const { id, asked } = host(world, 'web-1');
    await register(world, { ...asked, labels: { role: 'web', rack: '1' } });
    const before = await actions(world);
    const again = await register(world, { ...asked, labels: { role: 'web' } });
    assert.deepEqual([again.created, again.labels], [false, { role: 'web', rack: '1' }]);
    assert.deepEqual(await actions(world), before);
    const more = await register(world, { ...asked, labels: { rack: '2' } });
    assert.deepEqual(more.labels, { role: 'web', rack: '2' });
    assert.deepEqual(await names(world), [`web-1 ${id}`]);
    assert.deepEqual((await actions(world)).slice(before.length), ['agent.label']);
  });

  test('takes a name over only when told to: the agent before it is refused from then on, and its runs end', async (t) => {
    const world = await controllerWorld(t);
    const old = host(world, 'web-1', 'old machine');
    await register(world, old.asked);
    const { job } = await world.controller.verbs.jobs.create(
      { targets: 'web-1', tasks: [{ command: { argv: ['true'] } }], ttlMs: 60_000, timeoutMs: 1000 },
      ADMIN,
    );
    const { id, asked } = host(world, 'web-1', 'new machine');
    await assert.rejects(register(world, asked), { code: 'name-taken', message: /--replace/ });
    assert.deepEqual(await names(world), [`web-1 ${old.id}`]);
    const { created, replaced } = await register(world, { ...asked, replace: true });
    assert.deepEqual([created, replaced], [true, old.id]);
    assert.deepEqual(await names(world), [`web-1 ${id}`]);
    await world.clock.settle();
    assert.equal((await world.controller.verbs.jobs.show(job)).runs[0]?.state, 'cancelled');
    await assert.rejects(register(world, { ...old.asked, replace: true }), { code: 'agent-removed' });
    await world.restart();
    assert.deepEqual(await names(world), [`web-1 ${id}`]);
  });

  test('never gives a host a second name, nor other keys', async (t) => {
    const world = await controllerWorld(t);
    const { asked } = host(world, 'web-1');
    await register(world, asked);
    await assert.rejects(register(world, { ...asked, name: 'web-2' }), {
      code: 'name-taken',
      message: /registered already, as web-1/,
    });
    const { boxKey } = host(world, 'web-2').asked;
    await assert.rejects(register(world, { ...asked, boxKey }), { code: 'bad-key' });
  });

  test('does not let the key of an agent in that was removed', async (t) => {
    const world = await controllerWorld(t);
    const { asked } = host(world, 'web-1');
    await register(world, asked);
    await world.controller.verbs.agents.remove('web-1', ADMIN);
    await assert.rejects(register(world, asked), { code: 'agent-removed' });
    await assert.rejects(register(world, { ...asked, name: 'web-2', replace: true }), {
      code: 'agent-removed',
    });
    await world.restart();
    await assert.rejects(register(world, asked), { code: 'agent-removed' });
  });

  test('is the word that an agent which joined by token waited for', async (t) => {
    const world = await controllerWorld(t);
    const { verbs, gateway } = world.controller;
    const { token } = await verbs.tokens.create(
      { ttlMs: 60_000, labels: {}, allowLabels: [], uses: 1, approve: 'manual' },
      ADMIN,
    );
    const agent = fakeAgent(() => gateway, world.clock, decodeToken(token), 'web-1');
    await agent.join(token);
    assert.equal((await verbs.agents.show('web-1')).state, 'pending');
    const { created } = await register(world, host(world, 'web-1').asked);
    assert.equal(created, false);
    assert.equal((await verbs.agents.show('web-1')).state, 'active');
    assert.ok((await actions(world)).includes('agent.approve'));
  });

  test('two at once for one name let one in', async (t) => {
    const world = await controllerWorld(t);
    const both = ['a', 'b'].map((seed) => register(world, host(world, 'web-1', seed).asked));
    const ends = await Promise.allSettled(both);
    assert.deepEqual(ends.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
    assert.equal((await names(world)).length, 1);
  });
});

describe('what a host says of itself', () => {
  const ZERO = new Uint8Array(32);
  const SMALL = torsionPoints().map(({ y }) => littleEndian(y));
  const NOT_CANONICAL = littleEndian(P + 3n);

  test('is refused with a key that is zero, of small order or not canonical, and nothing is stored', async (t) => {
    const world = await controllerWorld(t);
    const { asked } = host(world, 'web-1');
    for (const key of [ZERO, ...SMALL, NOT_CANONICAL])
      await assert.rejects(
        register(world, { ...asked, signKey: toHex(key) }),
        { code: 'bad-key' },
        toHex(key),
      );
    for (const key of [ZERO, littleEndian(1n), NOT_CANONICAL])
      await assert.rejects(
        register(world, { ...asked, boxKey: toHex(key) }),
        { code: 'bad-key' },
        toHex(key),
      );
    for (const key of ['', '00', `${asked.signKey}00`, 'zz'.repeat(32)])
      await assert.rejects(register(world, { ...asked, signKey: key }), { code: 'bad-key' }, key);
    assert.deepEqual(await names(world), []);
  });

  test('is refused with a name or a label that is none', async (t) => {
    const world = await controllerWorld(t);
    const { asked } = host(world, 'web-1');
    for (const name of [
      '',
      '../../etc',
      '$(id)',
      'a'.repeat(255),
      'web\u202e',
      '__proto__',
      'all',
      'f'.repeat(32),
    ])
      await assert.rejects(register(world, { ...asked, name }), { code: 'bad-name' }, name);
    for (const labels of [{ '': 'x' }, { a: 'b c' }, { 'a=b': 'c' }, JSON.parse('{"__proto__":"x"}')])
      await assert.rejects(
        register(world, { ...asked, labels }),
        { code: 'bad-request' },
        JSON.stringify(labels),
      );
    const many = Object.fromEntries(
      Array.from({ length: LIMITS.labelsPerAgent }, (_, at) => [`l${at}`, 'x']),
    );
    await register(world, { ...asked, labels: many });
    await assert.rejects(register(world, { ...asked, labels: { one: 'more' } }), { code: 'bad-request' });
  });
});

const bytes = (hex: string): Uint8Array => fromHex(hex, 16) ?? new Uint8Array(0);
