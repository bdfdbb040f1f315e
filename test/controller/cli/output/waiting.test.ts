import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunState, WaitingRun } from '../../../../controller/api/contract.ts';
import { waitingItems } from '../../../../controller/cli/output/waiting.ts';
import { createTally } from '../../../../controller/cli/tally.ts';

const HOUR = 3_600_000;
/** The controller's clock and ours have nothing to do with each other. */
const THEIR_NOW = 1_700_000_000_000;
const OUR_NOW = 500_000;

const seen = (agent: string, more: Partial<WaitingRun> = {}): WaitingRun => ({
  ...{ agent, agentId: agent, state: 'running', attempt: 1, task: 0, turnAtMs: 1, sendByMs: null },
  ...{ online: true, lastSeenMs: THEIR_NOW, wordAtMs: THEIR_NOW, sentAtMs: THEIR_NOW },
  ...more,
});

/** `heardAgoMs`: how long ago our stream told something of it; a stream that began just now tells nothing of before. */
function items(
  runs: [name: string, state: RunState, heardAgoMs: number, theirs?: WaitingRun][],
  { tasks = ['true'], agoMs = 0, task = 0 } = {},
) {
  const tally = createTally(
    runs.map(([name]) => ({ id: name, name })),
    OUR_NOW,
  );
  for (const [name, state, heardAgoMs] of runs) {
    const of = state === 'running' ? task : null;
    tally.apply(name, { state, outcome: null, attempt: 1, task: of, tasks: [] }, OUR_NOW - heardAgoMs);
  }
  const known = runs.flatMap(([, , , theirs]) => (theirs ? [theirs] : []));
  const reply = { nowMs: THEIR_NOW, expiresAtMs: THEIR_NOW + 12_000, total: 9, runs: known };
  return waitingItems(tally, { reply, atMs: OUR_NOW - agoMs }, tasks, OUR_NOW);
}

test('each host is named with what it is waited for, and since when', () => {
  assert.deepEqual(
    items([
      ['web-7', 'running', 42_000, seen('web-7', { wordAtMs: THEIR_NOW - 42_400 })],
      [
        'db-1',
        'queued',
        0,
        seen('db-1', { state: 'queued', online: false, lastSeenMs: THEIR_NOW - 3 * HOUR }),
      ],
      ['web-9', 'sent', 5000, seen('web-9', { state: 'sent', wordAtMs: null, sentAtMs: THEIR_NOW - 5000 })],
    ]),
    ['web-7 (running, silent 42 s)', 'db-1 (offline for 3h, expires in 12 s)', 'web-9 (sent, no answer 5 s)'],
  );
});

test('a table of all that a run can be waited for', () => {
  const away = { online: false, lastSeenMs: THEIR_NOW - 90_000 };
  const table: [RunState, Partial<WaitingRun>, string][] = [
    ['queued', { online: false, lastSeenMs: null }, 'a (it never connected, expires in 12 s)'],
    ['queued', { turnAtMs: null }, 'a (its turn has not come)'],
    ['queued', { ...away, turnAtMs: null }, 'a (its turn has not come)'],
    ['queued', { ...away, sendByMs: THEIR_NOW + 7000 }, 'a (offline for 1m 30s, expires in 7 s)'],
    ['queued', {}, 'a (queued)'],
    ['sent', away, 'a (sent, offline for 1m 30s)'],
    ['accepted', { wordAtMs: THEIR_NOW - 9000 }, 'a (accepted, silent 9 s)'],
    ['accepted', away, 'a (accepted, offline for 1m 30s)'],
    ['running', away, 'a (running, offline for 1m 30s)'],
    ['running', { wordAtMs: THEIR_NOW - 1500 }, 'a (running)'],
    ['running', { wordAtMs: THEIR_NOW - 3 * HOUR }, 'a (running, silent 3h)'],
  ];
  for (const [state, more, text] of table)
    assert.deepEqual(items([['a', state, 9 * HOUR, seen('a', { state, ...more })]]), [text]);
});

test('where there are several tasks the one that runs is said', () => {
  const run = seen('a', { wordAtMs: THEIR_NOW - 9000 });
  const long = '\x1b[2Jpackages are as fresh as they can be';
  const tasks = ['first', 'second', long];
  assert.deepEqual(items([['a', 'running', 9000, run]], { tasks, task: 1 }), [
    'a (task 2/3 second, silent 9 s)',
  ]);
  assert.deepEqual(items([['a', 'running', 0, run]], { tasks, task: 2 }), [
    'a (task 3/3 \\x1b[2Jpackages are as…)',
  ]);
});

test('the seconds count on between two answers, and what our stream heard since counts', () => {
  const run = seen('a', { wordAtMs: THEIR_NOW - 9000 });
  assert.deepEqual(items([['a', 'running', HOUR, run]], { agoMs: 3000 }), ['a (running, silent 12 s)']);
  assert.deepEqual(items([['a', 'running', 1000, run]], { agoMs: 3000 }), ['a (running)']);
  const queued = seen('a', { state: 'queued', online: false });
  assert.deepEqual(items([['a', 'queued', HOUR, queued]], { agoMs: 13_000 }), [
    'a (offline for 13 s, about to expire)',
  ]);
});

test('a host that ended is not waited for, whatever the controller said before', () => {
  assert.deepEqual(items([['a', 'failed', 0, seen('a')]]), []);
});

test('without an answer of the controller it is said what the stream told', () => {
  const tally = createTally([{ id: 'a', name: 'a\x1b[2J' }], OUR_NOW);
  assert.deepEqual(waitingItems(tally, undefined, ['true'], OUR_NOW + 7000), [
    'a\\x1b[2J (queued, silent 7 s)',
  ]);
});

test('of ten thousand hosts twenty are named', () => {
  const targets = Array.from({ length: 10_000 }, (_, i) => ({ id: `h${i}`, name: `h${i}` }));
  assert.equal(waitingItems(createTally(targets, 0), undefined, ['true'], 5000).length, 20);
});
