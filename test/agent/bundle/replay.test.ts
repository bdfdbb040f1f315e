import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { replayOf } from '../../../agent/bundle/replay.ts';

const HASH = new Uint8Array(32).fill(1);
const OTHER = new Uint8Array(32).fill(2);
const order = { orderHash: HASH, expiresAtMs: 1_000 };
const nothing = { orderHash: undefined, cancelled: false, forgetFloorMs: 0 };

describe('a job id that arrives', () => {
  it('is new when nothing is known of it', () => assert.equal(replayOf(order, nothing), 'new'));
  it('is the same when it comes with the same order', () =>
    assert.equal(replayOf(order, { ...nothing, orderHash: new Uint8Array(HASH) }), 'same'));
  it('is reused when it comes with another order', () =>
    assert.equal(replayOf(order, { ...nothing, orderHash: OTHER }), 'reused'));
  it('is cancelled when its cancel came first', () =>
    assert.equal(replayOf(order, { ...nothing, cancelled: true }), 'cancelled'));
  it('is forgotten when its order expires at or before the floor', () => {
    assert.equal(replayOf(order, { ...nothing, forgetFloorMs: 1_000 }), 'forgotten');
    assert.equal(replayOf(order, { ...nothing, forgetFloorMs: 999 }), 'new');
  });
  it('is answered with what it did, also when it was cancelled or would be forgotten since', () =>
    assert.equal(replayOf(order, { orderHash: HASH, cancelled: true, forgetFloorMs: 5_000 }), 'same'));
});
