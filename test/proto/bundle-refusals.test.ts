/** Every refusal of openBundle, in TRUST's opening order. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openBundle } from '../../proto/bundle.ts';
import { keyId, sign } from '../../proto/frame.ts';
import { LIMITS } from '../../proto/limits.ts';
import { DECRYPT, type Fault, onTheWay, SIZES, UNWRAP } from './envelope-faults.ts';
import { CONTROLLER, counting, flipped, NOW_MS, refused, signPair } from './fixture.ts';
import {
  change,
  DECODE,
  EXPIRED,
  FLEET_FAULTS,
  FORGOTTEN,
  HASH,
  inContext,
  KIND,
  known,
  NOT_YET,
  resigned,
  SIGNATURE,
  SIGNER,
  TARGET,
  VERSION,
} from './order-faults.ts';
import { build, CONTROLLER_ID, CONTROLLER_SIGNER, type Plan, signers, validPlan } from './plan.ts';

/** TRUST's order, one list per step. */
const STEPS: readonly (readonly Fault[])[] = [
  SIZES,
  UNWRAP,
  DECRYPT,
  DECODE,
  SIGNER,
  SIGNATURE,
  VERSION,
  KIND,
  FLEET_FAULTS,
  HASH,
  NOT_YET,
  EXPIRED,
  FORGOTTEN,
  TARGET,
];

for (const [what, code, apply] of STEPS.flat())
  test(`${what} is refused with ${code}`, () => {
    const plan = validPlan();
    apply(plan);
    refused(code, () => openBundle(build(plan), plan.context));
  });

/** One fault per step that leaves every other step's to be applied beside it. */
const TOGETHER: readonly Fault[] = [
  [
    'params too large',
    'order-too-large',
    onTheWay(() => ({ paramsBox: new Uint8Array(LIMITS.paramsBytes + 17) })),
  ],
  ['key box', 'unwrap-failed', onTheWay((d) => ({ keyBox: flipped(d.keyBox, 1) }))],
  ['short chunk', 'decrypt-failed', find(DECRYPT, 'a chunk that is short though not the last')],
  ['unknown field', 'order-malformed', find(DECODE, 'a signed order with an unknown field')],
  ['revoked', 'signer-revoked', known('signer-revoked')],
  ['signature', 'order-signature', resigned((order) => flipped(sign(CONTROLLER, 'order', order), 5))],
  ['version', 'order-version', change({ version: 5 })],
  ['kind', 'order-kind', change({ kind: 'rotate' })],
  ['fleet', 'order-fleet', change({ fleetId: counting(1, 16) })],
  ['order hash', 'order-malformed', onTheWay((d) => ({ orderHash: flipped(d.orderHash, 0) }))],
  ['not yet', 'order-not-yet', change({ notBeforeMs: NOW_MS + 1 })],
  ['forgotten', 'order-forgotten', inContext({ forgetFloorMs: NOW_MS * 2 })],
  ['not a target', 'not-a-target', inContext({ epoch: counting(0x41, 16) })],
];

test('of several faults the first in the opening order is reported, for every pair and for all together', () => {
  const open = (faults: readonly Fault[]): void => {
    const plan = validPlan();
    for (const [, , apply] of faults) apply(plan);
    const [first] = faults;
    assert.ok(first);
    refused(first[1], () => openBundle(build(plan), plan.context));
  };
  for (const [i, early] of TOGETHER.entries()) for (const late of TOGETHER.slice(i + 1)) open([early, late]);
  for (const i of TOGETHER.keys()) open(TOGETHER.slice(i));
});

test('an order that expired and was forgotten is refused as forgotten: it may have run', () => {
  const plan = validPlan();
  change({ expiresAtMs: NOW_MS })(plan);
  plan.context.forgetFloorMs = NOW_MS;
  refused('order-forgotten', () => openBundle(build(plan), plan.context));
});

test('a key that is in no trust document cannot be made good by a valid signature of its own', () => {
  const stranger = signPair('stranger');
  const plan = validPlan();
  plan.signatures = (order) => [
    { keyId: keyId('controller', stranger.publicKey), signature: sign(stranger, 'order', order) },
  ];
  refused('signer-unknown', () => openBundle(build(plan), plan.context));
  plan.context.signer = signers(
    [CONTROLLER_ID, CONTROLLER_SIGNER],
    [keyId('controller', stranger.publicKey), { publicKey: stranger.publicKey, role: 'controller' }],
  );
  assert.ok(openBundle(build(plan), plan.context), 'and it would be good if it were in one');
});

function find(faults: readonly Fault[], what: string): (plan: Plan) => void {
  return faults.find((fault) => fault[0] === what)?.[2] ?? assert.fail(what);
}
