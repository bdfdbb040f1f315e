/**
 * Operators' own signing keys, in the trust document. The key stays with its operator; here is what is said of it, and what an order
 * is held against before it is stored, as every agent will once more. Pure.
 *
 *   root key --signs--> trust document --names--> operator's key, by the operator's name, for the kinds of order that his role allows
 */
import { signerOf, type Trust, type TrustInput } from '../../certs/trust.ts';
import type { SignatureMessage, TrustMessage } from '../../proto/codec.ts';
import { isSignPublicKey } from '../../proto/crypto.ts';
import { MusterError } from '../../proto/errors.ts';
import { keyId, verify } from '../../proto/frame.ts';
import { equalBytes, toHex } from '../../proto/ids.ts';
import { LIMITS } from '../../proto/limits.ts';

type KeyChange = Pick<TrustInput, 'keys' | 'revoked'>;

/** What an operator's key may sign, by role; nothing for whoever only looks. */
export const OPERATOR_KINDS: Readonly<Record<'viewer' | 'runner' | 'admin', readonly string[]>> = {
  viewer: [],
  runner: ['run', 'cancel'],
  admin: ['run', 'cancel', 'upgrade', 'uninstall'],
};

export interface OperatorKey {
  name: string;
  /** Hex. */
  keyId: string;
}

export function operatorKeysOf(trust: Trust): OperatorKey[] {
  return operatorKeys(trust.document?.keys ?? []).map(({ name, publicKey }) => ({
    name,
    keyId: toHex(keyId('operator', publicKey)),
  }));
}

/** Undefined: it is trusted so already. Throws bad-key, bad-request. */
export function withKey(
  document: Pick<TrustMessage, 'keys' | 'revoked'>,
  { name, publicKey, role }: { name: string; publicKey: Uint8Array; role: 'viewer' | 'runner' | 'admin' },
): KeyChange | undefined {
  if (!isSignPublicKey(publicKey)) throw new MusterError('bad-key');
  const kinds = OPERATOR_KINDS[role];
  if (kinds.length === 0)
    throw new MusterError('bad-request', `${name} is ${role}, who orders nothing that could be signed`);
  const id = keyId('operator', publicKey);
  if (document.revoked.some((one) => equalBytes(one, id)))
    throw new MusterError('bad-key', 'it was revoked; make a new one with "muster operator key --replace"');
  const known = document.keys.find((key) => equalBytes(key.publicKey, publicKey));
  if (known && (known.role !== 'operator' || known.name !== name))
    throw new MusterError('bad-key', `it is the ${known.role} key of ${known.name}`);
  if (known && known.kinds.join() === kinds.join()) return undefined;
  const others = document.keys.filter((key) => key !== known);
  if (others.length >= LIMITS.trustEntries)
    throw new MusterError('bad-request', `the trust document has ${LIMITS.trustEntries} keys already`);
  return {
    keys: [...others, { role: 'operator', publicKey, name, kinds: [...kinds], notAfterMs: 0 }],
    revoked: document.revoked,
  };
}

/** Without the keys of an operator, or the one of them: what they signed starts nowhere any more. Undefined: there are none. */
export function withoutKeys(
  document: Pick<TrustMessage, 'keys' | 'revoked'>,
  name: string,
  only?: string,
): (KeyChange & { revokedIds: string[] }) | undefined {
  const gone = operatorKeys(document.keys).filter(
    (key) => key.name === name && (only === undefined || toHex(keyId('operator', key.publicKey)) === only),
  );
  if (gone.length === 0) return undefined;
  const ids = gone.map((key) => keyId('operator', key.publicKey));
  return {
    keys: document.keys.filter((key) => !gone.includes(key)),
    // The oldest give way where there are too many: their keys are in no document any more either.
    revoked: [...document.revoked, ...ids].slice(-LIMITS.trustEntries),
    revokedIds: ids.map(toHex),
  };
}

/** Throws signer-unknown, signer-revoked, signer-not-allowed, trust-expired: why this operator's key counts for no order of this kind. */
export function checkSigner(
  trust: Trust,
  by: string,
  id: Uint8Array,
  kind: string,
  nowMs: number,
): Uint8Array {
  const signer = signerOf(trust, id, kind, nowMs);
  if (typeof signer === 'string') throw new MusterError(signer, `key ${toHex(id)}`);
  const isOwn = operatorKeysOf(trust).some((key) => key.name === by && key.keyId === toHex(id));
  if (signer.role !== 'operator' || !isOwn)
    throw new MusterError('signer-unknown', `key ${toHex(id)} is none of ${by}`);
  return signer.publicKey;
}

/** Throws as checkSigner; order-signature. */
export function checkOperatorSignature(
  trust: Trust,
  by: string,
  { order, kind }: { order: Uint8Array; kind: string },
  { keyId: id, signature }: SignatureMessage,
  nowMs: number,
): void {
  if (!verify(checkSigner(trust, by, id, kind, nowMs), signature, 'order', order))
    throw new MusterError('order-signature');
}

const operatorKeys = (keys: TrustMessage['keys']) => keys.filter((key) => key.role === 'operator');
