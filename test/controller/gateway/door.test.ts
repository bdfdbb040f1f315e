import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeToken } from '../../../certs/enrolment.ts';
import { ADMIN, type ControllerWorld, controllerWorld } from '../../support/controller-world.ts';
import { type FakeAgent, fakeAgent } from '../../support/fake-agent.ts';

const TOKEN = { ttlMs: 60_000, labels: {}, allowLabels: ['*'], uses: 1, approve: 'auto' } as const;

async function newToken(world: ControllerWorld, more: object = {}): Promise<string> {
  const request = { ...TOKEN, labels: {}, allowLabels: ['*'], ...more };
  return (await world.controller.verbs.tokens.create(request, ADMIN)).token;
}

async function newAgent(world: ControllerWorld, name: string): Promise<FakeAgent> {
  return fakeAgent(() => world.controller.gateway, world.clock, decodeToken(await newToken(world)), name);
}

const onlineNames = async (world: ControllerWorld): Promise<string[]> =>
  (await world.controller.verbs.agents.list({})).filter((agent) => agent.online).map((agent) => agent.name);

test('an agent joins with a token, comes online, and is offline when its socket closes', async (t) => {
  const world = await controllerWorld(t);
  const agent = await newAgent(world, 'web-1');
  const joined = await agent.join(await newToken(world, { labels: { role: 'web' } }));
  assert.equal(joined.of('enrolled').length, 1);
  assert.deepEqual(await onlineNames(world), []);
  const session = await agent.connect();
  assert.equal(session.of('ready').length, 1);
  assert.deepEqual(await onlineNames(world), ['web-1']);
  assert.deepEqual((await world.controller.verbs.agents.show('web-1')).labels, { role: 'web' });
  session.close();
  await world.clock.settle();
  assert.deepEqual(await onlineNames(world), []);
});

test('a token lets one agent in, and the same agent again when the grant was lost', async (t) => {
  const world = await controllerWorld(t);
  const token = await newToken(world);
  const first = await newAgent(world, 'web-1');
  assert.equal((await first.join(token)).of('enrolled').length, 1);
  assert.equal((await first.join(token)).of('enrolled').length, 1);
  const second = await newAgent(world, 'web-2');
  assert.equal((await second.join(token)).refusal?.code, 'token-used');
});

test('two agents that use one token at the same moment: one gets in', async (t) => {
  const world = await controllerWorld(t);
  const token = await newToken(world);
  const agents = await Promise.all(['a', 'b', 'c'].map((name) => newAgent(world, name)));
  const sessions = await Promise.all(agents.map((agent) => agent.join(token)));
  assert.equal(sessions.filter((session) => session.of('enrolled').length === 1).length, 1);
  assert.equal(sessions.filter((session) => session.refusal?.code === 'token-used').length, 2);
});

const REFUSED_JOINS: [string, object, object, string][] = [
  ['a late token', { ttlMs: 1_000 }, {}, 'token-expired'],
  ['a token made for another name', { name: 'db-1' }, {}, 'bad-name'],
  ['a name that climbs out of its folder', {}, { name: '../../etc' }, 'bad-name'],
  ['a name that a shell would run', {}, { name: '$(id)' }, 'bad-name'],
  ['a name of 255 letters', {}, { name: 'a'.repeat(255) }, 'bad-name'],
  ['a name that is written from right to left', {}, { name: 'web\u202e1' }, 'bad-name'],
  ['a name that every object has', {}, { name: '__proto__' }, 'bad-name'],
  ['an empty name', {}, { name: '' }, 'bad-name'],
  [
    'a label that the token does not allow',
    { allowLabels: [] },
    { labels: { env: 'prod' } },
    'label-not-allowed',
  ],
  ['a label that is none', {}, { labels: { 'a b': 'c' } }, 'label-not-allowed'],
];

for (const [what, token, request, code] of REFUSED_JOINS) {
  test(`${what} is refused with ${code}, and burns no token`, async (t) => {
    const world = await controllerWorld(t);
    const agent = await newAgent(world, 'web-1');
    const text = await newToken(world, token);
    if (code === 'token-expired') await world.clock.advance(2_000);
    const session = await agent.join(text, request);
    assert.equal(session.refusal?.code, code);
    assert.deepEqual(await world.controller.verbs.agents.list({}), []);
    const used = (await world.controller.verbs.tokens.list()).map((one) => one.used);
    assert.ok(used.every((count) => count === 0));
  });
}

test('a revoked token is refused', async (t) => {
  const world = await controllerWorld(t);
  const { id, token } = await world.controller.verbs.tokens.create(
    { ...TOKEN, labels: {}, allowLabels: [] },
    ADMIN,
  );
  await world.controller.verbs.tokens.revoke(id, ADMIN);
  const agent = await newAgent(world, 'web-1');
  assert.equal((await agent.join(token)).refusal?.code, 'token-revoked');
});

test('a name is taken over only with --replace and a token made for it, and the old agent is out', async (t) => {
  const world = await controllerWorld(t);
  const old = await newAgent(world, 'web-1');
  await old.join(await newToken(world));
  const fresh = fakeAgent(
    () => world.controller.gateway,
    world.clock,
    decodeToken(await newToken(world)),
    'other',
  );
  const claim = { name: 'web-1', replace: true };
  assert.equal((await fresh.join(await newToken(world), claim)).refusal?.code, 'name-taken');
  assert.equal((await fresh.join(await newToken(world, { name: 'web-1' }), claim)).of('enrolled').length, 1);
  assert.equal((await old.connect()).refusal?.code, 'agent-unknown');
  assert.equal((await fresh.connect()).of('ready').length, 1);
});

test('a removed agent is cut off, and refused when it returns or joins again', async (t) => {
  const world = await controllerWorld(t);
  const agent = await newAgent(world, 'web-1');
  await agent.join(await newToken(world));
  const session = await agent.connect();
  await world.controller.verbs.agents.remove(agent.id, ADMIN);
  await world.clock.settle();
  assert.equal(session.refusal?.code, 'agent-removed');
  assert.equal(session.closed, true);
  assert.equal((await agent.connect()).refusal?.code, 'agent-unknown');
  assert.equal((await agent.join(await newToken(world))).refusal?.code, 'agent-removed');
});

test('a newer session of the same agent fences the older one off', async (t) => {
  const world = await controllerWorld(t);
  const agent = await newAgent(world, 'web-1');
  await agent.join(await newToken(world));
  const older = await agent.connect();
  const newer = await agent.connect();
  assert.equal(older.refusal?.code, 'stale-session');
  assert.equal(newer.of('ready').length, 1);
  assert.deepEqual(await onlineNames(world), ['web-1']);
});

test('a second machine with the same keys is noticed, and both are refused until an operator decides', async (t) => {
  const world = await controllerWorld(t);
  const agent = await newAgent(world, 'web-1');
  await agent.join(await newToken(world));
  await agent.connect();
  const clone = await newAgent(world, 'web-1');
  clone.instance = new Uint8Array(16).fill(9);
  assert.equal((await clone.connect()).refusal?.code, 'agent-quarantined');
  assert.equal((await agent.connect()).refusal?.code, 'agent-quarantined');
  assert.equal((await world.controller.verbs.agents.show('web-1')).state, 'quarantined');
});

test('an old socket of the same process is closed without harm', async (t) => {
  const world = await controllerWorld(t);
  const agent = await newAgent(world, 'web-1');
  await agent.join(await newToken(world));
  await agent.connect();
  agent.counter -= 1;
  assert.equal((await agent.connect()).refusal?.code, 'stale-session');
  assert.equal((await world.controller.verbs.agents.show('web-1')).state, 'active');
});

test('whoever does not prove itself within five seconds is closed', async (t) => {
  const world = await controllerWorld(t);
  let closed: string | undefined;
  world.controller.gateway.accept({
    address: null,
    send: () => {},
    buffered: () => 0,
    pause: () => {},
    resume: () => {},
    trust: () => {},
    close: (_code, reason) => {
      closed = reason;
    },
    terminate: () => {},
    onMessage: () => {},
    onClose: () => {},
  });
  await world.clock.advance(4_900);
  assert.equal(closed, undefined);
  await world.clock.advance(200);
  assert.equal(closed, 'malformed');
});

const BROKEN: [string, (bytes: Uint8Array) => Uint8Array][] = [
  [
    'a frame with one bit changed',
    (bytes) => Uint8Array.from(bytes, (byte, at) => (at === 3 ? byte ^ 1 : byte)),
  ],
  ['a frame that is cut', (bytes) => bytes.subarray(0, bytes.length - 1)],
  ['an empty message', () => new Uint8Array(0)],
  ['random bytes', () => new Uint8Array(100).fill(7)],
];

for (const [what, breakIt] of BROKEN) {
  test(`${what} ends the session, and the agent may come back`, async (t) => {
    const world = await controllerWorld(t);
    const agent = await newAgent(world, 'web-1');
    await agent.join(await newToken(world));
    const session = await agent.connect();
    session.sendRaw(breakIt(new Uint8Array(40).fill(1)));
    await world.clock.settle();
    assert.equal(session.closed, true);
    assert.equal((await agent.connect()).of('ready').length, 1);
  });
}

test('an agent that says nothing is asked, and given up after forty seconds', async (t) => {
  const world = await controllerWorld(t);
  const agent = await newAgent(world, 'web-1');
  await agent.join(await newToken(world));
  const session = await agent.connect();
  await world.clock.advance(20_500);
  assert.ok(session.of('ping').length >= 1);
  assert.equal(session.closed, false);
  await world.clock.advance(25_000);
  assert.equal(session.closed, true);
  assert.deepEqual(await onlineNames(world), []);
});

test('a frame that only a controller sends ends the session', async (t) => {
  const world = await controllerWorld(t);
  const agent = await newAgent(world, 'web-1');
  await agent.join(await newToken(world));
  const session = await agent.connect();
  session.send('receipt', { epoch: agent.epoch, reportSeq: 1 });
  await world.clock.settle();
  assert.equal(session.refusal?.code, 'malformed');
});

test('an agent that joined with a token of manual approval waits, and comes online once it is approved', async (t) => {
  const world = await controllerWorld(t);
  const agent = await newAgent(world, 'web-1');
  await agent.join(await newToken(world, { approve: 'manual' }));
  assert.equal((await agent.connect()).refusal?.code, 'agent-pending');
  await world.controller.verbs.agents.approve('web-1', ADMIN);
  assert.equal((await agent.connect()).of('ready').length, 1);
});

/** An agent that was quarantined because of its clone; neither is connected. */
async function twoMachines(world: ControllerWorld): Promise<[FakeAgent, FakeAgent]> {
  const agent = await newAgent(world, 'web-1');
  await agent.join(await newToken(world));
  await agent.connect();
  const clone = await newAgent(world, 'web-1');
  clone.instance = new Uint8Array(16).fill(9);
  assert.deepEqual(clone.epoch, agent.epoch);
  assert.equal((await clone.connect()).refusal?.code, 'agent-quarantined');
  return [agent, clone];
}

test('of two machines the first that comes after the approval is kept, in a new epoch, and the other stays out', async (t) => {
  const world = await controllerWorld(t);
  const [clone, agent] = await twoMachines(world);
  await world.controller.verbs.agents.approve('web-1', ADMIN);
  assert.equal((await agent.connect()).refusal?.code, 'epoch-renew');
  agent.epoch = new Uint8Array(16).fill(2);
  const session = await agent.connect();
  assert.equal(session.of('ready').length, 1);
  for (const counter of [0, 5, 5, 1_000]) {
    clone.counter = counter;
    assert.equal((await clone.connect()).refusal?.code, 'agent-replaced');
  }
  assert.equal(session.closed, false);
  assert.deepEqual(await onlineNames(world), ['web-1']);
  assert.equal((await world.controller.verbs.agents.show('web-1')).state, 'active');
});

test('whom an approval keeps is durable, and the other stays out also before the kept one is back', async (t) => {
  const world = await controllerWorld(t);
  const [agent, clone] = await twoMachines(world);
  await world.controller.verbs.agents.approve('web-1', ADMIN);
  assert.equal((await agent.connect()).refusal?.code, 'epoch-renew');
  await world.restart();
  assert.equal((await clone.connect()).refusal?.code, 'agent-replaced');
  agent.epoch = new Uint8Array(16).fill(2);
  assert.equal((await agent.connect()).of('ready').length, 1);
  await world.restart();
  assert.equal((await clone.connect()).refusal?.code, 'agent-replaced');
});

test('of two machines that come at the same moment after an approval one is kept', async (t) => {
  const world = await controllerWorld(t);
  const machines = await twoMachines(world);
  await world.controller.verbs.agents.approve('web-1', ADMIN);
  const sessions = await Promise.all(machines.map((machine) => machine.connect()));
  assert.deepEqual(sessions.map((session) => session.refusal?.code).sort(), [
    'agent-replaced',
    'epoch-renew',
  ]);
});

test('a kept machine that did not hear it is told again to begin a new epoch, until it has', async (t) => {
  const world = await controllerWorld(t);
  const [agent] = await twoMachines(world);
  await world.controller.verbs.agents.approve('web-1', ADMIN);
  for (let i = 0; i < 3; i++) assert.equal((await agent.connect()).refusal?.code, 'epoch-renew');
  const old = agent.epoch;
  agent.epoch = new Uint8Array(16).fill(2);
  assert.equal((await agent.connect()).of('ready').length, 1);
  agent.epoch = old;
  assert.equal((await agent.connect()).refusal?.code, 'agent-replaced');
});

test('a machine that comes after an approval with an epoch of its own is the kept one', async (t) => {
  const world = await controllerWorld(t);
  const [agent, clone] = await twoMachines(world);
  await world.controller.verbs.agents.approve('web-1', ADMIN);
  agent.epoch = new Uint8Array(16).fill(2);
  assert.equal((await agent.connect()).of('ready').length, 1);
  assert.equal((await clone.connect()).refusal?.code, 'agent-replaced');
  assert.deepEqual(await onlineNames(world), ['web-1']);
});

test('a wrong clock is shown and stops nothing', async (t) => {
  const world = await controllerWorld(t);
  const agent = await newAgent(world, 'web-1');
  agent.skewMs = -31_536_000_000;
  await agent.join(await newToken(world));
  await agent.connect();
  assert.equal((await world.controller.verbs.agents.show('web-1')).clockSkewMs, -31_536_000_000);
});

test('an agent whose first try to join was interrupted joins with another token and the same keys', async (t) => {
  const world = await controllerWorld(t);
  const agent = await newAgent(world, 'web-1');
  await agent.join(await newToken(world));
  const again = await agent.join(await newToken(world, { labels: { role: 'web' } }), { name: 'web-2' });
  assert.equal(again.of('enrolled').length, 1);
  const agents = await world.controller.verbs.agents.list({});
  assert.deepEqual(
    agents.map(({ name, labels }) => [name, labels]),
    [['web-2', { role: 'web' }]],
  );
  assert.equal((await agent.connect()).of('ready').length, 1);
});

test('two machines with the same keys that connect at the same moment are both out', async (t) => {
  const world = await controllerWorld(t);
  const agent = await newAgent(world, 'web-1');
  await agent.join(await newToken(world));
  const clone = await newAgent(world, 'web-1');
  clone.instance = new Uint8Array(16).fill(9);
  clone.counter = agent.counter;
  await Promise.all([agent.connect(), clone.connect()]);
  await world.clock.settle();
  assert.equal((await world.controller.verbs.agents.show('web-1')).state, 'quarantined');
  assert.deepEqual(await onlineNames(world), []);
});

test('labels that two operators set at once are both there', async (t) => {
  const world = await controllerWorld(t);
  const agent = await newAgent(world, 'web-1');
  await agent.join(await newToken(world));
  const { label } = world.controller.verbs.agents;
  await Promise.all([label(agent.id, { a: '1' }, [], ADMIN), label(agent.id, { b: '2' }, [], ADMIN)]);
  assert.deepEqual((await world.controller.verbs.agents.show('web-1')).labels, { a: '1', b: '2' });
});
