import assert from 'node:assert/strict';
import { test } from 'node:test';
import { equalBytes, fromHex, toHex } from '../../proto/ids.ts';
import { counting, flipped } from './fixture.ts';

test('an id goes to hex and back', () => {
  const id = counting(0xf0, 16);
  assert.equal(toHex(id), 'f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff');
  assert.deepEqual(fromHex(toHex(id), 16), id);
  assert.equal(toHex(counting(0, 40).subarray(4, 8)), '04050607', 'of a view, its own bytes alone');
});

test('hex that is not exactly an id is refused', () => {
  const good = '00112233445566778899aabbccddeeff';
  assert.ok(fromHex(good, 16));
  for (const bad of [
    '',
    good.slice(1),
    `${good}0`,
    good.toUpperCase(),
    `0x${good.slice(2)}`,
    ` ${good.slice(1)}`,
  ])
    assert.equal(fromHex(bad, 16), undefined, bad);
  for (const bad of [
    '../../../../../../../../../../etc',
    `${good.slice(1)}\n`,
    `${good.slice(1)}g`,
    '‮'.repeat(32),
  ])
    assert.equal(fromHex(bad, 16), undefined, bad);
  assert.deepEqual(fromHex('', 0), new Uint8Array());
});

test('bytes are equal by content, whatever holds them, and lengths matter', () => {
  const bytes = counting(0, 20);
  assert.ok(equalBytes(bytes, Buffer.from(bytes)));
  assert.ok(equalBytes(bytes.subarray(2, 4), Uint8Array.of(2, 3)));
  assert.ok(!equalBytes(bytes, bytes.subarray(0, 19)));
  assert.ok(!equalBytes(bytes, flipped(bytes, 19)));
  assert.ok(equalBytes(new Uint8Array(), new Uint8Array()));
});
