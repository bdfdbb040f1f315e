/** The published vectors. Each is also put to an implementation that is not the one under test. */
import assert from 'node:assert/strict';
import { createCipheriv, createHash } from 'node:crypto';
import { test } from 'node:test';
import nacl from 'tweetnacl';
import {
  aeadOpen,
  aeadSeal,
  boxKeyPair,
  ed25519Sign,
  ed25519Verify,
  hmacSha512,
  incrementalSha512,
  secretbox,
  secretboxOpen,
  sha512,
  signKeyPair,
  x25519,
} from '../../proto/crypto.ts';
import { toHex } from '../../proto/ids.ts';
import { ascii, concat, counting, hex } from './fixture.ts';

/** tweetnacl has no types for its inner functions; this one is Poly1305. */
const { lowlevel } = nacl as unknown as {
  lowlevel: {
    crypto_onetimeauth(
      tag: Uint8Array,
      tagAt: number,
      message: Uint8Array,
      at: number,
      length: number,
      key: Uint8Array,
    ): void;
  };
};

const RFC_8032 = [
  {
    name: 'TEST 1',
    seed: '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    publicKey: 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    message: '',
    signature:
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155 5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  },
  {
    name: 'TEST 2',
    seed: '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    publicKey: '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    message: '72',
    signature:
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da 085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  },
  {
    name: 'TEST 3',
    seed: 'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    publicKey: 'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    message: 'af82',
    signature:
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac 18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  },
  {
    name: 'TEST SHA(abc)',
    seed: '833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42',
    publicKey: 'ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf',
    message:
      'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a 2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
    signature:
      'dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589 09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704',
  },
];

for (const vector of RFC_8032)
  test(`Ed25519 gives RFC 8032's signature of ${vector.name}, and so does tweetnacl`, () => {
    const [seed, publicKey] = [hex(vector.seed), hex(vector.publicKey)];
    const [message, signature] = [hex(vector.message), hex(vector.signature)];
    assert.deepEqual(signKeyPair(seed).publicKey, publicKey);
    assert.deepEqual(ed25519Sign(seed, message), signature);
    assert.ok(ed25519Verify(publicKey, message, signature));
    const pair = nacl.sign.keyPair.fromSeed(seed);
    assert.deepEqual(pair.publicKey, publicKey);
    assert.deepEqual(nacl.sign.detached(message, pair.secretKey), signature);
  });

test('SHA-512 of "abc" is what RFC 8032 signs, whole and in pieces', () => {
  const expected = hex(RFC_8032[3]?.message ?? '');
  assert.deepEqual(sha512(ascii('abc')), expected);
  assert.deepEqual(sha512(ascii('a'), ascii(''), ascii('bc')), expected);
  assert.deepEqual(nacl.hash(ascii('abc')), expected);
  const hash = incrementalSha512();
  hash.update(ascii('ab'));
  const early = hash.digest();
  hash.update(ascii('c'));
  assert.deepEqual(hash.digest(), expected);
  assert.deepEqual(early, sha512(ascii('ab')), 'a digest on the way does not end the hash');
});

test("X25519 gives the first result of RFC 7748's section 5.2", () => {
  const scalar = hex('a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4');
  const u = hex('e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c');
  const expected = hex('c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552');
  assert.deepEqual(x25519(scalar, u), expected);
  assert.deepEqual(nacl.scalarMult(scalar, u), expected);
});

test("X25519 gives the second result of RFC 7748's section 5.2 for the canonical form of its u, and refuses the other form", () => {
  const scalar = hex('4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d');
  const u = hex('e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493');
  const expected = hex('95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957');
  assert.deepEqual(nacl.scalarMult(scalar, u), expected);
  assert.equal(x25519(scalar, u), undefined, 'its top bit is set');
  const canonical = Uint8Array.from(u);
  canonical[31] = (canonical[31] ?? 0) & 0x7f;
  assert.deepEqual(x25519(scalar, canonical), expected);
});

test("X25519 gives RFC 7748's results after 1 and after 1,000 iterations", () => {
  const results: Record<number, string> = {
    1: '422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079',
    1000: '684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51',
  };
  let k: Uint8Array = concat(Uint8Array.of(9), new Uint8Array(31));
  let u = k;
  for (let i = 1; i <= 1000; i += 1) {
    const next = x25519(k, u);
    assert.ok(next);
    if (i <= 3) assert.deepEqual(nacl.scalarMult(k, u), next);
    [k, u] = [next, k];
    if (results[i]) assert.equal(toHex(k), results[i]);
  }
});

test("X25519 gives the shared secret of RFC 7748's section 6.1 to both sides", () => {
  const alice = boxKeyPair(hex('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a'));
  const bob = boxKeyPair(hex('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb'));
  const expected = hex('4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742');
  assert.equal(toHex(alice.publicKey), '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a');
  assert.equal(toHex(bob.publicKey), 'de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f');
  assert.deepEqual(x25519(alice.privateKey, bob.publicKey), expected);
  assert.deepEqual(x25519(bob.privateKey, alice.publicKey), expected);
  assert.deepEqual(nacl.scalarMult(alice.privateKey, bob.publicKey), expected);
});

test("ChaCha20-Poly1305 gives RFC 8439's ciphertext of section 2.8.2 and Poly1305's tag over it", () => {
  // The session's frames have no associated data, so the tag differs from the RFC's. tweetnacl has no ChaCha20, but it has Poly1305.
  const key = counting(0x80, 32);
  const nonce = hex('07000000 4041424344454647');
  const plain = ascii(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
  );
  const ciphertext = hex(
    'd31a8d34648e60db7b86afbc53ef7ec2 a4aded51296e08fea9e2b5a736ee62d6 3dbea45e8ca9671282fafb69da92728b',
    '1a71de0a9e060b2905d6a5b67ecd3b36 92ddbd7f2d778b8c9803aee328091b58 fab324e4fad675945585808b4831d7bc',
    '3ff4def08e4b7a9de576d26586cec64b 6116',
  );
  const sealed = aeadSeal(key, nonce, plain);
  assert.deepEqual(new Uint8Array(sealed.subarray(0, plain.length)), ciphertext);
  const stream = createCipheriv('chacha20', key, concat(new Uint8Array(4), nonce));
  const oneTimeKey = new Uint8Array(stream.update(new Uint8Array(32)));
  const poly1305 = (aad: Uint8Array): Uint8Array => {
    const padded = (bytes: Uint8Array): Uint8Array =>
      concat(bytes, new Uint8Array((16 - (bytes.length % 16)) % 16));
    const lengths = Buffer.alloc(16);
    lengths.writeUInt32LE(aad.length, 0);
    lengths.writeUInt32LE(ciphertext.length, 8);
    const input = concat(padded(aad), padded(ciphertext), lengths);
    const tag = new Uint8Array(16);
    lowlevel.crypto_onetimeauth(tag, 0, input, 0, input.length, oneTimeKey);
    return tag;
  };
  assert.deepEqual(poly1305(hex('50515253 c0c1c2c3c4c5c6c7')), hex('1ae10b594f09e26a7e902ecbd0600691'));
  assert.deepEqual(new Uint8Array(sealed.subarray(plain.length)), poly1305(new Uint8Array()));
  assert.deepEqual(new Uint8Array(aeadOpen(key, nonce, sealed) ?? []), plain);
});

test("secretbox gives the box of NaCl's own tests/secretbox.c, and opens it", () => {
  const key = hex('1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389');
  const nonce = hex('69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37');
  const plain = hex(
    'be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffc',
    'e5ecbaaf33bd751a1ac728d45e6c61296cdc3c01233561f41db66cce314adb31',
    '0e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde',
    '048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f93776384864',
    '5e0705',
  );
  const box = hex(
    'f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce',
    '48332ea7164d96a4476fb8c531a1186ac0dfc17c98dce87b4da7f011ec48c972',
    '71d2c20f9b928fe2270d6fb863d51738b48eeee314a7cc8ab932164548e526ae',
    '90224368517acfeabd6bb3732bc0e9da99832b61ca01b6de56244a9e88d5f9b3',
    '7973f622a43d14a6599b1f654cb45a74e355a5',
  );
  assert.deepEqual(secretbox(plain, nonce, key), box);
  assert.deepEqual(secretboxOpen(box, nonce, key), plain);
});

test("HMAC-SHA-512 gives RFC 4231's results, and so does RFC 2104's formula over tweetnacl's hash", () => {
  const cases = [
    {
      key: new Uint8Array(20).fill(0x0b),
      data: ascii('Hi There'),
      mac: '87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854',
    },
    {
      key: ascii('Jefe'),
      data: ascii('what do ya want for nothing?'),
      mac: '164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554 9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737',
    },
    {
      key: new Uint8Array(20).fill(0xaa),
      data: new Uint8Array(50).fill(0xdd),
      mac: 'fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39 bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb',
    },
    {
      key: new Uint8Array(131).fill(0xaa),
      data: ascii('Test Using Larger Than Block-Size Key - Hash Key First'),
      mac: '80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352 6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598',
    },
  ];
  for (const { key, data, mac } of cases) {
    assert.deepEqual(hmacSha512(key, data), hex(mac));
    const block = concat(key.length > 128 ? nacl.hash(key) : key, new Uint8Array(128)).subarray(0, 128);
    const inner = nacl.hash(
      concat(
        block.map((byte) => byte ^ 0x36),
        data,
      ),
    );
    assert.deepEqual(
      nacl.hash(
        concat(
          block.map((byte) => byte ^ 0x5c),
          inner,
        ),
      ),
      hex(mac),
    );
  }
});

test('SHA-512 agrees with node and tweetnacl at the edges of a block', () => {
  for (const length of [0, 1, 111, 112, 127, 128, 129, 255, 256, 1000]) {
    const input = counting(0, length);
    assert.deepEqual(sha512(input), nacl.hash(input));
    assert.deepEqual(sha512(input), new Uint8Array(createHash('sha512').update(input).digest()));
  }
});
