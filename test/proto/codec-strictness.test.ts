/** Bytes that a lenient decoder takes for a message; the strict one has one encoding of everything. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as codecs from '../../proto/codec.ts';
import { toHex } from '../../proto/ids.ts';
import { concat, counting, hex, refused } from './fixture.ts';
import { bytes, message, number, text, varint } from './wire.ts';

const WELCOME = (time: Uint8Array): Uint8Array => concat(number(1, 1), varint(6 * 8), time);

const HOSTILE: readonly [string, (bytes: Uint8Array) => unknown, Uint8Array][] = [
  ['an 11-byte varint', codecs.WelcomeBody.decode, WELCOME(hex('80808080808080808080 01'))],
  ['a 10-byte varint past 64 bits', codecs.WelcomeBody.decode, WELCOME(hex('ffffffffffffffffff 7f'))],
  ['a varint that never ends', codecs.WelcomeBody.decode, WELCOME(hex('ffff'))],
  ['a non-minimal varint', codecs.WelcomeBody.decode, WELCOME(varint(5, 1))],
  ['a non-minimal tag', codecs.WelcomeBody.decode, concat(varint(8, 1), varint(1))],
  ['a non-minimal length', codecs.Hello.decode, concat(varint(2 * 8 + 2), varint(1, 2), hex('aa'))],
  ['2^53', codecs.WelcomeBody.decode, WELCOME(varint(2n ** 53n))],
  ['2^53 + 1', codecs.WelcomeBody.decode, WELCOME(varint(2n ** 53n + 1n))],
  ['2^53 + 2, which a double can hold', codecs.WelcomeBody.decode, WELCOME(varint(2n ** 53n + 2n))],
  ['2^63', codecs.WelcomeBody.decode, WELCOME(varint(2n ** 63n))],
  ['2^64 - 1', codecs.WelcomeBody.decode, WELCOME(varint(2n ** 64n - 1n))],
  ['a uint32 of 2^32', codecs.WelcomeBody.decode, number(1, 2n ** 32n)],
  ['a length past the end', codecs.Hello.decode, concat(varint(2 * 8 + 2), varint(20), counting(0, 5))],
  ['a length of 2^31', codecs.Hello.decode, concat(varint(2 * 8 + 2), varint(2n ** 31n), counting(0, 5))],
  ['a length of 2^64 - 1', codecs.Hello.decode, concat(varint(2 * 8 + 2), varint(2n ** 64n - 1n))],
  [
    'a submessage past its parent',
    codecs.Order.decode,
    concat(varint(10 * 8 + 2), varint(2), text(1, 'abc')),
  ],
  ['a duplicate number', codecs.WelcomeBody.decode, concat(number(1, 1), number(1, 1))],
  ['duplicate bytes', codecs.Hello.decode, concat(bytes(2, counting(0, 16)), bytes(2, counting(0, 16)))],
  [
    'a duplicate submessage',
    codecs.Order.decode,
    concat(message(11, number(1, 5)), message(11, number(2, 5))),
  ],
  ['a duplicate empty submessage', codecs.Order.decode, concat(message(11), message(11))],
  ['fields in another order', codecs.WelcomeBody.decode, concat(number(5, 1), number(1, 1))],
  ['a repeated field in two places', codecs.Order.decode, concat(message(10), text(13, 'x'), message(10))],
  ['an explicit zero', codecs.WelcomeBody.decode, number(1, 0)],
  ['an explicit empty string', codecs.Hello.decode, text(7, '')],
  ['an explicit false', codecs.EnrolRequest.decode, number(6, 0)],
  ['a true that is two', codecs.EnrolRequest.decode, number(6, 2)],
  ['packed numbers, unpacked', codecs.Hello.decode, concat(number(1, 1), number(1, 2))],
  ['packed numbers in two pieces', codecs.Hello.decode, concat(bytes(1, varint(1)), bytes(1, varint(2)))],
  ['no packed numbers at all', codecs.Hello.decode, bytes(1, new Uint8Array())],
  ['another wire type', codecs.WelcomeBody.decode, text(1, 'a')],
  ['wire type 6', codecs.WelcomeBody.decode, hex('0e 01')],
  ['field 0', codecs.WelcomeBody.decode, hex('00 01')],
  ['a tag past 32 bits', codecs.WelcomeBody.decode, hex('8880808010 01')],
  ['a group that ends without beginning', codecs.WelcomeBody.decode, hex('0c')],
  ['a lone surrogate in UTF-8', codecs.EnrolRequest.decode, bytes(4, hex('eda080'))],
  ['an overlong UTF-8 slash', codecs.EnrolRequest.decode, bytes(4, hex('c0af'))],
  ['a cut UTF-8 character', codecs.EnrolRequest.decode, bytes(4, hex('e282'))],
  ['a byte that is never UTF-8', codecs.EnrolRequest.decode, bytes(4, hex('61ff62'))],
  ['UTF-8 past U+10FFFF', codecs.EnrolRequest.decode, bytes(4, hex('f4908080'))],
  ['a map entry twice', codecs.EnrolRequest.decode, concat(entry('a', 'b'), entry('a', 'b'))],
  ['a map entry without a value', codecs.EnrolRequest.decode, message(5, text(1, 'a'))],
  ['a map entry, value first', codecs.EnrolRequest.decode, message(5, text(2, 'b'), text(1, 'a'))],
  ['a map entry with more', codecs.EnrolRequest.decode, message(5, text(1, 'a'), text(2, 'b'), text(3, 'c'))],
  ['numeric map keys, descending', codecs.EnrolRequest.decode, concat(entry('2', 'x'), entry('1', 'x'))],
  ['a frame of two bodies', codecs.decodeFrame, concat(message(32, number(1, 1)), message(33, number(1, 1)))],
  ['a preamble of two bodies', codecs.decodePreamble, concat(message(1), message(2))],
  ['a frame of one body twice', codecs.decodeFrame, concat(message(32), message(32))],
];

function entry(key: string, value: string): Uint8Array {
  return message(5, text(1, key), text(2, value));
}

for (const [what, decode, input] of HOSTILE)
  test(`${what} is malformed`, () => {
    refused('malformed', () => decode(input));
  });

test('2^53 - 1 is the largest number, there and back', () => {
  const largest = WELCOME(varint(2n ** 53n - 1n));
  assert.equal(codecs.WelcomeBody.decode(largest).timeMs, Number.MAX_SAFE_INTEGER);
  assert.deepEqual(
    codecs.WelcomeBody.encode({ version: 1, timeMs: Number.MAX_SAFE_INTEGER }),
    Buffer.from(largest),
  );
});

test("a map key named __proto__ is a key like another, and changes nobody's prototype", () => {
  for (const key of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
    const input = entry(key, 'polluted');
    const { labels } = codecs.EnrolRequest.decode(input);
    assert.deepEqual(Object.keys(labels), [key]);
    assert.equal(Object.getPrototypeOf(labels), Object.prototype);
    assert.equal(toHex(codecs.EnrolRequest.encode({ labels })), toHex(input));
  }
  assert.equal(Object.getOwnPropertyDescriptor(Object.prototype, 'polluted'), undefined);
});
