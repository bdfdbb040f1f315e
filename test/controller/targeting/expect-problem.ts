import assert from 'node:assert/strict';
import { problemOf } from '../../../controller/targeting/problem.ts';
import { type ErrorCode, MusterError } from '../../../proto/errors.ts';

/** The call must throw this code, at this 1-based column over this length, with this text in message and detail. */
export function expectProblem(
  call: () => unknown,
  code: ErrorCode,
  column: number,
  length: number,
  message: RegExp,
): void {
  assert.throws(call, (error: unknown) => {
    assert.ok(error instanceof MusterError, String(error));
    assert.equal(error.code, code);
    const problem = problemOf(error);
    assert.ok(problem);
    assert.match(problem.message, message);
    assert.deepEqual({ column: problem.column, length: problem.length }, { column, length }, problem.message);
    assert.equal(error.detail, `column ${column}: ${problem.message}`);
    assert.match(problem.message, /^[ -~…]+$/, 'a message is safe on a terminal');
    assert.ok(problem.message.length < 300);
    return true;
  });
}
