import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sessionErrors } from '../../../../controller/installer/ssh/session-errors.ts';

test('a connection that the other side closed is told in the same words, wherever it was noticed', () => {
  const errors = sessionErrors();
  const stage = { isProven: () => true, isIn: true };
  const noticed = ['write EPIPE', 'read ECONNRESET'].map((message) =>
    errors.failureOf(new Error(message), stage),
  );
  for (const failure of [...noticed, errors.closed(stage)]) {
    assert.equal(failure?.because, 'cut');
    assert.equal(failure.detail, 'closed by the other side');
  }
});
