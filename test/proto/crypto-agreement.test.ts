/** Ed25519, X25519 and SHA-512 run on node:crypto; tweetnacl is held to the same bytes, so that either could serve. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import nacl from 'tweetnacl';
import {
  aeadOpen,
  aeadSeal,
  boxKeyPair,
  ed25519Sign,
  ed25519Verify,
  equalSecrets,
  secretbox,
  secretboxOpen,
  sha512,
  signKeyPair,
  x25519,
} from '../../proto/crypto.ts';
import { below, flipped, seeded } from './fixture.ts';

test('Ed25519 keys and signatures are byte-identical to those of tweetnacl, and each verifies the other', () => {
  const random = seeded('agreement ed25519');
  for (let i = 0; i < 24; i += 1) {
    const seed = random(32);
    const message = random(below(random, 300));
    const ours = signKeyPair(seed);
    const theirs = nacl.sign.keyPair.fromSeed(seed);
    assert.deepEqual(ours.publicKey, theirs.publicKey);
    const signature = ed25519Sign(ours.privateKey, message);
    assert.deepEqual(signature, nacl.sign.detached(message, theirs.secretKey));
    assert.ok(nacl.sign.detached.verify(message, signature, ours.publicKey));
    assert.ok(ed25519Verify(theirs.publicKey, message, signature));
    const at = below(random, 64);
    assert.ok(!ed25519Verify(ours.publicKey, message, flipped(signature, at)), `flipped at ${at}`);
  }
});

test('X25519 keys and shared secrets are byte-identical to those of tweetnacl', () => {
  const random = seeded('agreement x25519');
  for (let i = 0; i < 64; i += 1) {
    const [mine, other] = [random(32), random(32)];
    const [a, b] = [boxKeyPair(mine), boxKeyPair(other)];
    assert.deepEqual(a.publicKey, nacl.scalarMult.base(mine));
    assert.deepEqual(x25519(a.privateKey, b.publicKey), nacl.scalarMult(mine, b.publicKey));
    assert.deepEqual(x25519(a.privateKey, b.publicKey), x25519(b.privateKey, a.publicKey));
  }
});

test('SHA-512 is byte-identical to that of tweetnacl', () => {
  const random = seeded('agreement sha512');
  for (let i = 0; i < 200; i += 1) {
    const input = random(below(random, 2000));
    assert.deepEqual(sha512(input), nacl.hash(input));
  }
});

test('one array of 32 bytes serves as a seed on both curves without one key standing in for the other', () => {
  const seed = seeded('one array')(32);
  assert.deepEqual(signKeyPair(seed).publicKey, nacl.sign.keyPair.fromSeed(seed).publicKey);
  assert.deepEqual(boxKeyPair(seed).publicKey, nacl.scalarMult.base(seed));
  const peer = boxKeyPair(seeded('a peer')(32)).publicKey;
  assert.deepEqual(x25519(seed, peer), nacl.scalarMult(seed, peer));
  // And the same array as a public key: what it is as a private key must not matter.
  assert.deepEqual(x25519(peer, peer), nacl.scalarMult(peer, peer));
});

test('a key pair keeps its seed, so that injected randomness replays', () => {
  const seed = seeded('replay')(32);
  assert.deepEqual(signKeyPair(seed).privateKey, seed);
  assert.deepEqual(boxKeyPair(Uint8Array.from(seed)), boxKeyPair(seed));
});

test('a key of another length is a fault of the caller and never a signature', () => {
  for (const length of [0, 31, 33, 64]) assert.throws(() => signKeyPair(new Uint8Array(length)), TypeError);
  assert.equal(ed25519Verify(new Uint8Array(31), new Uint8Array(), new Uint8Array(64)), false);
  const { publicKey } = signKeyPair(seeded('a key')(32));
  for (const length of [0, 63, 65])
    assert.equal(ed25519Verify(publicKey, new Uint8Array(), new Uint8Array(length)), false);
});

test('a secret box or sealed frame that is cut, altered or opened with another key or nonce does not open', () => {
  const random = seeded('boxes');
  const [key, message] = [random(32), random(50)];
  const cases = [
    { seal: secretbox, open: secretboxOpen, nonce: random(24) },
    {
      seal: (m: Uint8Array, n: Uint8Array, k: Uint8Array) => aeadSeal(k, n, m),
      open: (m: Uint8Array, n: Uint8Array, k: Uint8Array) => aeadOpen(k, n, m),
      nonce: random(12),
    },
  ];
  for (const { seal, open, nonce } of cases) {
    const sealed = seal(message, nonce, key);
    assert.equal(sealed.length, message.length + 16);
    assert.deepEqual(new Uint8Array(open(sealed, nonce, key) ?? []), message);
    for (let at = 0; at < sealed.length; at += 1)
      assert.equal(open(flipped(sealed, at), nonce, key), undefined, `flipped at ${at}`);
    for (let length = 0; length < sealed.length; length += 1)
      assert.equal(open(sealed.subarray(0, length), nonce, key), undefined, `cut to ${length}`);
    assert.equal(open(sealed, flipped(nonce, 0), key), undefined);
    assert.equal(open(sealed, nonce, flipped(key, 0)), undefined);
  }
});

test('secrets are equal only when every byte is, and lengths that differ are not an error', () => {
  const secret = seeded('a secret')(32);
  assert.ok(equalSecrets(secret, Uint8Array.from(secret)));
  assert.ok(!equalSecrets(secret, flipped(secret, 31)));
  assert.ok(!equalSecrets(secret, secret.subarray(0, 31)));
  assert.ok(equalSecrets(new Uint8Array(), new Uint8Array()));
});
