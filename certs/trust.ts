/**
 * Trust is a fold over documents that the root signed.
 *
 *   root key --signs--> document n+1: controller, operator and release keys, URLs, revoked keys, expiry, and the root
 *                       that signs the next one
 *
 * An agent begins with a pinned root (its key id) and walks forward; a document never goes back a serial. A document that
 * changes the root is signed by the old root and by the new one, and those are walked one by one; others may be skipped.
 */

import type { Signer } from '../proto/bundle.ts';
import { type Message, SignedTrust, TrustDocument, type TrustMessage } from '../proto/codec.ts';
import { isSignPublicKey, type KeyPair } from '../proto/crypto.ts';
import { MusterError } from '../proto/errors.ts';
import { type KeyRole, keyId, sign, verify } from '../proto/frame.ts';
import { equalBytes } from '../proto/ids.ts';
import { LIMITS } from '../proto/limits.ts';
import { isTime } from '../proto/validate.ts';
import { TRUST_VERSION } from '../proto/version.ts';

export interface Trust {
  readonly fleetId: Uint8Array;
  /** The key id of the root that signs the next document. */
  readonly rootKeyId: Uint8Array;
  /** Undefined before the first document: then only the pin is known. */
  readonly document: TrustMessage | undefined;
  readonly serial: number;
}

export function pinned(fleetId: Uint8Array, rootKeyId: Uint8Array): Trust {
  return { fleetId, rootKeyId, document: undefined, serial: 0 };
}

export type TrustInput = Omit<TrustMessage, 'version'>;

/** Signs a document with the current root, and with the next one too where it changes. */
export function signTrust(input: TrustInput, roots: readonly KeyPair[]): Uint8Array {
  const document = TrustDocument.encode({ ...input, version: TRUST_VERSION });
  const signatures = roots.map((root) => ({
    keyId: keyId('root', root.publicKey),
    signature: sign(root, 'trust', document),
  }));
  return SignedTrust.encode({ document, signatures });
}

/** The next state, or a throw of MusterError('trust-rejected' | 'malformed'): shape, then signature, then meaning. */
export function applyTrust(trust: Trust, signedBytes: Uint8Array): Trust {
  const signed = SignedTrust.decode(signedBytes);
  const document = TrustDocument.decode(signed.document);
  checkShape(document, signed.signatures.length);
  const signedBy = (publicKey: Uint8Array): boolean => {
    const id = keyId('root', publicKey);
    return signed.signatures.some(
      (one) => equalBytes(one.keyId, id) && verify(publicKey, one.signature, 'trust', signed.document),
    );
  };
  const root = trust.document?.rootPublicKey ?? document.rootPublicKey;
  if (!equalBytes(keyId('root', root), trust.rootKeyId))
    throw new MusterError('trust-rejected', 'another root');
  if (!signedBy(root)) throw new MusterError('trust-rejected', 'signature of the root');
  if (!signedBy(document.rootPublicKey))
    throw new MusterError('trust-rejected', 'signature of the next root');
  if (!equalBytes(document.fleetId, trust.fleetId)) throw new MusterError('trust-rejected', 'another fleet');
  if (document.serial <= trust.serial) throw new MusterError('trust-rejected', 'an older document');
  return {
    fleetId: trust.fleetId,
    rootKeyId: keyId('root', document.rootPublicKey),
    document,
    serial: document.serial,
  };
}

function checkShape(document: TrustMessage, signatures: number): void {
  const check = (condition: boolean, what: string): void => {
    if (!condition) throw new MusterError('malformed', `trust document: ${what}`);
  };
  check(document.version === TRUST_VERSION, 'version');
  check(signatures > 0 && signatures <= LIMITS.signaturesPerOrder, 'signatures');
  check(document.fleetId.length === LIMITS.keyIdBytes, 'fleet_id');
  check(isSignPublicKey(document.rootPublicKey), 'root_public_key');
  check(document.keys.length > 0 && document.keys.length <= LIMITS.trustEntries, 'keys');
  check(document.revoked.length <= LIMITS.trustEntries, 'revoked');
  check(
    document.revoked.every((id) => id.length === LIMITS.keyIdBytes),
    'revoked',
  );
  for (const key of document.keys) {
    check(['controller', 'operator', 'release'].includes(key.role), 'keys.role');
    check(isSignPublicKey(key.publicKey), 'keys.public_key');
    check(isTime(key.notAfterMs), 'keys.not_after_ms');
  }
  check(document.urls.length <= 16 && document.urls.every((url) => url.length <= 512), 'urls');
  check(isTime(document.expiresAtMs) && document.expiresAtMs > document.issuedAtMs, 'expires_at_ms');
}

type TrustKey = Message<'TrustKey'>;

function findKey(trust: Trust, id: Uint8Array): { key: TrustKey; role: KeyRole } | undefined {
  for (const key of trust.document?.keys ?? []) {
    const role = key.role as 'controller' | 'operator' | 'release';
    if (equalBytes(keyId(role, key.publicKey), id)) return { key, role };
  }
  return undefined;
}

function isRevoked(trust: Trust, id: Uint8Array): boolean {
  return trust.document?.revoked.some((revoked) => equalBytes(revoked, id)) ?? false;
}

/** Whether this key may sign this kind of order now; else why not. */
export function signerOf(trust: Trust, id: Uint8Array, kind: string, nowMs: number): Signer {
  if (isRevoked(trust, id)) return 'signer-revoked';
  const found = findKey(trust, id);
  if (!found || isOver(found.key, nowMs)) return 'signer-unknown';
  if (!found.key.kinds.includes(kind)) return 'signer-not-allowed';
  if (nowMs >= (trust.document?.expiresAtMs ?? 0)) return 'trust-expired';
  return { publicKey: found.key.publicKey, role: found.role };
}

/** The key that a handshake's signature must verify with. An expired document still opens sessions, to get a newer one. */
export function controllerKeyOf(trust: Trust, id: Uint8Array): Uint8Array | undefined {
  if (isRevoked(trust, id)) return undefined;
  const found = findKey(trust, id);
  return found?.role === 'controller' ? found.key.publicKey : undefined;
}

/** The key that a release's signature must verify with; else why it does not count. */
export function releaseKeyOf(trust: Trust, id: Uint8Array, nowMs: number): Uint8Array | string {
  if (isRevoked(trust, id)) return 'its release key was revoked';
  const found = findKey(trust, id);
  if (found?.role !== 'release' || isOver(found.key, nowMs))
    return 'its signer is no release key of this fleet';
  return found.key.publicKey;
}

function isOver(key: TrustKey, nowMs: number): boolean {
  return key.notAfterMs !== 0 && nowMs >= key.notAfterMs;
}
