import assert from 'node:assert/strict';
import { test } from 'node:test';
import nacl from 'tweetnacl';
import {
  agentId,
  type Domain,
  fleetIdOf,
  frame,
  hash,
  type KeyRole,
  keyId,
  shortHash,
  sign,
  verify,
} from '../../proto/frame.ts';
import { toHex } from '../../proto/ids.ts';
import {
  AGENT,
  ascii,
  CONTROLLER,
  concat,
  counting,
  FLEET,
  flipped,
  hex,
  ROOT,
  signPair,
} from './fixture.ts';

const EVERY = {
  order: true,
  target: true,
  node: true,
  params: true,
  ciphertext: true,
  wrap: true,
  report: true,
  receipt: true,
  transcript: true,
  session: true,
  'hs-controller': true,
  'hs-agent': true,
  'enrol-request': true,
  'enrol-grant': true,
  trust: true,
  release: true,
  audit: true,
  'key-id': true,
  'agent-id': true,
  facts: true,
  'api-token': true,
  plan: true,
  'join-token': true,
} satisfies Record<Domain, true>;
const DOMAINS = Object.keys(EVERY) as Domain[];

test('a frame is the domain, a zero byte, and each part behind its length', () => {
  assert.equal(
    toHex(frame('order', hex('aabb'), new Uint8Array(), hex('cc'))),
    toHex(
      hex(
        '6d7573746572 2f 7631 2f', // muster/v1/
        '6f72646572', // order
        '00', // the end of the domain: no domain holds a zero byte
        '00000002 aabb', // u32be length, first part
        '00000000', // second part, empty
        '00000001 cc', // third part
      ),
    ),
  );
  assert.equal(toHex(frame('node')), toHex(hex('6d75737465722f76312f 6e6f6465 00')), 'no parts: no lengths');
  const long = new Uint8Array(0x01_02_03);
  assert.equal(toHex(frame('order', long).subarray(16, 20)), '00010203', 'the length is big-endian');
});

test('bytes that move from one part to the next make another frame', () => {
  const frames = [
    frame('order', ascii('ab'), ascii('c')),
    frame('order', ascii('a'), ascii('bc')),
    frame('order', ascii('abc')),
    frame('order', ascii('abc'), new Uint8Array()),
    frame('order', new Uint8Array(), ascii('abc')),
  ];
  assert.equal(new Set(frames.map(toHex)).size, frames.length);
});

test('no frame of one domain begins with the beginning of another domain', () => {
  const prefixes = DOMAINS.map((domain) => toHex(frame(domain)));
  assert.equal(new Set(prefixes).size, DOMAINS.length);
  for (const one of prefixes)
    assert.equal(
      prefixes.filter((other) => other.startsWith(one)).length,
      1,
      Buffer.from(one, 'hex').toString(),
    );
});

test('a signature verifies under its own domain and under no other', () => {
  const body = counting(1, 40);
  const signature = sign(CONTROLLER, 'order', body);
  for (const domain of DOMAINS)
    assert.equal(verify(CONTROLLER.publicKey, signature, domain, body), domain === 'order', domain);
});

test('a signature does not verify with other parts, another key or raw bytes', () => {
  const body = counting(1, 40);
  const signature = sign(CONTROLLER, 'hs-agent', body, ascii('x'));
  assert.ok(verify(CONTROLLER.publicKey, signature, 'hs-agent', body, ascii('x')));
  assert.ok(!verify(CONTROLLER.publicKey, signature, 'hs-agent', concat(body, ascii('x'))));
  assert.ok(!verify(CONTROLLER.publicKey, signature, 'hs-agent', ascii('x'), body));
  assert.ok(!verify(CONTROLLER.publicKey, flipped(signature, 3), 'hs-agent', body, ascii('x')));
  assert.ok(!verify(ROOT.publicKey, signature, 'hs-agent', body, ascii('x')));
  const secretKey = nacl.sign.keyPair.fromSeed(CONTROLLER.privateKey).secretKey;
  assert.ok(!verify(CONTROLLER.publicKey, nacl.sign.detached(body, secretKey), 'order', body));
});

test('a hash is SHA-512 over the frame, and a short hash its first 32 bytes', () => {
  const whole = nacl.hash(concat(ascii('muster/v1/node\0'), hex('00000001 aa 00000002 bbcc')));
  assert.deepEqual(hash('node', hex('aa'), hex('bbcc')), whole);
  assert.deepEqual(shortHash('node', hex('aa'), hex('bbcc')), whole.subarray(0, 32));
});

test('a key id is 16 bytes of the role and the key, so that one key in two roles has two ids', () => {
  const roles: readonly KeyRole[] = ['root', 'controller', 'operator', 'release', 'agent-sign', 'agent-box'];
  const key = CONTROLLER.publicKey;
  const expected = nacl.hash(
    concat(ascii('muster/v1/key-id\0'), hex('0000000a'), ascii('controller'), hex('00000020'), key),
  );
  assert.deepEqual(new Uint8Array(keyId('controller', key)), expected.subarray(0, 16));
  assert.equal(new Set(roles.map((role) => toHex(keyId(role, key)))).size, roles.length);
});

test("an agent's id is 16 bytes of its fleet and its key, and a fleet's id is the key id of its root", () => {
  const expected = nacl.hash(
    concat(ascii('muster/v1/agent-id\0'), hex('00000010'), FLEET, hex('00000020'), AGENT.sign.publicKey),
  );
  assert.deepEqual(new Uint8Array(agentId(FLEET, AGENT.sign.publicKey)), expected.subarray(0, 16));
  assert.deepEqual(fleetIdOf(ROOT.publicKey), keyId('root', ROOT.publicKey));
  const elsewhere = fleetIdOf(signPair('another root').publicKey);
  assert.notDeepEqual(agentId(elsewhere, AGENT.sign.publicKey), agentId(FLEET, AGENT.sign.publicKey));
});
