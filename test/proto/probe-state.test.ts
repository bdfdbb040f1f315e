import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addTry, beginProbe, nextTry, type ProbeRules } from '../../proto/probe-state.ts';

const RULES: ProbeRules = { need: 1, of: 1, everyMs: 100, timeoutMs: 50, withinMs: 1_000, holdMs: 0 };

/** Tries that take no time, `+` and `-`, each begun when it is due; what was decided then, and when. */
function after(tries: string, change: Partial<ProbeRules> = {}) {
  const rules = { ...RULES, ...change };
  let nowMs = 5_000;
  let state = beginProbe(nowMs);
  for (const one of tries) {
    const next = nextTry(state, rules, nowMs);
    assert.equal(next.is, 'try', `no more tries were wanted before ${one}`);
    if (next.is === 'try') nowMs += next.inMs;
    state = addTry(state, rules, { beganMs: nowMs, endedMs: nowMs, succeeded: one === '+' });
  }
  return { atMs: nowMs - 5_000, next: nextTry(state, rules, nowMs) };
}

test('one good try is enough where nothing else is said', () => {
  assert.deepEqual(after('').next, { is: 'try', inMs: 0, forMs: 50 });
  assert.deepEqual(after('+').next, { is: 'held' });
  assert.deepEqual(after('--+').next, { is: 'held' });
  assert.deepEqual(after('-').next, { is: 'try', inMs: 100, forMs: 50 });
});

test('it fails once no try would begin in time', () => {
  assert.deepEqual(after('---------').next.is, 'try');
  assert.deepEqual(after('----------'), { atMs: 900, next: { is: 'failed', how: 'never' } });
});

test('a try is not given longer than there is time', () => {
  assert.deepEqual(after('-', { withinMs: 120 }).next, { is: 'try', inMs: 100, forMs: 20 });
});

test('so many of the last so many have to succeed', () => {
  const rules = { need: 2, of: 3 };
  assert.equal(after('+', rules).next.is, 'try');
  assert.equal(after('+-', rules).next.is, 'try');
  assert.equal(after('+-+', rules).next.is, 'held');
  assert.equal(after('+--+', rules).next.is, 'try', 'the first one is too long ago');
  assert.equal(after('+--++', rules).next.is, 'held');
});

test('it has to go on to hold, up to a last try at the end of that time', () => {
  const rules = { holdMs: 250 };
  assert.deepEqual(after('+', rules).next, { is: 'try', inMs: 100, forMs: 50 });
  assert.deepEqual(after('+++', rules).next, { is: 'try', inMs: 50, forMs: 50 });
  assert.deepEqual(after('++++', rules), { atMs: 250, next: { is: 'held' } });
  assert.deepEqual(after('+++-', rules), { atMs: 250, next: { is: 'failed', how: 'lost' } });
});

test('while it goes on to hold, a single bad try of several is forgiven', () => {
  const rules = { need: 2, of: 3, holdMs: 500 };
  assert.equal(after('++-+', rules).next.is, 'try');
  assert.deepEqual(after('++--', rules).next, { is: 'failed', how: 'lost' });
});

test('a try that takes longer than the pace is followed at once by the next', () => {
  const state = addTry(beginProbe(0), RULES, { beganMs: 0, endedMs: 170, succeeded: false });
  assert.deepEqual(nextTry(state, RULES, 170), { is: 'try', inMs: 0, forMs: 50 });
});
