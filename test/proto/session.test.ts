/** The handshake and the numbered frames, whole and in memory; then everything that a man in the middle may try. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import nacl from 'tweetnacl';
import { Hello, WelcomeBody } from '../../proto/codec.ts';
import type { KeyPair } from '../../proto/crypto.ts';
import { frame, keyId, sign } from '../../proto/frame.ts';
import { toHex } from '../../proto/ids.ts';
import {
  acceptProof,
  acceptWelcome,
  channel,
  commonVersion,
  type Hail,
  hello,
  isForFleet,
  proof,
  readHello,
  type SessionKeys,
  welcome,
} from '../../proto/session.ts';
import {
  AGENT,
  AGENT_ID,
  ascii,
  CONTROLLER,
  counting,
  EPOCH,
  FLEET,
  flipped,
  NOW_MS,
  OPERATOR,
  ROOT,
  refused,
  SIBLING,
  seeded,
  signPair,
} from './fixture.ts';

const INPUT = {
  purpose: 'session',
  fleetId: FLEET,
  agentId: AGENT_ID,
  rootKeyId: keyId('root', ROOT.publicKey),
  trustSerial: 1,
} as const;

const PROOF = {
  epoch: EPOCH,
  counter: 1,
  instance: counting(1, 16),
  bootId: 'boot',
  agentVersion: '0.1.0',
  factsDigest: new Uint8Array(),
  wallMs: 1,
};

const controllers =
  (...pairs: readonly KeyPair[]) =>
  (id: Uint8Array): Uint8Array | undefined =>
    pairs.find((pair) => toHex(keyId('controller', pair.publicKey)) === toHex(id))?.publicKey;

const answer = (hail: Hail, label = 'controller', controllerKey = CONTROLLER): ReturnType<typeof welcome> =>
  welcome(
    hail.bytes,
    readHello(hail.bytes),
    { controllerKey, trustSerial: 1, timeMs: NOW_MS },
    seeded(`answer ${label}`),
  );

interface Session {
  agent: SessionKeys;
  controller: SessionKeys;
}

function shake(label: string): Session {
  const hail = hello(INPUT, seeded(`hail ${label}`));
  const { body, signature, keys } = answer(hail, label);
  const welcomed = acceptWelcome(hail, body, signature, controllers(CONTROLLER));
  return { agent: welcomed.keys, controller: keys };
}

test('a handshake gives both sides the same keys, one for each direction, and the agent the time and the serial', () => {
  const hail = hello(INPUT, seeded('hail'));
  const message = readHello(hail.bytes);
  assert.ok(isForFleet(message, FLEET));
  assert.ok(!isForFleet(message, counting(0, 16)));
  const { body, signature, keys } = answer(hail);
  const welcomed = acceptWelcome(hail, body, signature, controllers(CONTROLLER));
  assert.deepEqual(welcomed.keys, keys);
  assert.notDeepEqual(keys.toAgent, keys.toController);
  assert.deepEqual([welcomed.version, welcomed.controllerTimeMs, welcomed.trustSerial], [2, NOW_MS, 1]);
  const said = proof(AGENT.sign, welcomed.keys.h1, PROOF);
  const heard = acceptProof(AGENT.sign.publicKey, keys.h1, said.body, said.signature);
  assert.deepEqual([heard.counter, toHex(heard.epoch), heard.bootId], [1, toHex(EPOCH), 'boot']);
});

test('the keys are HMAC-SHA-512 over the shared secret and the direction, as TRUST writes it', () => {
  const hail = hello(INPUT, seeded('hail'));
  const { body, keys } = answer(hail);
  const shared = nacl.scalarMult(hail.ephemeral.privateKey, WelcomeBody.decode(body).ephemeral);
  const h1 = nacl.hash(frame('transcript', hail.bytes, body));
  const key = (direction: string): Uint8Array =>
    new Uint8Array(
      createHmac('sha512', shared)
        .update(frame('session', ascii(direction), h1))
        .digest(),
    ).slice(0, 32);
  assert.deepEqual(keys.h1, h1);
  assert.deepEqual(keys.toAgent, key('controller-agent'));
  assert.deepEqual(keys.toController, key('agent-controller'));
});

test('frames travel both ways, of any size and any number', () => {
  const { agent, controller } = shake('frames');
  const [a, c] = [channel(agent, 'agent'), channel(controller, 'controller')];
  const random = seeded('frames');
  for (let i = 0; i < 300; i += 1) {
    const plain = random(i);
    assert.deepEqual(new Uint8Array(c.open(a.seal(plain))), plain);
    assert.deepEqual(new Uint8Array(a.open(c.seal(plain))), plain);
  }
  assert.equal(a.seal(new Uint8Array(65_536)).length, 65_536 + 16);
});

test('equal frames never look equal, neither one after the other nor in the two directions', () => {
  const { agent, controller } = shake('looks');
  const [a, c] = [channel(agent, 'agent'), channel(controller, 'controller')];
  const seen = [a.seal(ascii('x')), a.seal(ascii('x')), c.seal(ascii('x')), c.seal(ascii('x'))].map(toHex);
  assert.equal(new Set(seen).size, 4);
});

test('a replayed, reordered, dropped, altered, cut or reflected frame does not open', () => {
  const { agent, controller } = shake('hostile frames');
  const fresh = () => channel(controller, 'controller');
  const a = channel(agent, 'agent');
  const frames = [a.seal(ascii('first')), a.seal(ascii('second')), a.seal(ascii('third'))] as const;

  const replayed = fresh();
  replayed.open(frames[0]);
  refused('malformed', () => replayed.open(frames[0]));

  refused('malformed', () => fresh().open(frames[1]));
  const dropped = fresh();
  dropped.open(frames[0]);
  refused('malformed', () => dropped.open(frames[2]));

  for (let at = 0; at < frames[0].length; at += 1)
    refused('malformed', () => fresh().open(flipped(frames[0], at)));
  for (let length = 0; length < frames[0].length; length += 1)
    refused('malformed', () => fresh().open(frames[0].subarray(0, length)));
  refused('malformed', () => fresh().open(Buffer.concat([frames[0], frames[1]])));

  refused('malformed', () => channel(agent, 'agent').open(frames[0]));
});

test('a frame of one session does not open in another, nor in a second session of the same two', () => {
  const [one, two] = [shake('one'), shake('two')];
  const sealed = channel(one.agent, 'agent').seal(ascii('run'));
  refused('malformed', () => channel(two.controller, 'controller').open(sealed));
  assert.ok(channel(one.controller, 'controller').open(sealed));
});

test("a controller whose key is not in the trust document, or whose key id is another's, is not believed", () => {
  const impostor = signPair('impostor');
  const hail = hello(INPUT, seeded('hail'));
  const own = answer(hail, 'impostor', impostor);
  refused('handshake-failed', () => acceptWelcome(hail, own.body, own.signature, controllers(CONTROLLER)));
  const named = WelcomeBody.encode({
    ...WelcomeBody.decode(own.body),
    controllerKeyId: keyId('controller', CONTROLLER.publicKey),
  });
  const h1 = nacl.hash(frame('transcript', hail.bytes, named));
  const signature = sign(impostor, 'hs-controller', h1);
  refused('handshake-failed', () => acceptWelcome(hail, named, signature, controllers(CONTROLLER)));
  // The operator's key is a good key, for something else.
  const operator = answer(hail, 'operator', OPERATOR);
  refused('handshake-failed', () =>
    acceptWelcome(hail, operator.body, operator.signature, controllers(CONTROLLER)),
  );
});

test('a hello that was altered on the way gives a welcome that the agent refuses', () => {
  const hail = hello(INPUT, seeded('hail'));
  const message = Hello.decode(hail.bytes);
  const altered = [
    { ...message, trustSerial: 0 },
    { ...message, agentId: counting(0, 16) },
    { ...message, versions: [1, 2] },
    { ...message, nonce: counting(0, 32) },
    { ...message, ephemeral: AGENT.box.publicKey },
    { ...message, purpose: 'enrol' },
  ];
  for (const one of altered) {
    const bytes = Hello.encode(one);
    const { body, signature } = answer({ ...hail, bytes });
    refused('handshake-failed', () => acceptWelcome(hail, body, signature, controllers(CONTROLLER)));
  }
});

test('every flip in a welcome is refused, and so is the welcome to another hello', () => {
  const hail = hello(INPUT, seeded('hail'));
  const { body, signature } = answer(hail);
  const accept = (b: Uint8Array, s: Uint8Array): unknown =>
    acceptWelcome(hail, b, s, controllers(CONTROLLER));
  assert.ok(accept(body, signature));
  for (let at = 0; at < body.length; at += 1)
    assert.throws(() => accept(flipped(body, at), signature), { name: 'MusterError' }, `body ${at}`);
  for (let at = 0; at < signature.length; at += 1)
    refused('handshake-failed', () => accept(body, flipped(signature, at)));
  const other = hello(INPUT, seeded('another hail'));
  refused('handshake-failed', () => acceptWelcome(other, body, signature, controllers(CONTROLLER)));
});

test('an agent that offers no version that is spoken is told so, and the best common one is taken', () => {
  assert.equal(commonVersion([2]), 2);
  assert.equal(commonVersion([9, 2, 3]), 2);
  assert.equal(commonVersion([1, 3]), undefined);
  assert.equal(commonVersion([]), undefined);
  const bytes = Hello.encode({ ...Hello.decode(hello(INPUT, seeded('hail')).bytes), versions: [1, 3] });
  refused('version-unsupported', () => answer({ ...hello(INPUT, seeded('hail')), bytes }));
});

test('a version that the agent did not offer is refused, though the controller signed it', () => {
  const hail = hello(INPUT, seeded('hail'));
  const body = WelcomeBody.encode({ ...WelcomeBody.decode(answer(hail).body), version: 3 });
  const signature = sign(CONTROLLER, 'hs-controller', nacl.hash(frame('transcript', hail.bytes, body)));
  refused('version-unsupported', () => acceptWelcome(hail, body, signature, controllers(CONTROLLER)));
});

test('an ephemeral key of zeros, of small order or not canonical is refused by both sides', () => {
  const hail = hello(INPUT, seeded('hail'));
  const one = new Uint8Array(32);
  one[0] = 1;
  for (const ephemeral of [new Uint8Array(32), one, new Uint8Array(32).fill(0xff)]) {
    const bytes = Hello.encode({ ...Hello.decode(hail.bytes), ephemeral });
    refused('malformed', () => answer({ ...hail, bytes }));
    const body = WelcomeBody.encode({ ...WelcomeBody.decode(answer(hail).body), ephemeral });
    const signature = sign(CONTROLLER, 'hs-controller', nacl.hash(frame('transcript', hail.bytes, body)));
    refused('malformed', () => acceptWelcome(hail, body, signature, controllers(CONTROLLER)));
  }
});

test('a proof of another session, of another agent, or altered is refused', () => {
  const [one, two] = [shake('one'), shake('two')];
  const said = proof(AGENT.sign, one.agent.h1, PROOF);
  assert.ok(acceptProof(AGENT.sign.publicKey, one.controller.h1, said.body, said.signature));
  refused('bad-signature', () =>
    acceptProof(AGENT.sign.publicKey, two.controller.h1, said.body, said.signature),
  );
  refused('bad-signature', () =>
    acceptProof(SIBLING.sign.publicKey, one.controller.h1, said.body, said.signature),
  );
  const other = proof(AGENT.sign, one.agent.h1, { ...PROOF, counter: 2 });
  refused('bad-signature', () =>
    acceptProof(AGENT.sign.publicKey, one.controller.h1, other.body, said.signature),
  );
  for (let at = 0; at < said.body.length; at += 1)
    assert.throws(
      () => acceptProof(AGENT.sign.publicKey, one.controller.h1, flipped(said.body, at), said.signature),
      { name: 'MusterError' },
    );
  // The controller's signature over the same h1 is no proof: it has a domain of its own.
  const crossed = sign(AGENT.sign, 'hs-controller', one.agent.h1, said.body);
  refused('bad-signature', () => acceptProof(AGENT.sign.publicKey, one.controller.h1, said.body, crossed));
});

test('a man in the middle who answers each side himself gets keys with neither', () => {
  const hail = hello(INPUT, seeded('hail'));
  const middle = hello(INPUT, seeded('middle'));
  const fromController = answer(middle);
  // He passes the controller's welcome on: it was signed for his hello, not for the agent's.
  refused('handshake-failed', () =>
    acceptWelcome(hail, fromController.body, fromController.signature, controllers(CONTROLLER)),
  );
  // He passes the agent's proof on: it was signed over another h1.
  const own = answer(hail, 'his own');
  const said = proof(AGENT.sign, own.keys.h1, PROOF);
  refused('bad-signature', () =>
    acceptProof(AGENT.sign.publicKey, fromController.keys.h1, said.body, said.signature),
  );
});
