import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConstraintError, isTaken } from '../../../controller/db/database.ts';
import {
  asCommitError,
  asOpenError,
  asReadError,
  asWriteError,
} from '../../../controller/db/sqlite-error.ts';
import { MusterError } from '../../../proto/errors.ts';

const sqliteError = (errcode: number, message = 'disk I/O error') =>
  Object.assign(new Error(message), { code: 'ERR_SQLITE_ERROR', errcode });

const codeOf = (error: unknown) => (error instanceof MusterError ? error.code : undefined);

describe('errors of SQLite', () => {
  it('are the store that failed where the disk or the file is to blame, by primary and by extended codes', () => {
    for (const errcode of [5, 8, 10, 13, 517, 778, 1034, 2058])
      assert.equal(codeOf(asWriteError(sqliteError(errcode))), 'store-failed', `${errcode}`);
    for (const errcode of [1, 20, 21]) assert.equal(codeOf(asWriteError(sqliteError(errcode))), 'internal');
  });

  it('are the store that is damaged where the file is not what was written, whatever was asked of it', () => {
    for (const errcode of [11, 26, 267, 523])
      for (const wrap of [
        asWriteError,
        asCommitError,
        asReadError,
        (error: unknown) => asOpenError(error, 'p'),
      ])
        assert.equal(codeOf(wrap(sqliteError(errcode))), 'store-damaged', `${errcode}`);
  });

  it('keep what SQLite said as detail and as cause', () => {
    const cause = sqliteError(13, 'database or disk is full');
    for (const wrap of [
      asWriteError,
      asCommitError,
      asReadError,
      (error: unknown) => asOpenError(error, 'p'),
    ]) {
      const error = wrap(cause);
      assert.ok(error instanceof MusterError);
      assert.match(error.detail ?? '', /database or disk is full/);
      assert.equal(error.cause, cause);
    }
  });

  it('name every column of a unique constraint', () => {
    const error = asWriteError(
      sqliteError(2067, 'UNIQUE constraint failed: jobs.created_by, jobs.idempotency_key'),
    );
    assert.ok(error instanceof ConstraintError);
    assert.ok(isTaken(error, 'jobs.created_by') && isTaken(error, 'jobs.idempotency_key'));
    assert.ok(!isTaken(error, 'jobs.id') && !isTaken(new Error('UNIQUE'), 'jobs.created_by'));
  });

  it('leave what is not of SQLite as it is, when it was thrown in a batch', () => {
    const refusal = new MusterError('name-taken');
    assert.equal(asWriteError(refusal), refusal);
    assert.equal(asOpenError(refusal, 'p'), refusal);
  });
});
