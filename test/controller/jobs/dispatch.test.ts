import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDispatch, type Dispatch } from '../../../controller/jobs/dispatch.ts';
import { MIB } from '../../../proto/limits.ts';
import { type VirtualClock, virtualClock } from '../../support/virtual-clock.ts';

interface Stage {
  clock: VirtualClock;
  dispatch: Dispatch;
  /** `job>agent`, in the order of the hand-over. */
  handed: string[];
  /** What each session holds. */
  held: Map<string, number>;
  errors: string[];
  /** Per bundle. */
  cost: { bytes: number; ms: number };
  failing: Set<string>;
  onDeliver: (() => void) | undefined;
}

function stage(t: { after(fn: () => unknown): void }): Stage {
  const clock = virtualClock();
  let spentMs = 0;
  const at: Stage = {
    clock,
    handed: [],
    held: new Map(),
    errors: [],
    cost: { bytes: 0, ms: 0 },
    failing: new Set(),
    onDeliver: undefined,
    dispatch: createDispatch({
      clock: { ...clock, monotonicMs: () => clock.monotonicMs() + spentMs },
      links: { buffered: (agentId) => at.held.get(agentId) ?? 0 },
      async deliver(job, agent) {
        if (at.failing.has(agent)) throw new Error('not now');
        spentMs += at.cost.ms;
        at.held.set(agent, (at.held.get(agent) ?? 0) + at.cost.bytes);
        at.handed.push(`${job}>${agent}`);
        at.onDeliver?.();
      },
      onError: (error, job) => void at.errors.push(`${job}: ${(error as Error).message}`),
    }),
  };
  t.after(() => at.dispatch.stop());
  return at;
}

const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `a${index}`);

test('a large fleet is served in slices, so that everything else gets its turn in between', async (t) => {
  const at = stage(t);
  at.cost.ms = 1;
  at.dispatch.add('job', names(100));
  await at.clock.settle();
  assert.equal(at.handed.length, 5);
  await at.clock.advance(1);
  assert.equal(at.handed.length, 100);
});

test('an agent that does not read waits with its second megabyte, and the others do not wait for it', async (t) => {
  const at = stage(t);
  at.cost.bytes = 0.7 * MIB;
  for (const job of ['j1', 'j2', 'j3', 'j4']) at.dispatch.add(job, ['slow']);
  at.dispatch.add('j4', ['other']);
  await at.clock.advance(60_000);
  assert.deepEqual(at.handed, ['j1>slow', 'j2>slow', 'j4>other']);
  at.held.set('slow', 0);
  await at.clock.advance(20);
  assert.deepEqual(at.handed.slice(3), ['j3>slow', 'j4>slow']);
});

test('what is held for all agents together is bounded, and everybody is served in the end', async (t) => {
  const at = stage(t);
  at.cost.bytes = MIB;
  at.dispatch.add('job', names(300));
  let most = 0;
  for (let round = 0; round < 5; round++) {
    await at.clock.advance(20);
    most = Math.max(
      most,
      [...at.held.values()].reduce((sum, bytes) => sum + bytes, 0),
    );
    at.held.clear();
  }
  assert.equal(most, 128 * MIB);
  assert.equal(new Set(at.handed).size, 300);
});

test('a bundle that waits already is not handed over twice', async (t) => {
  const at = stage(t);
  at.held.set('slow', MIB);
  at.dispatch.add('job', ['slow']);
  at.dispatch.add('job', ['slow']);
  await at.clock.settle();
  at.held.clear();
  await at.clock.advance(1_000);
  assert.deepEqual(at.handed, ['job>slow']);
});

test('what fails is told once for a job, and tried again for every agent that missed it', async (t) => {
  const at = stage(t);
  at.failing = new Set(['a0', 'a2']);
  at.dispatch.add('job', names(3));
  await at.clock.settle();
  assert.deepEqual([at.handed, at.errors], [['job>a1'], ['job: not now']]);
  at.failing.clear();
  await at.clock.advance(5_000);
  assert.deepEqual(at.handed, ['job>a1', 'job>a0', 'job>a2']);
});

test('what is added as the last one is handed over does not wait for the next', async (t) => {
  const at = stage(t);
  at.onDeliver = () => {
    at.onDeliver = undefined;
    queueMicrotask(() => queueMicrotask(() => queueMicrotask(() => at.dispatch.add('j2', ['a']))));
  };
  at.dispatch.add('j1', ['a']);
  await at.clock.settle();
  assert.deepEqual(at.handed, ['j1>a', 'j2>a']);
});

test('stopping leaves no timer behind and hands nothing more over', async (t) => {
  const at = stage(t);
  at.failing.add('bad');
  at.dispatch.add('job', ['bad']);
  at.held.set('slow', MIB);
  at.dispatch.add('job', ['slow']);
  await at.clock.settle();
  at.dispatch.stop();
  at.held.clear();
  at.dispatch.add('job', ['late']);
  await at.clock.settle();
  assert.deepEqual([at.handed, at.clock.pending], [[], 0]);
});
