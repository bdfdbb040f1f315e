import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apply, isOpen, RUN_STATES, type RunState, TRANSITIONS } from '../../../controller/jobs/run.ts';

const run = (state: RunState, attempt = 1) => ({ jobId: 'j', agentId: 'a', state, attempt, task: 0 });
const moves = (from: RunState, to: RunState): boolean => apply(run(from), { to, attempt: 1 }) !== undefined;

test('a run moves exactly along the drawn arrows', () => {
  for (const from of RUN_STATES)
    for (const to of RUN_STATES)
      if (from !== 'running' || to !== 'running')
        assert.equal(moves(from, to), TRANSITIONS[from].includes(to), `${from} -> ${to}`);
});

test("what was sent never becomes expired but on the agent's word, and what was never sent is never lost", () => {
  assert.equal(moves('queued', 'expired'), true);
  assert.equal(moves('queued', 'lost'), false);
  assert.equal(moves('sent', 'lost'), true);
});

test('only lost and interrupted are replaced by a later outcome, and never by a state that is open', () => {
  for (const from of RUN_STATES.filter((state) => !isOpen(state))) {
    const followers = RUN_STATES.filter((to) => moves(from, to));
    assert.equal(followers.length > 0, from === 'lost' || from === 'interrupted', from);
    assert.ok(
      followers.every((to) => !isOpen(to) && to !== 'lost'),
      from,
    );
  }
});

test('every state that is open can still end', () => {
  for (const from of RUN_STATES.filter(isOpen))
    assert.ok(
      RUN_STATES.some((to) => !isOpen(to) && moves(from, to)),
      from,
    );
});

test('word of an earlier attempt changes nothing', () => {
  assert.equal(apply(run('interrupted', 2), { to: 'succeeded', attempt: 1 }), undefined);
  assert.equal(apply(run('running', 1), { to: 'succeeded', attempt: 2 })?.attempt, 2);
});

test('what runs goes on to a later task or a later attempt, never back and never to the same again', () => {
  const at = (attempt: number, task: number) => ({ ...run('running', attempt), task });
  const says = (attempt: number, task: number) => ({ to: 'running', attempt, task }) as const;
  assert.equal(apply(at(1, 2), says(1, 3))?.task, 3);
  assert.deepEqual(apply(at(1, 2), says(2, 0)), at(2, 0));
  for (const back of [says(1, 2), says(1, 1), says(0, 5)]) assert.equal(apply(at(1, 2), back), undefined);
});

test('a later attempt does not open a run again that was given up: its outcome replaces that', () => {
  for (const given of ['lost', 'interrupted'] as const) {
    assert.equal(apply(run(given, 1), { to: 'running', attempt: 2 }), undefined);
    assert.equal(apply(run(given, 1), { to: 'succeeded', attempt: 2 })?.attempt, 2);
  }
});
