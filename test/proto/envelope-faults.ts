/** What can go wrong with a bundle's envelope: TRUST's steps sizes, unwrap, decrypt. */
import type { DeliverMessage } from '../../proto/codec.ts';
import type { ErrorCode } from '../../proto/errors.ts';
import { LIMITS } from '../../proto/limits.ts';
import { boxPair, counting, flipped, SIBLING } from './fixture.ts';
import { orderOf, type Plan } from './plan.ts';
import { TREE } from './signed.ts';

/** What was done to a valid bundle, the code that must come, and how to do it. */
export type Fault = readonly [what: string, code: ErrorCode, apply: (plan: Plan) => void];

/** A change of the delivery, behind those that are there. */
export const onTheWay =
  (change: (deliver: DeliverMessage) => Partial<DeliverMessage>) =>
  (plan: Plan): void => {
    const before = plan.deliver;
    plan.deliver = (deliver) => {
      const changed = before(deliver);
      return { ...changed, ...change(changed) };
    };
  };

/** Three chunks instead of one. */
const large = (plan: Plan): void => {
  plan.order = orderOf(140_000, plan);
};

const resealed =
  (change: (chunks: Uint8Array[]) => Uint8Array[]) =>
  (plan: Plan): void => {
    large(plan);
    plan.chunks = change;
  };

export const SIZES: readonly Fault[] = [
  ['an order hash of 31 bytes', 'malformed', onTheWay((d) => ({ orderHash: d.orderHash.subarray(1) }))],
  ['an ephemeral key of 31 bytes', 'malformed', onTheWay((d) => ({ epk: d.epk.subarray(1) }))],
  ['a key box of 47 bytes', 'malformed', onTheWay((d) => ({ keyBox: d.keyBox.subarray(1) }))],
  ['a proof hash of 31 bytes', 'malformed', onTheWay(() => ({ proof: [counting(0, 31)] }))],
  [
    'a proof of 21 hashes',
    'order-too-large',
    onTheWay(() => ({ proof: Array.from({ length: 21 }, () => counting(0, 32)) })),
  ],
  ['no chunks', 'order-too-large', onTheWay(() => ({ chunks: [] }))],
  [
    '18 chunks',
    'order-too-large',
    onTheWay((d) => ({ chunks: Array.from({ length: 18 }, () => d.chunks[0] ?? new Uint8Array()) })),
  ],
  [
    'a chunk of 64 KiB and one byte',
    'order-too-large',
    onTheWay(() => ({ chunks: [new Uint8Array(LIMITS.chunkBytes + 17)] })),
  ],
  [
    'params of 256 KiB and one byte',
    'order-too-large',
    onTheWay(() => ({ paramsBox: new Uint8Array(LIMITS.paramsBytes + 17) })),
  ],
];

export const UNWRAP: readonly Fault[] = [
  ['an ephemeral key of zeros', 'unwrap-failed', onTheWay(() => ({ epk: new Uint8Array(32) }))],
  [
    'an ephemeral key that is not canonical',
    'unwrap-failed',
    onTheWay((d) => ({ epk: flipped(d.epk, 31, 0x80) })),
  ],
  ['another ephemeral key', 'unwrap-failed', onTheWay(() => ({ epk: boxPair('other').publicKey }))],
  ['a key box that was altered', 'unwrap-failed', onTheWay((d) => ({ keyBox: flipped(d.keyBox, 20) }))],
  [
    "a sibling's share, whole",
    'unwrap-failed',
    (plan) => {
      plan.boxPublicKey = SIBLING.box.publicKey;
      plan.index = 0;
      plan.proof = TREE.proof(0);
      plan.params = new Uint8Array();
    },
  ],
  [
    'a chunk that was altered on the way',
    'unwrap-failed',
    onTheWay((d) => ({ chunks: d.chunks.map((c) => flipped(c, 30)) })),
  ],
  [
    'chunks that were reordered on the way',
    'unwrap-failed',
    (plan) => {
      large(plan);
      onTheWay((d) => ({ chunks: d.chunks.toReversed() }))(plan);
    },
  ],
];

export const DECRYPT: readonly Fault[] = [
  ['chunks in another order under a good wrap', 'decrypt-failed', resealed(([a, b, c]) => present(b, a, c))],
  ['the last chunk cut under a good wrap', 'decrypt-failed', resealed((chunks) => chunks.slice(0, -1))],
  ['the first chunk cut under a good wrap', 'decrypt-failed', resealed((chunks) => chunks.slice(1))],
  ['the last chunk twice under a good wrap', 'decrypt-failed', resealed(([a, b, c]) => present(a, b, c, c))],
  ['the first chunk twice under a good wrap', 'decrypt-failed', resealed(([a, b, c]) => present(a, a, b, c))],
  ['a chunk of another bundle under a good wrap', 'decrypt-failed', resealed(([a, , c]) => present(a, c, c))],
  [
    'a chunk that is short though not the last',
    'decrypt-failed',
    (plan) => {
      plan.pieces = (plain) => [plain.slice(0, 100), plain.slice(100)];
    },
  ],
  ['params that were altered', 'decrypt-failed', onTheWay((d) => ({ paramsBox: flipped(d.paramsBox, 18) }))],
  [
    'params that were cut to less than a tag',
    'decrypt-failed',
    onTheWay((d) => ({ paramsBox: d.paramsBox.slice(0, 15) })),
  ],
];

function present(...chunks: readonly (Uint8Array | undefined)[]): Uint8Array[] {
  return chunks.filter((chunk) => chunk !== undefined);
}
