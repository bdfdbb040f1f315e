import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERRORS, type ErrorCode, isErrorCode, MusterError, sentence } from '../../proto/errors.ts';

const CODES = Object.keys(ERRORS) as ErrorCode[];

for (const code of CODES)
  test(`"${code}" has a sentence, an HTTP status and an exit status`, () => {
    const row = ERRORS[code];
    assert.match(code, /^[a-z]+(-[a-z]+)*$/);
    assert.ok(code.length <= 64, 'it fits into a report');
    assert.match(
      row.sentence,
      /^[a-z].{10,}[^.\s]$/i,
      'a sentence without its full stop, so that a detail may follow',
    );
    assert.ok(row.http >= 400 && row.http < 600 && Number.isInteger(row.http));
    assert.ok([1, 2, 3, 4, 5].includes(row.exit));
    assert.equal(typeof row.retryable, 'boolean');
  });

test('no two codes share a sentence', () => {
  const sentences = CODES.map((code) => ERRORS[code].sentence);
  assert.deepEqual(
    sentences.filter((one, i) => sentences.indexOf(one) !== i),
    [],
  );
});

test('the exit status follows the command line: wrong use 2, nobody matched 3, the controller 5', () => {
  for (const code of CODES) {
    const { http, exit } = ERRORS[code];
    if (http === 401 || code === 'unavailable') assert.equal(exit, 5, code);
    if (exit === 3) assert.equal(code, 'nobody-matched');
  }
});

test('a code is one of the table, and no property of every object is', () => {
  assert.ok(isErrorCode('not-a-target'));
  for (const code of ['', 'toString', '__proto__', 'constructor', 'hasOwnProperty', 'NOT-A-TARGET'])
    assert.ok(!isErrorCode(code), code);
});

test('an error says its sentence, then its detail after a colon, and keeps code, detail and cause', () => {
  const cause = new Error('inner');
  const error = new MusterError('order-expired', 'an hour ago', { cause });
  assert.equal(error.message, `${ERRORS['order-expired'].sentence}: an hour ago`);
  assert.deepEqual(
    [error.name, error.code, error.detail, error.cause],
    ['MusterError', 'order-expired', 'an hour ago', cause],
  );
  assert.ok(error instanceof Error);
  assert.equal(new MusterError('order-expired').message, sentence('order-expired'));
  assert.equal(new MusterError('order-expired').detail, undefined);
  assert.equal(sentence('order-expired', ''), ERRORS['order-expired'].sentence);
});
