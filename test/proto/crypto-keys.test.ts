/** Public keys that must not enter a store, derived from the curves' equations and not from the list in the code. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import nacl from 'tweetnacl';
import { boxKeyPair, ed25519Verify, isBoxPublicKey, isSignPublicKey, x25519 } from '../../proto/crypto.ts';
import {
  fromLittleEndian,
  isIdentity,
  isOnCurve,
  L,
  ladder,
  littleEndian,
  multiply,
  P,
  pointOf,
  TWIST_L,
  torsionPoints,
} from './curve.ts';
import { ascii, boxPair, concat, seeded, signPair } from './fixture.ts';

const TOP_BIT = 2n ** 255n;
const TORSION = torsionPoints();

/** Every u whose order divides 8, on the curve or its twist: what is left of points times the large prime. */
const SMALL_U = new Set<bigint>();
for (let u = 2n; u < 40n; u += 1n) {
  const rest = ladder(isOnCurve(u) ? L : TWIST_L, u);
  if (rest !== undefined) SMALL_U.add(rest);
}

test('there are eight points of small order with five y, and five such u, as the curves have it', () => {
  for (const point of TORSION) assert.ok(isIdentity(multiply(8n, point)));
  assert.equal(new Set(TORSION.map(({ y }) => y)).size, 5);
  for (const u of SMALL_U) assert.equal(ladder(8n, u), undefined);
  assert.equal(SMALL_U.size, 5);
});

test('an Ed25519 key of small order is refused, in each form that its y has', () => {
  for (const { y } of TORSION)
    for (const form of [y, y + TOP_BIT, ...(y + P < TOP_BIT ? [y + P, y + P + TOP_BIT] : [])])
      assert.equal(isSignPublicKey(littleEndian(form)), false, form.toString(16));
});

test('an Ed25519 key that is not canonical is refused, with either sign', () => {
  for (let y = P; y < TOP_BIT; y += 1n) {
    assert.equal(isSignPublicKey(littleEndian(y)), false);
    assert.equal(isSignPublicKey(littleEndian(y + TOP_BIT)), false);
  }
  // The next y below is canonical; it is -2, which is no point of small order.
  assert.equal(isSignPublicKey(littleEndian(P - 2n)), true);
});

test('an X25519 key of small order is refused, in each form that its u has', () => {
  for (const u of SMALL_U)
    for (const form of [u, u + TOP_BIT, u + P, u + 2n * P].filter((one) => one < 2n * TOP_BIT))
      assert.equal(isBoxPublicKey(littleEndian(form)), false, form.toString(16));
});

test('an X25519 key that is not canonical is refused', () => {
  for (let u = P; u < TOP_BIT; u += 1n) assert.equal(isBoxPublicKey(littleEndian(u)), false);
  const good = fromLittleEndian(boxPair('a good one').publicKey);
  assert.equal(isBoxPublicKey(littleEndian(good)), true);
  assert.equal(isBoxPublicKey(littleEndian(good + TOP_BIT)), false);
});

test('keys made from seeds are accepted, have the large order, and other lengths are refused', () => {
  for (let i = 0; i < 2; i += 1) {
    const sign = signPair(`good ${i}`).publicKey;
    assert.ok(isSignPublicKey(sign));
    const point = pointOf(fromLittleEndian(sign) % TOP_BIT);
    assert.ok(point && !isIdentity(multiply(8n, point)) && isIdentity(multiply(L, point)));
    assert.ok(isBoxPublicKey(boxPair(`good ${i}`).publicKey));
  }
  for (const length of [0, 31, 33]) {
    assert.equal(isSignPublicKey(new Uint8Array(length).fill(7)), false);
    assert.equal(isBoxPublicKey(new Uint8Array(length).fill(7)), false);
  }
});

test('a shared secret of zeros never comes out: every small-order u is refused where tweetnacl gives zeros', () => {
  const { privateKey } = boxKeyPair(seeded('zeros')(32));
  for (const u of SMALL_U) {
    assert.deepEqual(nacl.scalarMult(privateKey, littleEndian(u)), new Uint8Array(32));
    assert.equal(x25519(privateKey, littleEndian(u)), undefined);
  }
});

test('a small-order key with which tweetnacl takes one signature for every message verifies nothing here', () => {
  const identity = littleEndian(1n);
  const forged = concat(identity, new Uint8Array(32));
  for (const message of ['anything', 'something else']) {
    assert.ok(nacl.sign.detached.verify(ascii(message), forged, identity), 'the attack is real');
    assert.equal(ed25519Verify(identity, ascii(message), forged), false);
  }
});

test('a signature with S + L, which tweetnacl accepts, is refused', () => {
  const pair = nacl.sign.keyPair.fromSeed(seeded('malleable')(32));
  const message = ascii('pay once');
  const signature = nacl.sign.detached(message, pair.secretKey);
  const s = fromLittleEndian(signature.subarray(32));
  const malleable = concat(signature.subarray(0, 32), littleEndian(s + L));
  assert.ok(ed25519Verify(pair.publicKey, message, signature));
  assert.ok(nacl.sign.detached.verify(message, malleable, pair.publicKey), 'it is the same signature');
  assert.equal(ed25519Verify(pair.publicKey, message, malleable), false);
});

test('bytes that are no point of the curve verify nothing and throw nothing', () => {
  const random = seeded('no points');
  let outside = 0;
  for (let i = 0; i < 20; i += 1) {
    const key = random(32);
    if (pointOf(fromLittleEndian(key) % TOP_BIT)) continue;
    outside += 1;
    assert.equal(ed25519Verify(key, ascii('message'), random(64)), false);
  }
  assert.ok(outside > 3);
});
