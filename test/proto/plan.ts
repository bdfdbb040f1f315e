/**
 * A bundle written from TRUST's text with tweetnacl and node:crypto, apart from proto/bundle.ts, so that the two hold each
 * other, and so that a test can do anything wrong at any step of the sealing.
 */
import { createHmac } from 'node:crypto';
import nacl from 'tweetnacl';
import type { OpenContext, Signer } from '../../proto/bundle.ts';
import { type DeliverMessage, Order, type SignatureMessage, SignedOrder } from '../../proto/codec.ts';
import type { KeyPair } from '../../proto/crypto.ts';
import { frame, keyId, shortHash, sign } from '../../proto/frame.ts';
import { toHex } from '../../proto/ids.ts';
import {
  AGENT,
  AGENT_ID,
  boxPair,
  CONTROLLER,
  concat,
  counting,
  EPOCH,
  FLEET,
  NOW_MS,
  type OrderInput,
  runOrder,
} from './fixture.ts';
import { PARAMS, TREE } from './signed.ts';

export interface Plan {
  order: OrderInput;
  orderBytes(order: OrderInput): Uint8Array;
  signatures(orderBytes: Uint8Array): SignatureMessage[];
  plain(orderBytes: Uint8Array, signatures: SignatureMessage[]): Uint8Array;
  /** Plain pieces, before they are sealed. */
  pieces(plain: Uint8Array): Uint8Array[];
  /** Sealed chunks, before the key is wrapped over them. */
  chunks(chunks: Uint8Array[]): Uint8Array[];
  boxPublicKey: Uint8Array;
  index: number;
  proof: Uint8Array[];
  params: Uint8Array;
  /** On the way. */
  deliver(deliver: DeliverMessage): DeliverMessage;
  context: OpenContext;
}

export const KEY = counting(0x70, 32);
export const PAIR: KeyPair = boxPair('ephemeral');

export function signers(...known: readonly [Uint8Array, Signer][]): OpenContext['signer'] {
  const byId = new Map(known.map(([id, signer]) => [toHex(id), signer]));
  return (id) => byId.get(toHex(id)) ?? 'signer-unknown';
}

export const CONTROLLER_ID = keyId('controller', CONTROLLER.publicKey);
export const CONTROLLER_SIGNER: Signer = { publicKey: CONTROLLER.publicKey, role: 'controller' };

/** A plan whose bundle opens. */
export function validPlan(): Plan {
  return {
    order: runOrder(TREE),
    orderBytes: (order) => Order.encode(order),
    signatures: (bytes) => [{ keyId: CONTROLLER_ID, signature: sign(CONTROLLER, 'order', bytes) }],
    plain: (order, signatures) => SignedOrder.encode({ order, signatures }),
    pieces: (plain) => {
      const pieces: Uint8Array[] = [];
      for (let at = 0; at < plain.length; at += 65_536) pieces.push(plain.slice(at, at + 65_536));
      return pieces;
    },
    chunks: (chunks) => chunks,
    boxPublicKey: AGENT.box.publicKey,
    index: 1,
    proof: TREE.proof(1),
    params: PARAMS,
    deliver: (deliver) => deliver,
    context: {
      fleetId: FLEET,
      agentId: AGENT_ID,
      epoch: EPOCH,
      boxKey: AGENT.box,
      nowMs: NOW_MS,
      forgetFloorMs: NOW_MS - 86_400_000,
      signer: signers([CONTROLLER_ID, CONTROLLER_SIGNER]),
    },
  };
}

/** nonce = 0^15 ‖ last? ‖ u64be(i) */
function sealPieces(pieces: readonly Uint8Array[]): Uint8Array[] {
  return pieces.map((piece, index) => {
    const nonce = new Uint8Array(24);
    nonce[15] = index === pieces.length - 1 ? 1 : 0;
    nonce[23] = index;
    return nacl.secretbox(piece, nonce, KEY);
  });
}

/** The order's bytes, signed, without a seal. */
export function signedOrder(plan: Plan): Uint8Array {
  const order = plan.orderBytes(plan.order);
  return plan.plain(order, plan.signatures(order));
}

export function build(plan: Plan): DeliverMessage {
  const chunks = plan.chunks(sealPieces(plan.pieces(signedOrder(plan))));
  const shared = nacl.scalarMult(PAIR.privateKey, plan.boxPublicKey);
  const info = frame('wrap', PAIR.publicKey, plan.boxPublicKey, shortHash('ciphertext', ...chunks));
  const wk = new Uint8Array(createHmac('sha512', shared).update(info).digest());
  const zeros = new Uint8Array(24);
  return plan.deliver({
    orderHash: shortHash('order', plan.orderBytes(plan.order)),
    index: plan.index,
    proof: plan.proof,
    epk: PAIR.publicKey,
    keyBox: nacl.secretbox(KEY, zeros, wk.subarray(0, 32)),
    paramsBox:
      plan.params.length > 0 ? nacl.secretbox(plan.params, zeros, wk.subarray(32)) : new Uint8Array(),
    chunks,
  });
}

/** An order of exactly this many bytes, most of them on a command's stdin. */
export function orderOf(length: number, plan: Plan): OrderInput {
  const tasks = (first: number, second: number): OrderInput => ({
    ...plan.order,
    tasks: [first, second].map((size) => ({
      command: { argv: ['cat'], stdin: concat(counting(0, 16), new Uint8Array(size)) },
    })),
  });
  const half = Math.floor(length / 2) - 200;
  const rest = length - Order.encode(tasks(half, half)).length;
  const order = tasks(half, half + rest);
  if (Order.encode(order).length !== length) throw new RangeError('a length changed its own length');
  return order;
}
