import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endTree } from '../../../agent/executor/terminate.ts';
import type { ProcessEntry, ProcessId } from '../../../agent/executor/tree.ts';
import { virtualClock } from '../../support/virtual-clock.ts';

type Reaction = 'dies' | 'ignores TERM' | 'cannot die' | 'guards';

/** A machine of a shim and some children, which react to signals as told; the shim ends with its last child. */
function machineOf(reactions: Record<number, Reaction>, state = 'S') {
  const clock = virtualClock();
  const rootEnd = new AbortController();
  const root: ProcessId = { pid: 100, startTicks: 1000 };
  const alive = new Map<number, ProcessEntry>();
  const log: string[] = [];
  let broken = false;
  let hidden: number | undefined;
  let looks = 0;
  alive.set(100, { ...root, ppid: 50, session: 100, state: 'S', marked: false });
  for (const pid of Object.keys(reactions).map(Number))
    alive.set(pid, { pid, startTicks: 1000 + pid, ppid: 100, session: 100, state, marked: true });

  function end(pid: number): void {
    alive.delete(pid);
    if (alive.size === 1 && alive.has(100)) end(100);
    if (pid === 100) rootEnd.abort();
  }

  /** Those who guard each other start a new one for each that dies, unless they are stopped. */
  function respawn(): void {
    const guards = [...alive.values()].filter((entry) => reactions[entry.pid] === 'guards');
    const [awake] = guards.filter((entry) => entry.state !== 'T');
    if (!awake) return;
    const pid = Math.max(...alive.keys()) + 1;
    reactions[pid] = 'guards';
    alive.set(pid, { ...awake, pid, startTicks: 1000 + pid });
  }

  const ending = (graceMs: number, abandoned = () => false) =>
    endTree({
      clock,
      root,
      sinceTicks: root.startTicks,
      rootEnd: rootEnd.signal,
      mark: 'MUSTER_JOB=x',
      spared: [50],
      graceMs,
      abandoned,
      shims: [],
      table: {
        hold: () => () => {},
        snapshot(_sought, onMarked) {
          looks++;
          if (broken) throw new Error('EMFILE');
          const seen = [...alive.values()].filter((entry) => entry.pid !== hidden);
          hidden = undefined;
          for (const entry of seen) {
            log.push(`${clock.monotonicMs()} read ${entry.pid}`);
            if (entry.marked) onMarked?.(entry);
          }
          return seen;
        },
        signal(id, signal) {
          log.push(`${clock.monotonicMs()} ${signal} ${id.pid}`);
          const entry = alive.get(id.pid);
          if (!entry || id.pid === 100) return true;
          if (signal === 'SIGCONT') alive.set(id.pid, { ...entry, state: 'S' });
          const reaction = reactions[id.pid];
          if (signal === 'SIGTERM' && reaction === 'dies') end(id.pid);
          if (signal === 'SIGSTOP') alive.set(id.pid, { ...entry, state: 'T' });
          if (signal === 'SIGKILL' && reaction === 'guards') {
            alive.delete(id.pid);
            respawn();
            if (alive.size === 1) end(100);
          } else if (signal === 'SIGKILL' && reaction !== 'cannot die') end(id.pid);
          return true;
        },
      },
    });
  return {
    clock,
    log,
    ending,
    looks: () => looks,
    /** The shim ends before its children, and the next look misses one of them. */
    endRoot(missed: number) {
      end(100);
      hidden = missed;
    },
    break(now: boolean) {
      broken = now;
    },
  };
}

test('those who heed TERM are not sent KILL', async () => {
  const m = machineOf({ 101: 'dies', 102: 'dies' });
  const ended = m.ending(10_000);
  await m.clock.advance(50);
  assert.deepEqual(await ended, []);
  assert.deepEqual(
    m.log.filter((line) => !/CONT|read/.test(line)),
    ['0 SIGTERM 101', '0 SIGTERM 102'],
  );
  assert.equal(m.clock.pending, 0);
});

test('KILL comes when the grace is over, and TERM comes once', async () => {
  const m = machineOf({ 101: 'dies', 102: 'ignores TERM' });
  const ended = m.ending(3_000);
  await m.clock.advance(2_999);
  assert.equal(m.log.filter((line) => line.includes('KILL')).length, 0);
  assert.equal(m.log.filter((line) => line.endsWith('SIGTERM 102')).length, 1);
  await m.clock.advance(500);
  assert.deepEqual(await ended, []);
  assert.ok(m.log.includes('3000 SIGKILL 102'));
  assert.equal(m.clock.pending, 0);
});

test('who is stopped is continued after TERM', async () => {
  const m = machineOf({ 101: 'dies' }, 'T');
  const ended = m.ending(3_000);
  await m.clock.advance(50);
  await ended;
  assert.ok(m.log.indexOf('0 SIGTERM 101') < m.log.indexOf('0 SIGCONT 101'));
});

test('programs that start each other anew are stopped before any is killed', async () => {
  const m = machineOf({ 101: 'guards', 102: 'guards', 103: 'guards' });
  const ended = m.ending(1_000);
  await m.clock.advance(7_000);
  assert.deepEqual(await ended, []);
  assert.equal(m.log.filter((line) => line.includes('KILL')).length, 3);
});

test('who passed unseen once is looked for again before everybody counts as gone', async () => {
  const m = machineOf({ 102: 'ignores TERM' });
  m.endRoot(102);
  const ended = m.ending(1_000);
  await m.clock.advance(2_000);
  assert.deepEqual(await ended, []);
  assert.ok(m.log.some((line) => line.endsWith('SIGKILL 102')));
});

test('the mark is acted upon while the others are still being read', async () => {
  const m = machineOf({ 101: 'ignores TERM', 102: 'ignores TERM' });
  const ended = m.ending(1_000);
  await m.clock.advance(1_100);
  await ended;
  const at = (what: string) => m.log.indexOf(`1000 ${what}`);
  assert.ok(at('SIGSTOP 101') < at('read 102'), m.log.join('; '));
});

test('what cannot be killed is named, 5 s after the grace, and the shim is let go', async () => {
  const m = machineOf({ 101: 'cannot die', 102: 'ignores TERM' });
  const ended = m.ending(1_000);
  await m.clock.advance(5_900);
  assert.ok(!m.log.some((line) => line.includes('SIGKILL 100')));
  await m.clock.advance(200);
  assert.deepEqual(await ended, [100, 101]);
  assert.ok(m.log.includes('6000 SIGKILL 100'));
  assert.equal(m.clock.pending, 0);
});

test('a machine that cannot say who is there is not taken for an empty one', async () => {
  const m = machineOf({ 101: 'ignores TERM' });
  m.break(true);
  const ended = m.ending(1_000);
  await m.clock.advance(1_500);
  m.break(false);
  await m.clock.advance(500);
  assert.deepEqual(await ended, []);

  const blind = machineOf({ 101: 'ignores TERM' });
  blind.break(true);
  const unknown = blind.ending(1_000);
  await blind.clock.advance(7_000);
  assert.deepEqual(await unknown, [100]);
});

test('looking becomes rarer, and stops when nobody waits for it', async () => {
  const m = machineOf({ 101: 'ignores TERM' });
  let abandoned = false;
  const ended = m.ending(60_000, () => abandoned);
  await m.clock.advance(10_000);
  assert.ok(m.looks() < 60, `${m.looks()} looks in 10 s`);
  abandoned = true;
  await m.clock.advance(500);
  assert.deepEqual(await ended, []);
  assert.equal(m.clock.pending, 0);
});
