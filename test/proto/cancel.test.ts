/** Every refusal of openCancel, in TRUST's opening order. A cancel is signed but not sealed, and has no membership. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openBundle, openCancel } from '../../proto/bundle.ts';
import { MusterError } from '../../proto/errors.ts';
import { toHex } from '../../proto/ids.ts';
import { cancelOrder, flipped, JOB_ID, NOW_MS, refused } from './fixture.ts';
import {
  change,
  DECODE,
  EXPIRED,
  FLEET_FAULTS,
  FORGOTTEN,
  known,
  NOT_YET,
  resigned,
  SIGNATURE,
  SIGNER,
  VERSION,
} from './order-faults.ts';
import { build, type Plan, signedOrder, validPlan } from './plan.ts';

function cancelPlan(): Plan {
  return { ...validPlan(), order: cancelOrder() };
}

const open = (plan: Plan): ReturnType<typeof openCancel> => openCancel(signedOrder(plan), plan.context);

test('a valid cancel opens, and names the job, the hash of its order and when that order ends', () => {
  const opened = open(cancelPlan());
  assert.equal(opened.order.kind, 'cancel');
  assert.equal(toHex(opened.order.cancel?.jobId ?? new Uint8Array()), toHex(JOB_ID));
  assert.deepEqual(opened.signers, ['controller']);
});

// The two faults of a large order are made of tasks, which a cancel has not.
const withoutTasks = DECODE.filter(([what]) => what !== 'an order of 1 MiB and one byte');
const ROWS = [withoutTasks, SIGNER, SIGNATURE, VERSION, FLEET_FAULTS, NOT_YET, EXPIRED, FORGOTTEN].flat();

for (const [what, code, apply] of ROWS)
  test(`in a cancel, ${what} is refused with ${code}`, () => {
    const plan = cancelPlan();
    apply(plan);
    refused(code, () => open(plan));
  });

test('a signed order to run something is no cancel, and a signed cancel no order to run', () => {
  refused('order-kind', () => open(validPlan()));
  const sealed = cancelPlan();
  refused('order-kind', () => openBundle(build(sealed), sealed.context));
});

test('of several faults of a cancel the first in the opening order is reported', () => {
  const faults = [
    ['signer-revoked', known('signer-revoked')],
    ['order-signature', resigned((order) => flipped(order.slice(0, 64), 0))],
    ['order-version', change({ version: 9 })],
    ['order-fleet', change({ fleetId: new Uint8Array(16) })],
    // Not so long ago that it may be forgotten.
    ['order-expired', change({ notBeforeMs: 1, expiresAtMs: NOW_MS - 1 })],
  ] as const;
  for (const [i, [code]] of faults.entries()) {
    const plan = cancelPlan();
    for (const [, apply] of faults.slice(i)) apply(plan);
    refused(code, () => open(plan));
  }
});

test('every single-byte flip of a signed cancel is refused', () => {
  const plan = cancelPlan();
  const bytes = signedOrder(plan);
  for (let at = 0; at < bytes.length; at += 1)
    for (const mask of [0x01, 0x80])
      assert.throws(() => openCancel(flipped(bytes, at, mask), plan.context), MusterError, `byte ${at}`);
});
