import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunDetail, RunState } from '../../../../controller/api/contract.ts';
import { createFirstJobs } from '../../../../controller/cli/install/first-jobs.ts';
import { virtualClock } from '../../../support/virtual-clock.ts';
import { detail } from '../fake-job.ts';

const never = new AbortController().signal;

function stage(code: string | null = null) {
  const clock = virtualClock();
  const jobs: string[][] = [];
  const states = new Map<string, RunState>();
  const firstJobs = createFirstJobs({
    clock,
    random: (length) => new Uint8Array(length),
    async create(names) {
      jobs.push([...names]);
      if (names.includes('held')) throw new Error('agent-quarantined');
      return { job: `job-${jobs.length}-of-twelve` };
    },
    async show(job) {
      const names = jobs[Number(job.split('-')[1]) - 1] ?? [];
      const runs = names.map(
        (name): Partial<RunDetail> => ({
          ...{ agent: name, agentId: `id-${name}`, state: states.get(name) ?? 'running', reason: null, code },
        }),
      );
      return detail(runs);
    },
  });
  const first = (name: string, signal = never) => {
    const outcome = { what: 'waits' };
    firstJobs.carriedOut({ id: `id-${name}`, name }, signal).then(
      () => Object.assign(outcome, { what: 'pong' }),
      (error: Error) => Object.assign(outcome, { what: error.message }),
    );
    return outcome;
  };
  return { clock, jobs, states, first };
}

test('the first host gets its job at once; those that come meanwhile share the next', async () => {
  const { clock, jobs, states, first } = stage();
  const hosts = ['a', 'b', 'c'].map((name) => first(name));
  await clock.settle();
  assert.deepEqual(jobs, [['a']]);
  for (const name of ['a', 'b', 'c']) states.set(name, 'succeeded');
  await clock.advance(1000);
  assert.deepEqual(jobs, [['a'], ['b', 'c']]);
  assert.deepEqual(
    hosts.map(({ what }) => what),
    ['pong', 'pong', 'pong'],
  );
  await clock.advance(5000);
  assert.equal(clock.pending, 0);
});

test('a host that does not answer keeps the others waiting for two seconds at most', async () => {
  const { clock, jobs, first } = stage();
  first('slow');
  first('b');
  await clock.advance(1900);
  assert.equal(jobs.length, 1);
  await clock.advance(200);
  assert.deepEqual(jobs, [['slow'], ['b']]);
});

test('a run that did not succeed says which job it was and how it ended', async () => {
  const { clock, states, first } = stage();
  states.set('a', 'expired');
  const a = first('a');
  await clock.advance(500);
  assert.match(a.what, /job job-1-of-twe: expired$/);
});

test('who is told to stop is in no job, or is not waited for', async () => {
  const { clock, jobs, first } = stage();
  const stop = new AbortController();
  const [a, b] = [first('a', stop.signal), first('b', stop.signal)];
  await clock.advance(500);
  stop.abort();
  await clock.advance(10_000);
  assert.match(a.what, /stopped/);
  assert.match(b.what, /stopped/);
  assert.deepEqual(jobs, [['a']]);
  assert.equal(clock.pending, 0);
});

test('one agent for which there can be no job leaves the others theirs', async () => {
  const { clock, jobs, states, first } = stage();
  for (const name of ['a', 'b', 'c']) states.set(name, 'succeeded');
  const hosts = ['a', 'b', 'held', 'c'].map((name) => first(name));
  await clock.advance(3000);
  assert.deepEqual(
    hosts.map(({ what }) => what),
    ['pong', 'pong', 'agent-quarantined', 'pong'],
  );
  assert.deepEqual(jobs, [['a'], ['b', 'held', 'c'], ['b'], ['held'], ['c']]);
});

test('a refusal by the policy of the host is an answer', async () => {
  const { clock, states, first } = stage('policy-denied');
  states.set('a', 'rejected');
  const a = first('a');
  await clock.advance(500);
  assert.equal(a.what, 'pong');
});
