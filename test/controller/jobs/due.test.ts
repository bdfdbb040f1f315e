import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deadlineOf, dueReason, LOST_GRACE_MS, whenDue } from '../../../controller/jobs/due.ts';
import { isOpen, RUN_STATES } from '../../../controller/jobs/run.ts';

const TIMES = { sendByMs: 10_000, orderEndMs: 10_000, timeoutMs: 60_000, killGraceMs: 5_000 };

test('a run has a deadline exactly while it is open', () => {
  for (const state of RUN_STATES) {
    assert.equal(deadlineOf(state, TIMES, 0) !== undefined, isOpen(state), state);
    assert.equal(whenDue(state) !== undefined, isOpen(state), state);
  }
});

test('what waits for its agent expires when nothing may start any more, and what was sent is lost some time later', () => {
  assert.equal(deadlineOf('queued', TIMES, 0), 10_000);
  assert.equal(whenDue('queued'), 'expired');
  assert.equal(deadlineOf('sent', TIMES, 0), 10_000 + LOST_GRACE_MS);
  assert.equal(whenDue('sent'), 'lost');
});

test('a run that began gets its whole timeout, the grace for its end and the time for word to come', () => {
  const begunMs = 9_000;
  assert.ok((deadlineOf('running', TIMES, begunMs) ?? 0) >= begunMs + 60_000 + 5_000 + LOST_GRACE_MS);
  assert.ok((deadlineOf('accepted', TIMES, 0) ?? 0) >= 10_000 + 60_000 + 5_000 + LOST_GRACE_MS);
});

test('the reason tells an agent that never came from one that left, and says that something sent may have started', () => {
  assert.match(dueReason('queued', null), /never connected/);
  assert.match(dueReason('queued', Date.UTC(2026, 0, 1)), /offline since 2026-01-01/);
  assert.match(dueReason('sent', undefined), /online but did not answer; it was sent and may have started/);
});
