import assert from 'node:assert/strict';
import { test } from 'node:test';
import { problemOf, quoted } from '../../../controller/targeting/problem.ts';
import { MusterError } from '../../../proto/errors.ts';

test('a quotation in a message shows only printable ASCII and is never long', () => {
  assert.equal(quoted('db\u202e1'), '"dbU+202E1"');
  assert.equal(quoted('a'.repeat(1000)), `"${'a'.repeat(40)}…"`);
});

test('an error of another kind has no place to point at', () => {
  assert.equal(problemOf(new Error('x')), undefined);
  assert.equal(problemOf(new MusterError('bad-target')), undefined);
  assert.equal(problemOf(new MusterError('bad-target', 'x', { cause: { column: 'one' } })), undefined);
});
