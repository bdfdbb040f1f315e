/** What can go wrong with the order inside: TRUST's steps from strict decoding to membership. */
import type { Signer } from '../../proto/bundle.ts';
import { SignedOrder } from '../../proto/codec.ts';
import { keyId, sign } from '../../proto/frame.ts';
import { LIMITS } from '../../proto/limits.ts';
import { fromLittleEndian, L, littleEndian } from './curve.ts';
import { type Fault, onTheWay } from './envelope-faults.ts';
import {
  ascii,
  CONTROLLER,
  cancelOrder,
  concat,
  counting,
  flipped,
  NOW_MS,
  OPERATOR,
  SIBLING_ID,
} from './fixture.ts';
import { CONTROLLER_ID, orderOf, type Plan, signers } from './plan.ts';
import { TREE } from './signed.ts';
import { number } from './wire.ts';

export const DECODE: readonly Fault[] = [
  [
    'a signed order with an unknown field',
    'order-malformed',
    (plan) => {
      plan.plain = (order, signatures) => concat(SignedOrder.encode({ order, signatures }), number(9, 1));
    },
  ],
  [
    'an order with an unknown field',
    'order-malformed',
    (plan) => {
      const { orderBytes } = plan;
      plan.orderBytes = (order) => concat(orderBytes(order), number(99, 1));
    },
  ],
  [
    'an order that is no message',
    'order-malformed',
    (plan) => {
      plan.orderBytes = () => ascii('run everything');
    },
  ],
  ['an order of another shape', 'order-malformed', change({ jobId: counting(0, 15) })],
  [
    'an order of 1 MiB and one byte',
    'order-too-large',
    (plan) => {
      plan.order = orderOf(LIMITS.orderBytes + 1, plan);
    },
  ],
  [
    'a signed order past its own cap',
    'order-too-large',
    (plan) => {
      plan.plain = () => new Uint8Array(LIMITS.signedOrderBytes + 1);
    },
  ],
];

/** The trust document says this of the controller's key. */
export const known = (signer: Signer) => (plan: Plan) => {
  plan.context.signer = signers([CONTROLLER_ID, signer]);
};

export const SIGNER: readonly Fault[] = [
  ['no signature', 'signer-unknown', signedBy(() => [])],
  ['nine signatures', 'signer-unknown', signedBy((one) => Array.from({ length: 9 }, () => one))],
  ['a key that the trust document does not have', 'signer-unknown', known('signer-unknown')],
  [
    'the key in another role',
    'signer-unknown',
    signedBy((one) => [{ ...one, keyId: keyId('operator', CONTROLLER.publicKey) }]),
  ],
  ['a role that does not allow this kind', 'signer-not-allowed', known('signer-not-allowed')],
  ['a key that was revoked', 'signer-revoked', known('signer-revoked')],
  ['an expired trust document', 'trust-expired', known('trust-expired')],
  [
    'a good signature and one of a stranger',
    'signer-unknown',
    signedBy((one, order) => [one, { keyId: counting(0, 16), signature: sign(OPERATOR, 'order', order) }]),
  ],
];

export const SIGNATURE: readonly Fault[] = [
  [
    'a signature that was altered',
    'order-signature',
    resigned((order) => flipped(sign(CONTROLLER, 'order', order), 5)),
  ],
  [
    'a signature under another domain',
    'order-signature',
    resigned((order) => sign(CONTROLLER, 'trust', order)),
  ],
  [
    'a signature over another order',
    'order-signature',
    resigned((order) => sign(CONTROLLER, 'order', flipped(order, 9))),
  ],
  ['a signature by another key', 'order-signature', resigned((order) => sign(OPERATOR, 'order', order))],
  [
    'a signature that was cut',
    'order-signature',
    resigned((order) => sign(CONTROLLER, 'order', order).subarray(0, 63)),
  ],
  [
    'a signature with S + L',
    'order-signature',
    resigned((order) => {
      const signature = sign(CONTROLLER, 'order', order);
      return concat(signature.subarray(0, 32), littleEndian(fromLittleEndian(signature.subarray(32)) + L));
    }),
  ],
  ['a signer that stands there twice', 'order-malformed', signedBy((one) => [one, { ...one }])],
];

export const VERSION: readonly Fault[] = [
  ['a later version', 'order-version', change({ version: 5 })],
  ['the version before, which was never released', 'order-version', change({ version: 3 })],
  ['no version', 'order-version', change({ version: 0 })],
];
export const KIND: readonly Fault[] = [
  ['a kind that is not known yet', 'order-kind', change({ kind: 'rotate' })],
  ['a kind in capitals', 'order-kind', change({ kind: 'RUN' })],
  [
    'a cancel, sealed',
    'order-kind',
    (plan) => {
      plan.order = cancelOrder();
    },
  ],
];
export const FLEET_FAULTS: readonly Fault[] = [
  ['another fleet', 'order-fleet', change({ fleetId: counting(1, 16) })],
];
export const HASH: readonly Fault[] = [
  ['the hash of another order', 'order-malformed', onTheWay((d) => ({ orderHash: flipped(d.orderHash, 0) }))],
];

export const NOT_YET: readonly Fault[] = [
  ['an order that begins in a millisecond', 'order-not-yet', change({ notBeforeMs: NOW_MS + 1 })],
];
export const EXPIRED: readonly Fault[] = [
  ['an order that expires now', 'order-expired', change({ expiresAtMs: NOW_MS })],
  ['an order that expired long ago', 'order-expired', change({ notBeforeMs: 1, expiresAtMs: NOW_MS - 1 })],
];
export const FORGOTTEN: readonly Fault[] = [
  [
    'an order that ends where memory begins',
    'order-forgotten',
    (plan) => {
      plan.context.forgetFloorMs = plan.order.expiresAtMs ?? 0;
    },
  ],
];

export const inContext = (part: Partial<Plan['context']>) => (plan: Plan) => {
  Object.assign(plan.context, part);
};

export const TARGET: readonly Fault[] = [
  ['an agent that is not meant', 'not-a-target', inContext({ agentId: counting(3, 16) })],
  ["a sibling's place in the tree", 'not-a-target', inContext({ agentId: SIBLING_ID })],
  ['an earlier epoch', 'not-a-target', inContext({ epoch: counting(0x41, 16) })],
  [
    'params that were not signed',
    'not-a-target',
    (plan) => {
      plan.params = ascii('nginx=0.1');
    },
  ],
  ['params left out', 'not-a-target', onTheWay(() => ({ paramsBox: new Uint8Array() }))],
  ['a proof that was cut', 'not-a-target', onTheWay((d) => ({ proof: d.proof.slice(1) }))],
  ['no proof', 'not-a-target', onTheWay(() => ({ proof: [] }))],
  ['a proof that was extended', 'not-a-target', onTheWay((d) => ({ proof: [...d.proof, counting(0, 32)] }))],
  ["a sibling's proof", 'not-a-target', onTheWay(() => ({ proof: TREE.proof(0) }))],
  ['another index', 'not-a-target', onTheWay(() => ({ index: 0 }))],
  ['an index past the targets', 'not-a-target', onTheWay(() => ({ index: 3 }))],
  ['another count', 'not-a-target', change({ targetsCount: 2 })],
  ['another root', 'not-a-target', change({ targetsRoot: flipped(TREE.root, 0) })],
];

export function change(part: Plan['order']): (plan: Plan) => void {
  return (plan) => {
    plan.order = { ...plan.order, ...part };
  };
}

type Signature = ReturnType<Plan['signatures']>[number];

function signedBy(make: (one: Signature, order: Uint8Array) => Signature[]): (plan: Plan) => void {
  return (plan) => {
    plan.signatures = (order) =>
      make({ keyId: CONTROLLER_ID, signature: sign(CONTROLLER, 'order', order) }, order);
  };
}

export function resigned(make: (order: Uint8Array) => Uint8Array): (plan: Plan) => void {
  return signedBy((one, order) => [{ ...one, signature: make(order) }]);
}
