import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Outcome, RUN_STATES, type RunState } from '../../../controller/api/contract.ts';
import { formatTime } from '../../../controller/cli/output/time.ts';
import { stage } from './command-stage.ts';
import { sse } from './fake-api.ts';
import { agentId, detail, JOB, script, stream, target } from './fake-job.ts';

const AWAY_MS = Date.UTC(2026, 10, 27, 8, 0, 0);
const AWAY = new Date(AWAY_MS).toISOString();
const NEVER = { exitCode: null, durationMs: null };

/** Every state a run can be in, what is known of it then, how it is told, and what `muster run` leaves with. */
const STATES: Record<RunState, { outcome?: Partial<Outcome>; text: RegExp; status?: number }> = {
  queued: { text: /^web-1: queued$/m },
  sent: { text: /^web-1: sent$/m },
  accepted: { text: /^web-1: accepted$/m },
  running: { text: /^web-1: running$/m },
  succeeded: { outcome: {}, text: /^web-1: succeeded in 12 ms$/m, status: 0 },
  failed: { outcome: { exitCode: 3 }, text: /^web-1: failed, exit 3 in 12 ms$/m, status: 1 },
  'timed-out': {
    outcome: { exitCode: null, signal: 'SIGKILL', reason: 'took longer than 1 s' },
    text: /^web-1: timed-out, SIGKILL in 12 ms \(took longer than 1 s\)$/m,
    status: 1,
  },
  cancelled: {
    outcome: { exitCode: null, signal: 'SIGTERM' },
    text: /^web-1: cancelled, SIGTERM in 12 ms$/m,
    status: 1,
  },
  rejected: {
    outcome: { ...NEVER, reason: 'the policy of this host forbids it', code: 'policy' },
    text: /^web-1: rejected \(the policy of this host forbids it\)$/m,
    status: 1,
  },
  expired: {
    outcome: { ...NEVER, reason: `the agent is offline since ${AWAY}`, awaySinceMs: AWAY_MS },
    text: new RegExp(
      `^web-1: expired \\(the agent is offline since ${formatTime(AWAY_MS).slice(0, -3)}\\)$`,
      'm',
    ),
    status: 4,
  },
  interrupted: {
    outcome: { ...NEVER, reason: 'the agent died while it ran' },
    text: /^web-1: interrupted \(the agent died while it ran\)\n {2}interrupted: .* not known\n {2}where it may run twice: muster jobs retry 3f2a9c01d2aa --state interrupted$/m,
    status: 4,
  },
  lost: {
    outcome: { ...NEVER, reason: `the agent is offline since ${AWAY}; it was running`, awaySinceMs: AWAY_MS },
    text: /^web-1: lost \(the agent is offline since 2026-\S+ \S+; it was running\)\n {2}lost: .*\n {2}where it may run twice: muster jobs retry 3f2a9c01d2aa --state lost$/m,
    status: 4,
  },
};

const told = (state: RunState, name = 'web-1') => {
  const { outcome } = STATES[state];
  return script().created().state(name, state, outcome);
};
const shown = (state: RunState) => {
  const { outcome = NEVER } = STATES[state];
  return detail([{ state, ...outcome }], { counts: { [state]: 1 } });
};

describe('each state is told as what it is', () => {
  for (const state of RUN_STATES) {
    const { text, status, outcome } = STATES[state];
    const isOver = status !== undefined;

    if (isOver)
      test(`muster run: ${state}`, async (t) => {
        const handlers = {
          'jobs.create': () => ({ job: JOB, targets: [target('web-1')], tasks: ['true'], created: true }),
          'jobs.events': () => stream(told(state).over().events),
        };
        const set = await stage(t, handlers, { terminal: true });
        assert.equal(await set.muster('run', '-t', 'web-1', 'true'), status);
        assert.match(set.err(), text);
        const json = await stage(t, handlers);
        assert.equal(await json.muster('run', '-t', 'web-1', '--json', 'true'), status);
        const [ended, summary] = json
          .out()
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line));
        assert.deepEqual(
          [ended.event, ended.state, ended.reason, ended.awaySinceMs, ended.signal],
          ['outcome', state, outcome?.reason ?? null, outcome?.awaySinceMs ?? null, outcome?.signal ?? null],
        );
        assert.deepEqual(summary.counts, { [state]: 1 });
      });

    test(`muster jobs logs, ls and show: ${state}`, async (t) => {
      const { outcome: _, ...rest } = shown(state) as ReturnType<typeof shown> & { outcome?: unknown };
      const events = [...told(state).events, sse(0, 'end', { why: isOver ? 'over' : 'no-follow', after: 2 })];
      const handlers = {
        'jobs.show': () => rest,
        'jobs.list': () => [rest],
        'jobs.events': () => stream(events),
      };
      const set = await stage(t, handlers, { terminal: true });
      assert.equal(await set.muster('jobs', 'logs', JOB), 0);
      assert.match(set.err(), text);
      assert.equal(await set.muster('jobs'), 0);
      assert.match(set.out(), new RegExp(` 1 ${state} +kim `));
      assert.equal(await set.muster('jobs', 'show', JOB), 0);
      assert.match(set.out(), new RegExp(`^web-1 +${state}`, 'm'));
      assert.match(set.out(), new RegExp(`^hosts +1: 1 ${state}$`, 'm'));
    });
  }
});

test('no two states are ever merged: a fleet that has all of them has a count for each', async (t) => {
  const all = script().created();
  const over = RUN_STATES.filter((state) => STATES[state].status !== undefined);
  for (const state of over) all.state(state, state, STATES[state].outcome);
  const handlers = {
    'jobs.create': () => ({ job: JOB, targets: over.map(target), tasks: ['true'], created: true }),
    'jobs.events': () => stream(all.over().events),
  };
  const set = await stage(t, handlers);
  assert.equal(await set.muster('run', '-t', over.join(','), 'true'), 1);
  assert.match(
    set.err(),
    /: 1 succeeded, 1 failed, 1 timed-out, 1 cancelled, 1 rejected, 1 expired, 1 interrupted, 1 lost · job/,
  );
  for (const state of over) assert.match(set.err(), new RegExp(`^ {2}1 host ${state}`, 'm'), state);
  const json = await stage(t, handlers);
  await json.muster('run', '-t', over.join(','), '--json', 'true');
  const last = JSON.parse(json.out().trimEnd().split('\n').at(-1) ?? '');
  assert.deepEqual(last.counts, Object.fromEntries(over.map((state) => [state, 1])));
});

test('a run that was begun anew says so, and what its attempts wrote is not mixed', async (t) => {
  const output = (attempt: number, text: string, seq: number) =>
    sse(seq, 'output', {
      ...{ agentId: agentId('web-1'), attempt, stream: 'stdout', offset: 0, position: 0, atMs: 1 },
      base64: Buffer.from(text).toString('base64'),
    });
  const running = (attempt: number, seq: number) =>
    sse(seq, 'state', {
      ...{ agentId: agentId('web-1'), attempt, state: 'running', task: 0, outcome: null, tasks: [], atMs: 1 },
    });
  const end = script().state('web-1', 'succeeded', {}).state('web-2', 'succeeded', {}).over().events;
  const events = [running(1, 1), output(1, 'half a li', 2), running(2, 3), output(2, 'whole\n', 4), ...end];
  const handlers = {
    'jobs.create': () => ({
      ...{ job: JOB, targets: ['web-1', 'web-2'].map(target), tasks: ['true'], created: true },
    }),
    'jobs.events': () => stream(events),
  };
  const set = await stage(t, handlers);
  assert.equal(await set.muster('run', '-t', 'web-1,web-2', '--attempts', '2', 'true'), 0);
  assert.equal(set.out(), 'web-1 | half a li\nweb-1 | whole\n');
  assert.match(
    set.err(),
    /^muster: web-1 was interrupted and starts again, attempt 2; its output begins anew$/m,
  );
  const folded = await stage(t, handlers);
  assert.equal(await folded.muster('run', '-t', 'web-1,web-2', '--fold', 'true'), 0);
  assert.match(folded.out(), /=== 1 host succeeded: web-1\nwhole\n/);
});
