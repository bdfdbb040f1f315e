import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseStat } from '../../../agent/executor/proc.ts';
import { createTree, look, type ProcessEntry } from '../../../agent/executor/tree.ts';

/** pid, parent, session, start; more where it matters. */
const entry = (
  pid: number,
  ppid: number,
  session: number,
  startTicks: number,
  more: Partial<ProcessEntry> = {},
): ProcessEntry => ({ pid, ppid, session, startTicks, state: 'S', marked: false, ...more });

const AGENT = entry(50, 1, 50, 10);
const SHIM = entry(100, 50, 100, 1000);
const fresh = () => createTree(SHIM, SHIM.startTicks, [AGENT.pid]);
const pids = (entries: readonly ProcessEntry[]) => entries.map((each) => each.pid).sort((a, b) => a - b);

test('descendants, the session and the marked belong to the tree; the shim, the agent and strangers do not', () => {
  const snapshot = [
    entry(1, 0, 1, 1, { marked: true }),
    AGENT,
    entry(60, 50, 60, 20),
    SHIM,
    entry(101, 100, 100, 1001),
    entry(102, 101, 102, 1002),
    entry(103, 102, 102, 1003),
    entry(104, 1, 100, 1004),
    entry(105, 1, 105, 1005, { marked: true }),
    entry(106, 105, 106, 1006),
    entry(200, 1, 200, 1007),
    entry(201, 200, 200, 1008),
  ];
  assert.deepEqual(pids(look(fresh(), snapshot).members), [101, 102, 103, 104, 105, 106]);
});

test('the agent is spared even where it carries the mark, and so are its other children', () => {
  const agent = entry(50, 1, 50, 1100, { marked: true });
  const snapshot = [agent, entry(60, 50, 60, 1200), SHIM];
  assert.deepEqual(look(fresh(), snapshot).members, []);
});

test('nothing that is older than the run belongs to it', () => {
  const snapshot = [
    SHIM,
    entry(90, 100, 90, 900),
    entry(91, 1, 100, 900),
    entry(92, 1, 92, 900, { marked: true }),
  ];
  assert.deepEqual(look(fresh(), snapshot).members, []);
});

test('the dead that nobody reaped are not members, and what hangs on the shim still is', () => {
  const snapshot = [
    { ...SHIM, state: 'Z' },
    entry(101, 100, 100, 1001, { state: 'Z' }),
    entry(102, 100, 100, 1002),
  ];
  assert.deepEqual(pids(look(fresh(), snapshot).members), [102]);
});

test('who was a member once is one still, whatever it did to its parents, session and environment', () => {
  const first = look(fresh(), [SHIM, entry(101, 100, 100, 1001)]);
  const second = look(first.tree, [entry(101, 1, 101, 1001), entry(102, 101, 102, 1002)]);
  assert.deepEqual(pids(second.members), [101, 102]);
});

test('a pid that came to name another process is left alone', () => {
  const first = look(fresh(), [SHIM, entry(101, 100, 100, 1001)]);
  const reused = [SHIM, entry(101, 1, 101, 5000), entry(102, 101, 101, 5001)];
  assert.deepEqual(look(first.tree, reused).members, []);
});

test('a shim’s pid that came to name another process gives away neither its children nor its session', () => {
  const reused = [entry(100, 1, 100, 9000), entry(300, 100, 100, 9001), entry(301, 1, 100, 9002)];
  assert.deepEqual(look(fresh(), reused).members, []);
});

test('a session that was seen empty does not come back, even if its new leader is gone as well', () => {
  const first = look(fresh(), [entry(105, 1, 105, 1005, { marked: true })]);
  assert.deepEqual(pids(first.members), [105]);
  const second = look(first.tree, [entry(301, 1, 100, 9002)]);
  assert.deepEqual(second.members, []);
});

test('a session whose leader is gone is still the run’s while it was never empty', () => {
  const first = look(fresh(), [entry(101, 1, 100, 1001)]);
  const second = look(first.tree, [entry(101, 1, 100, 1001), entry(102, 1, 100, 1002)]);
  assert.deepEqual(pids(second.members), [101, 102]);
});

test('proc_pid_stat is read with any name of a process', () => {
  const rest = 'S 7 8 9 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 123456 1 2 3';
  const expected = { pid: 42, ppid: 7, session: 9, startTicks: 123456, state: 'S' };
  for (const name of ['sh', 'a b', ') S 1 1 1', '((', 'x\ny', '']) {
    assert.deepEqual(parseStat(`42 (${name}) ${rest}\n`), expected, name);
  }
  for (const text of ['', '42', '42 (sh) S', 'x (sh) S 1 2 3']) assert.equal(parseStat(text), undefined);
});
