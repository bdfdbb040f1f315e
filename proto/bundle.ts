/**
 * A bundle is a sealed, signed order.
 *
 *   order bytes --sign--> SignedOrder --chunks under a random K--> ciphertext       once per bundle
 *   K --wrap with X25519(e, agent's box key)--> key_box                             per agent, when it is sent
 *
 * `openBundle` goes through TRUST's opening order up to membership; what follows (known job ids, policy, disk, journal)
 * is the agent's. No step has a side effect, and each failure has its own code.
 */
import {
  type DeliverMessage,
  Order,
  type OrderMessage,
  type SignatureMessage,
  SignedOrder,
} from './codec.ts';
import { boxKeyPair, hmacSha512, type KeyPair, secretbox, secretboxOpen, x25519 } from './crypto.ts';
import { type ErrorCode, MusterError } from './errors.ts';
import { frame, type KeyRole, keyId, shortHash, sign, verify } from './frame.ts';
import { equalBytes, toHex } from './ids.ts';
import { LIMITS } from './limits.ts';
import { targetLeaf, verifyInclusion } from './merkle.ts';
import type { RandomBytes } from './random.ts';
import { checkDeliver } from './validate.ts';
import { checkOrder } from './validate-order.ts';
import { ORDER_VERSION } from './version.ts';

const KEY_NONCE = new Uint8Array(24);
const SECRETBOX_OVERHEAD = 16;
const EMPTY = new Uint8Array(0);

export function orderHash(order: Uint8Array): Uint8Array {
  return shortHash('order', order);
}

export function signOrder(order: Uint8Array, role: KeyRole, key: KeyPair): SignatureMessage {
  return { keyId: keyId(role, key.publicKey), signature: sign(key, 'order', order) };
}

/** What all agents of a bundle share, and K, which must not be stored in the clear. */
export interface SealedBundle {
  orderHash: Uint8Array;
  /** 32 bytes. */
  key: Uint8Array;
  chunks: Uint8Array[];
  /** Of all chunks: every wrapping is bound to it, so it is made once and not once per agent. */
  ciphertextHash: Uint8Array;
}

/** Throws MusterError('too-large') for an order past the cap. */
export function seal(
  order: Uint8Array,
  signatures: readonly SignatureMessage[],
  random: RandomBytes,
): SealedBundle {
  if (order.length > LIMITS.orderBytes) throw new MusterError('too-large', `${order.length} bytes`);
  const key = random(32);
  const plain = SignedOrder.encode({ order, signatures });
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < plain.length; at += LIMITS.chunkBytes) {
    const chunk = plain.subarray(at, at + LIMITS.chunkBytes);
    const last = at + LIMITS.chunkBytes >= plain.length;
    chunks.push(secretbox(chunk, chunkNonce(chunks.length, last), key));
  }
  return { orderHash: orderHash(order), key, chunks, ciphertextHash: ciphertextHash(chunks) };
}

export function ciphertextHash(chunks: readonly Uint8Array[]): Uint8Array {
  return shortHash('ciphertext', ...chunks);
}

/** 0^15 ‖ last? ‖ u64be(index): a chunk that was cut, moved or left out does not open. */
function chunkNonce(index: number, last: boolean): Uint8Array {
  const nonce = Buffer.alloc(24);
  nonce[15] = last ? 1 : 0;
  nonce.writeBigUInt64BE(BigInt(index), 16);
  return nonce;
}

interface WrapKeys {
  key: Uint8Array;
  params: Uint8Array;
}

function wrapKeys(
  secret: Uint8Array,
  epk: Uint8Array,
  boxPublicKey: Uint8Array,
  sealedHash: Uint8Array,
): WrapKeys {
  const wk = hmacSha512(secret, frame('wrap', epk, boxPublicKey, sealedHash));
  return { key: wk.subarray(0, 32), params: wk.subarray(32, 64) };
}

/** One pair per bundle and controller start, kept in memory only. */
export function wrappingPair(random: RandomBytes): KeyPair {
  return boxKeyPair(random(32));
}

export interface Addressee {
  boxPublicKey: Uint8Array;
  index: number;
  proof: readonly Uint8Array[];
  /** Bytes for this agent alone, as they stand in its leaf; empty where there are none. */
  params: Uint8Array;
}

/** One agent's share of a bundle. Throws MusterError('bad-key') when the agent's box key is not acceptable. */
export function wrapFor(bundle: SealedBundle, pair: KeyPair, to: Addressee): DeliverMessage {
  const secret = x25519(pair.privateKey, to.boxPublicKey);
  if (!secret) throw new MusterError('bad-key', 'box key');
  const keys = wrapKeys(secret, pair.publicKey, to.boxPublicKey, bundle.ciphertextHash);
  return {
    orderHash: bundle.orderHash,
    index: to.index,
    proof: [...to.proof],
    epk: pair.publicKey,
    keyBox: secretbox(bundle.key, KEY_NONCE, keys.key),
    paramsBox: to.params.length > 0 ? secretbox(to.params, KEY_NONCE, keys.params) : EMPTY,
    chunks: bundle.chunks,
  };
}

/** What a trust document says of a key: may it sign this kind of order at this time? */
export type Signer = { publicKey: Uint8Array; role: KeyRole } | ErrorCode;

export interface OpenContext {
  fleetId: Uint8Array;
  agentId: Uint8Array;
  epoch: Uint8Array;
  boxKey: KeyPair;
  /** The controller's time as this agent knows it. */
  nowMs: number;
  /** Orders that expire at or before it were forgotten and are refused. */
  forgetFloorMs: number;
  signer(keyId: Uint8Array, kind: string): Signer;
}

export interface OpenedOrder {
  order: OrderMessage;
  orderBytes: Uint8Array;
  orderHash: Uint8Array;
  signers: KeyRole[];
}

export interface OpenedBundle extends OpenedOrder {
  params: Uint8Array;
}

/** Kinds of order that are delivered; a cancel has a way of its own. */
const DELIVERED_KINDS = ['run', 'upgrade', 'uninstall'] as const;

/** Throws MusterError with the code of the first check that fails, in TRUST's order. */
export function openBundle(deliver: DeliverMessage, context: OpenContext): OpenedBundle {
  checkDeliver(deliver);
  const secret = x25519(context.boxKey.privateKey, deliver.epk);
  if (!secret) throw new MusterError('unwrap-failed', 'ephemeral key');
  const sealedHash = ciphertextHash(deliver.chunks);
  const keys = wrapKeys(secret, deliver.epk, context.boxKey.publicKey, sealedHash);
  const key = secretboxOpen(deliver.keyBox, KEY_NONCE, keys.key);
  if (!key) throw new MusterError('unwrap-failed');
  const plain = decryptChunks(deliver.chunks, key);
  const params =
    deliver.paramsBox.length > 0 ? secretboxOpen(deliver.paramsBox, KEY_NONCE, keys.params) : EMPTY;
  if (!params) throw new MusterError('decrypt-failed', 'params');
  const opened = openSigned(plain, context, DELIVERED_KINDS);
  if (!equalBytes(opened.orderHash, deliver.orderHash))
    throw new MusterError('order-malformed', 'order_hash');
  checkTime(opened.order, context);
  const leaf = targetLeaf({ agentId: context.agentId, epoch: context.epoch, params });
  const { targetsCount, targetsRoot } = opened.order;
  if (!verifyInclusion(leaf, deliver.index, targetsCount, deliver.proof, targetsRoot))
    throw new MusterError('not-a-target');
  return { ...opened, params };
}

function decryptChunks(chunks: readonly Uint8Array[], key: Uint8Array): Uint8Array {
  const plain = chunks.map((chunk, index) => {
    const last = index === chunks.length - 1;
    if (!last && chunk.length !== LIMITS.chunkBytes + SECRETBOX_OVERHEAD)
      throw new MusterError('decrypt-failed');
    const opened = secretboxOpen(chunk, chunkNonce(index, last), key);
    if (!opened) throw new MusterError('decrypt-failed');
    return opened;
  });
  return plain.length === 1 && plain[0] ? plain[0] : Buffer.concat(plain);
}

/** A cancel is an order that is not sealed: it holds no secret, names one job and its order, and has no membership. */
export function openCancel(signed: Uint8Array, context: Omit<OpenContext, 'boxKey' | 'epoch'>): OpenedOrder {
  const opened = openSigned(signed, context, ['cancel']);
  checkTime(opened.order, context);
  return opened;
}

type SignedContext = Pick<OpenContext, 'fleetId' | 'signer'>;

function openSigned(bytes: Uint8Array, context: SignedContext, kinds: readonly string[]): OpenedOrder {
  checkSize(bytes, LIMITS.signedOrderBytes);
  const signed = strictly(() => SignedOrder.decode(bytes));
  checkSize(signed.order, LIMITS.orderBytes);
  const order = strictly(() => Order.decode(signed.order));
  checkOrder(order);
  const signers = acceptSigners(signed.signatures, order.kind, signed.order, context);
  if (order.version !== ORDER_VERSION) throw new MusterError('order-version', `${order.version}`);
  if (!kinds.includes(order.kind)) throw new MusterError('order-kind', order.kind);
  if (!equalBytes(order.fleetId, context.fleetId)) throw new MusterError('order-fleet');
  return { order, orderBytes: signed.order, orderHash: orderHash(signed.order), signers };
}

function checkSize(bytes: Uint8Array, maxBytes: number): void {
  if (bytes.length > maxBytes) throw new MusterError('order-too-large', `${bytes.length} bytes`);
}

/** First who signed, then whether they did: every signature must be one that counts. */
function acceptSigners(
  signatures: readonly SignatureMessage[],
  kind: string,
  order: Uint8Array,
  context: SignedContext,
): KeyRole[] {
  if (signatures.length === 0 || signatures.length > LIMITS.signaturesPerOrder)
    throw new MusterError('signer-unknown', `${signatures.length} signatures`);
  if (new Set(signatures.map((one) => toHex(one.keyId))).size !== signatures.length)
    throw new MusterError('order-malformed', 'a signer counts once');
  const signers = signatures.map((signature) => {
    const signer = context.signer(signature.keyId, kind);
    if (typeof signer === 'string') throw new MusterError(signer);
    return { signer, signature: signature.signature };
  });
  for (const { signer, signature } of signers)
    if (!verify(signer.publicKey, signature, 'order', order)) throw new MusterError('order-signature');
  return signers.map(({ signer }) => signer.role);
}

function checkTime(order: OrderMessage, context: Pick<OpenContext, 'nowMs' | 'forgetFloorMs'>): void {
  if (context.nowMs < order.notBeforeMs) throw new MusterError('order-not-yet');
  // It may have run here: to say that it expired would be to say that it did not.
  if (order.expiresAtMs <= context.forgetFloorMs) throw new MusterError('order-forgotten');
  if (context.nowMs >= order.expiresAtMs) throw new MusterError('order-expired');
}

function strictly<T>(decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    if (cause instanceof MusterError) throw new MusterError('order-malformed', cause.detail, { cause });
    throw cause;
  }
}
