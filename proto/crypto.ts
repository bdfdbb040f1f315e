/**
 * The only file that knows tweetnacl and node:crypto. Ed25519, X25519, SHA-512 and ChaCha20-Poly1305 run on node:crypto,
 * secret boxes (XSalsa20-Poly1305) on tweetnacl; a test holds what both can do byte-identical.
 * Keys are raw bytes: an Ed25519 or X25519 private key is its 32-byte seed, so that injected randomness replays.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  diffieHellman,
  type KeyObject,
  sign as nodeSign,
  verify as nodeVerify,
  timingSafeEqual,
} from 'node:crypto';
import nacl from 'tweetnacl';

export interface KeyPair {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** The 32-byte seed (Ed25519) or scalar (X25519). */
  readonly privateKey: Uint8Array;
}

type Curve = 'ed25519' | 'x25519';

type Handles = WeakMap<Uint8Array, KeyObject>;

/**
 * Importing a key costs as much as a signature, so a key that stays in memory is imported once: the array stands for
 * the key and is never written to. One cache per use, since the same bytes are another key on another curve.
 * Symmetric keys as well: given as bytes, Node finds out by an exception that they are no key object, which costs
 * more than to seal a frame.
 */
const handles: Record<Curve, { private: Handles; public: Handles }> & { secret: Handles } = {
  ed25519: { private: new WeakMap(), public: new WeakMap() },
  x25519: { private: new WeakMap(), public: new WeakMap() },
  secret: new WeakMap(),
};

function privateHandle(curve: Curve, key: Uint8Array): KeyObject {
  return handle(handles[curve].private, key, () =>
    createPrivateKey({ key: curveBytes(key), format: 'raw-private', asymmetricKeyType: curve }),
  );
}

function publicHandle(curve: Curve, key: Uint8Array): KeyObject {
  return handle(handles[curve].public, key, () =>
    createPublicKey({ key: curveBytes(key), format: 'raw-public', asymmetricKeyType: curve }),
  );
}

function secretHandle(key: Uint8Array): KeyObject {
  return handle(handles.secret, key, () => createSecretKey(key));
}

function handle(known: Handles, key: Uint8Array, make: () => KeyObject): KeyObject {
  const found = known.get(key);
  if (found) return found;
  const made = make();
  known.set(key, made);
  return made;
}

function curveBytes(key: Uint8Array): Buffer {
  if (key.length !== 32) throw new TypeError('a key has 32 bytes');
  return Buffer.from(key.buffer, key.byteOffset, key.length);
}

function rawPublic(curve: Curve, privateKey: Uint8Array): Uint8Array {
  return new Uint8Array(createPublicKey(privateHandle(curve, privateKey)).export({ format: 'raw-public' }));
}

export function signKeyPair(seed: Uint8Array): KeyPair {
  return { publicKey: rawPublic('ed25519', seed), privateKey: seed };
}

export function boxKeyPair(seed: Uint8Array): KeyPair {
  return { publicKey: rawPublic('x25519', seed), privateKey: seed };
}

/** Ed25519 (RFC 8032), 64 bytes. */
export function ed25519Sign(privateKey: Uint8Array, message: Uint8Array): Uint8Array {
  return new Uint8Array(nodeSign(null, message, privateHandle('ed25519', privateKey)));
}

export function ed25519Verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== 64 || !isSignPublicKey(publicKey)) return false;
  return nodeVerify(null, message, publicHandle('ed25519', publicKey), signature);
}

/** X25519 (RFC 7748); an all-zero result is refused, as its section 6.1 asks. */
export function x25519(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined {
  if (!isBoxPublicKey(publicKey)) return undefined;
  const secret = diffieHellman({
    privateKey: privateHandle('x25519', privateKey),
    publicKey: publicHandle('x25519', publicKey),
  });
  return secret.every((byte) => byte === 0) ? undefined : new Uint8Array(secret);
}

const P = 2n ** 255n - 19n;

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
}

/**
 * The y of every point whose order divides 8, canonical; their signs and the non-canonical forms are refused apart.
 * Source: https://ristretto.group/test_vectors and RFC 7748's curve equation, checked in the tests by multiplying with 8.
 */
const SMALL_ORDER_Y: ReadonlySet<bigint> = new Set([
  0n,
  1n,
  P - 1n,
  littleEndian(Buffer.from('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', 'hex')),
  littleEndian(Buffer.from('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a', 'hex')),
]);

/** The u of every point of small order on Curve25519 and its twist, canonical (RFC 7748, section 7). */
const SMALL_ORDER_U: ReadonlySet<bigint> = new Set([
  0n,
  1n,
  P - 1n,
  littleEndian(Buffer.from('e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800', 'hex')),
  littleEndian(Buffer.from('5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157', 'hex')),
]);

/** Whether these bytes may enter a store as an Ed25519 public key: canonical and not of small order. */
export function isSignPublicKey(bytes: Uint8Array): boolean {
  return acceptable(bytes, SMALL_ORDER_Y, true, signKeys);
}

/** Whether these bytes may enter a store as an X25519 public key: canonical and not of small order. */
export function isBoxPublicKey(bytes: Uint8Array): boolean {
  return acceptable(bytes, SMALL_ORDER_U, false, boxKeys);
}

const signKeys = new WeakSet<Uint8Array>();
const boxKeys = new WeakSet<Uint8Array>();

function acceptable(
  bytes: Uint8Array,
  refused: ReadonlySet<bigint>,
  hasSign: boolean,
  known: WeakSet<Uint8Array>,
): boolean {
  if (known.has(bytes)) return true;
  if (bytes.length !== 32) return false;
  let value = littleEndian(bytes);
  if (hasSign) value &= 2n ** 255n - 1n;
  if (value >= P || refused.has(value)) return false;
  known.add(bytes);
  return true;
}

export function sha512(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha512');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

export interface IncrementalHash {
  update(bytes: Uint8Array): void;
  /** 64 bytes of everything so far; more may follow. */
  digest(): Uint8Array;
}

export function incrementalSha512(): IncrementalHash {
  const hash = createHash('sha512');
  return {
    update: (bytes) => void hash.update(bytes),
    digest: () => new Uint8Array(hash.copy().digest()),
  };
}

export function hmacSha512(key: Uint8Array, message: Uint8Array): Uint8Array {
  return new Uint8Array(createHmac('sha512', secretHandle(key)).update(message).digest());
}

/** For what others write with it: fingerprints of SSH host keys. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(bytes).digest());
}

/** For what others write with it: hidden host names in OpenSSH's known_hosts. */
export function hmacSha1(key: Uint8Array, message: Uint8Array): Uint8Array {
  return new Uint8Array(createHmac('sha1', secretHandle(key)).update(message).digest());
}

/** NaCl's secretbox: XSalsa20-Poly1305; 24-byte nonce, 32-byte key. */
export function secretbox(message: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array {
  return nacl.secretbox(message, nonce, key);
}

export function secretboxOpen(box: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array | undefined {
  return nacl.secretbox.open(box, nonce, key) ?? undefined;
}

const TAG_BYTES = 16;

/** ChaCha20-Poly1305 (RFC 8439), the tag behind the ciphertext. */
export function aeadSeal(key: Uint8Array, nonce: Uint8Array, message: Uint8Array): Uint8Array {
  const cipher = createCipheriv('chacha20-poly1305', secretHandle(key), nonce, { authTagLength: TAG_BYTES });
  return Buffer.concat([cipher.update(message), cipher.final(), cipher.getAuthTag()]);
}

export function aeadOpen(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
  if (sealed.length < TAG_BYTES) return undefined;
  const decipher = createDecipheriv('chacha20-poly1305', secretHandle(key), nonce, {
    authTagLength: TAG_BYTES,
  });
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  try {
    const message = decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES));
    // Checks the tag; a stream cipher holds nothing back.
    decipher.final();
    return message;
  } catch {
    return undefined;
  }
}

/** Comparison whose time does not tell where two secrets differ. */
export function equalSecrets(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
