/**
 * The one signing input. Everything that is signed, hashed or keyed in Muster goes through `frame`, so that bytes made
 * for one purpose can never be read as another's:
 *
 *   frame(domain, p1..pk) = ASCII("muster/v1/" + domain) 00 ‖ Σ( u32be(len pi) ‖ pi )
 */
import { ed25519Sign, ed25519Verify, type KeyPair, sha512 } from './crypto.ts';
import { LIMITS } from './limits.ts';

export type Domain =
  | 'order'
  | 'target'
  | 'node'
  | 'params'
  | 'ciphertext'
  | 'wrap'
  | 'report'
  | 'receipt'
  | 'transcript'
  | 'session'
  | 'hs-controller'
  | 'hs-agent'
  | 'enrol-request'
  | 'enrol-grant'
  | 'trust'
  | 'release'
  | 'audit'
  | 'key-id'
  | 'agent-id'
  | 'facts'
  | 'plan'
  | 'api-token'
  | 'join-token';

export function frame(domain: Domain, ...parts: readonly Uint8Array[]): Uint8Array {
  const prefix = Buffer.from(`muster/v1/${domain}\0`, 'ascii');
  let length = prefix.length;
  for (const part of parts) length += 4 + part.length;
  const out = Buffer.allocUnsafe(length);
  let at = prefix.copy(out);
  for (const part of parts) {
    at = out.writeUInt32BE(part.length, at);
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** SHA-512 over the frame: 64 bytes. */
export function hash(domain: Domain, ...parts: readonly Uint8Array[]): Uint8Array {
  return sha512(frame(domain, ...parts));
}

/** The same, cut to 32 bytes: order hashes, trees, digests that travel. */
export function shortHash(domain: Domain, ...parts: readonly Uint8Array[]): Uint8Array {
  return hash(domain, ...parts).subarray(0, LIMITS.hashBytes);
}

export function sign(key: KeyPair, domain: Domain, ...parts: readonly Uint8Array[]): Uint8Array {
  return ed25519Sign(key.privateKey, frame(domain, ...parts));
}

export function verify(
  publicKey: Uint8Array,
  signature: Uint8Array,
  domain: Domain,
  ...parts: readonly Uint8Array[]
): boolean {
  return ed25519Verify(publicKey, frame(domain, ...parts), signature);
}

export type KeyRole = 'root' | 'controller' | 'operator' | 'release' | 'agent-sign' | 'agent-box';

const ascii = (text: string): Uint8Array => Buffer.from(text, 'ascii');

/** 16 bytes; the role is part of the id, so that a key serves one role only. */
export function keyId(role: KeyRole, publicKey: Uint8Array): Uint8Array {
  return hash('key-id', ascii(role), publicKey).subarray(0, LIMITS.keyIdBytes);
}

/** 16 bytes; whoever holds the key is the agent, nobody can squat an id. */
export function agentId(fleetId: Uint8Array, signPublicKey: Uint8Array): Uint8Array {
  return hash('agent-id', fleetId, signPublicKey).subarray(0, LIMITS.keyIdBytes);
}

/** A fleet's id is the key id of its first root. */
export function fleetIdOf(rootPublicKey: Uint8Array): Uint8Array {
  return keyId('root', rootPublicKey);
}
