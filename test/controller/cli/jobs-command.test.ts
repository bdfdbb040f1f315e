import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobSummary, TaskDetail } from '../../../controller/api/contract.ts';
import { MusterError } from '../../../proto/errors.ts';
import { NOW, stage } from './command-stage.ts';
import type { Handlers } from './fake-api.ts';
import { agentId, detail, JOB, OUTCOME, script, stream } from './fake-job.ts';

const summary: JobSummary = {
  ...{
    job: JOB,
    state: 'over',
    kind: 'command',
    title: 'uname -a',
    targets: 38,
    counts: { succeeded: 36, failed: 2 },
  },
  ...{
    actor: 'kim',
    reason: null,
    createdAtMs: NOW,
    expiresAtMs: NOW,
    endedAtMs: NOW,
    outputPrunedAtMs: null,
  },
};

test('jobs lists what was done, newest first, with each state counted', async (t) => {
  const { muster, out, api, json, terminal } = await stage(t, { 'jobs.list': () => [summary] });
  assert.equal(await muster('jobs', '--limit', '5', '--state', 'over'), 0);
  assert.match(out(), /^3f2a9c01d2aa {2}\d{4}-.* over +38 +36 succeeded, 2 failed {2}kim {2}uname -a$/m);
  assert.deepEqual(api.calls[0]?.query, { limit: '5', state: 'over' });
  terminal.stdout.bytes();
  const again = await stage(t, { 'jobs.list': () => [summary] });
  assert.equal(await again.muster('jobs', 'ls', '--json'), 0);
  assert.deepEqual(again.json(), [summary]);
  assert.throws(json);
});

test('jobs show prints each run, and as JSON what the API has', async (t) => {
  const runs = [
    { ...OUTCOME, agent: 'web-1', outputBytes: 2048, storedBytes: 1024, truncated: true },
    {
      ...OUTCOME,
      agent: 'db-1',
      state: 'rejected' as const,
      exitCode: null,
      durationMs: null,
      reason: 'the user does not exist',
    },
  ];
  const shown = detail(runs, { counts: { succeeded: 1, rejected: 1 }, reason: 'ticket 812' });
  const { muster, out } = await stage(t, { 'jobs.show': () => shown });
  assert.equal(await muster('jobs', 'show', JOB), 0);
  assert.match(out(), /^hosts {6}2: 1 succeeded, 1 rejected$/m);
  assert.match(out(), /^reason {5}ticket 812$/m);
  assert.match(out(), /^web-1 {2}succeeded {2}12 ms {2}1 KiB of 2 KiB$/m);
  assert.match(out(), /^db-1 {3}rejected {10}0 B {13}the user does not exist$/m);
  const again = await stage(t, { 'jobs.show': () => shown });
  assert.equal(await again.muster('jobs', 'show', JOB, '--json'), 0);
  assert.deepEqual(again.json(), shown);
  assert.deepEqual(
    Object.keys(again.json()).filter((key) => ['job', 'state', 'targets', 'counts', 'runs'].includes(key))
      .length,
    5,
  );
});

test('jobs show says how far a job goes at once, whose failures it repeats, and who has no turn yet', async (t) => {
  const runs = [
    { ...OUTCOME, agent: 'web-1', state: 'running' as const, turnAtMs: 5 },
    { ...OUTCOME, agent: 'web-2', state: 'queued' as const, turnAtMs: null },
  ];
  const shown = detail(runs, {
    asked: { failedOf: JOB, states: 'lost' },
    pace: { batch: 1, maxFailures: 0, waiting: 1 },
    state: 'running',
    endedAtMs: null,
  });
  const { muster, out } = await stage(t, { 'jobs.show': () => shown });
  assert.equal(await muster('jobs', 'show', JOB), 0);
  assert.match(out(), new RegExp(`^asked for {2}--failed-of ${JOB} --state lost$`, 'm'));
  assert.match(out(), /^pace {7}1 at once, at most 0 may fail, 1 host whose turn has not come$/m);
  assert.match(out(), /^web-2 .*its turn has not come$/m);
});

test('of a job of several tasks each host is counted task by task, and one host is shown with all of them', async (t) => {
  const result = (index: number, more: Partial<TaskDetail> = {}): TaskDetail => ({
    ...{ index, name: '', state: 'succeeded', exitCode: 0, signal: null, durationMs: 5, change: 'changed' },
    ...{ reason: null, code: null, outputFrom: 0, outputTo: 0 },
    ...more,
  });
  const shown = detail(
    [
      { agent: 'web-1', change: 'changed', tasks: [result(0), result(1, { change: 'unchanged' })] },
      {
        agent: 'db-1',
        state: 'failed',
        exitCode: 3,
        tasks: [
          result(0, { state: 'failed', exitCode: 3, change: null }),
          result(1, { state: 'skipped', change: null }),
        ],
      },
    ],
    { tasks: ['first', 'second'], counts: { succeeded: 1, failed: 1 } },
  );
  const { muster, out } = await stage(t, { 'jobs.show': () => shown });
  assert.equal(await muster('jobs', 'show', JOB), 0);
  assert.match(out(), /^web-1 {2}succeeded, changed {2}12 ms /m);
  assert.match(
    out(),
    /\n\n {2}task 1\/2 first: 1 changed, 1 failed \(db-1\)\n {2}task 2\/2 second: 1 unchanged, 1 skipped\n$/,
  );
  const one = await stage(t, { 'jobs.show': () => shown });
  assert.equal(await one.muster('jobs', 'show', JOB, '--agent', 'db-1'), 0);
  assert.doesNotMatch(one.out(), /web-1/);
  assert.match(
    one.out(),
    /\n\n {2}task 1\/2 first: failed, exit 3 in 5 ms\n {2}task 2\/2 second: skipped\n$/,
  );
  assert.equal(await one.muster('jobs', 'show', JOB, '--agent', 'x'), 2);
});

test('of a run that is not over it is shown where its agent is; of one that is, what is missing of its output', async (t) => {
  const at = (hours: number) => new Date(2026, 10, 27, hours, 0, 7).getTime();
  const open = { exitCode: null, durationMs: null };
  const shown = detail([
    { ...open, agent: 'a', state: 'queued', online: false, lastSeenMs: at(9), wordAtMs: null },
    { ...open, agent: 'b', state: 'queued', online: false, lastSeenMs: null, wordAtMs: null },
    { ...open, agent: 'c', state: 'running', wordAtMs: at(10), attempt: 2 },
    { ...open, agent: 'd', state: 'sent', wordAtMs: null },
    {
      ...open,
      agent: 'e',
      state: 'lost',
      awaySinceMs: at(9),
      reason: `away ${new Date(at(9)).toISOString()}; so`,
    },
    { agent: 'f', gaps: [{ stream: 'stdout', offset: 7 }], storedBytes: 5, outputBytes: 9, truncated: true },
  ]);
  const { muster, out } = await stage(t, { 'jobs.show': () => ({ ...shown, counts: { lost: 1 } }) });
  assert.equal(await muster('jobs', 'show', JOB), 0);
  const [, rows = '', explained] = out().split('\n\n');
  assert.deepEqual(
    rows.split('\n').map((row) => row.split(/ {2,}/).join('|')),
    [
      'HOST|OUTCOME|TOOK|OUTPUT|REASON',
      'a|queued|its agent is offline since 2026-11-27 09:00:07',
      'b|queued|its agent never connected',
      'c|running (attempt 2)|last word 2026-11-27 10:00:07',
      'd|sent',
      'e|lost|0 B|away 2026-11-27 09:00; so',
      'f|succeeded|12 ms|5 B of 9 B|stdout may lack bytes after byte 7',
    ],
  );
  assert.match(
    explained ?? '',
    /^ {2}lost: .*\n {2}where it may run twice: muster jobs retry 3f2a9c01d2aa --state lost\n$/,
  );
});

test('a job is found by the beginning of its id, also far back', async (t) => {
  const page = (from: number) =>
    Array.from({ length: 1000 }, (_, i) => ({ ...summary, job: (from + i).toString(16).padStart(32, 'e') }));
  const { muster, api } = await stage(t, {
    'jobs.list': ({ query }) => (query.before === undefined ? page(0) : [summary]),
    'jobs.show': () => detail([{}]),
  });
  assert.equal(await muster('jobs', 'show', '3F2A9C'), 0);
  assert.deepEqual(
    api.calls.map(({ name, params }) => [name, params.job]),
    [
      ['jobs.list', undefined],
      ['jobs.list', undefined],
      ['jobs.show', JOB],
    ],
  );
});

test('an id that is short, none, unknown or the beginning of several is wrong use', async (t) => {
  const twin = { ...summary, job: `${JOB.slice(0, 20)}${'0'.repeat(12)}` };
  const { muster, err } = await stage(t, { 'jobs.list': () => [summary, twin] });
  for (const id of ['3f2', 'xyz1', '3f2a', 'ffff', `${JOB}0`])
    assert.equal(await muster('jobs', 'show', id), 2, id);
  assert.match(err(), /"3f2" is too short/);
  assert.match(err(), /"xyz1" is not a job id/);
  assert.match(err(), /"3f2a" is the beginning of 2 jobs: 3f2a9c01d2aa4b5c8d7e6, 3f2a9c01d2aa4b5c8d7e0/);
  assert.match(err(), /there is no such job: none begins with ffff/);
});

const told = script()
  .created()
  .state('web-1', 'running')
  .output('web-1', 'one\n')
  .output('db-1', 'x\n')
  .state('web-1', 'succeeded', {})
  .state('db-1', 'failed', { exitCode: 1 })
  .over();
const logsHandlers: Handlers = {
  'jobs.show': () => detail([{ agent: 'web-1' }, { agent: 'db-1', state: 'failed', exitCode: 1 }]),
  'jobs.events': () => stream(told.events),
};

test('jobs logs shows what "run" showed; with -f its exit status is that of the job', async (t) => {
  for (const [argv, status, follow] of [
    [[], 0, 'false'],
    [['-f'], 1, 'true'],
  ] as const) {
    const { muster, out, api } = await stage(t, logsHandlers);
    assert.equal(await muster('jobs', 'logs', ...argv, JOB), status);
    assert.equal(out(), 'web-1 | one\ndb-1  | x\n');
    assert.equal(api.calls.at(-1)?.query.follow, follow);
  }
});

test('jobs logs --agent shows one host as it wrote', async (t) => {
  const { muster, out, api } = await stage(t, {
    ...logsHandlers,
    'jobs.events': () =>
      stream(script().created().output('web-1', 'one\n').state('web-1', 'succeeded', {}).over().events),
  });
  assert.equal(await muster('jobs', 'logs', '-f', JOB, '--agent', 'web-1'), 0);
  assert.equal(out(), 'one\n');
  assert.deepEqual(api.calls.at(-1)?.query, { follow: 'true', agentId: agentId('web-1') });
  assert.equal(await muster('jobs', 'logs', JOB, '--agent', 'nobody'), 2);
});

test('jobs logs --after goes on behind an event and knows what had become of the others', async (t) => {
  const { muster, out, api, terminal } = await stage(t, {
    ...logsHandlers,
    'jobs.events': ({ query }) => stream(told.events.slice(Number(query.after))),
  });
  assert.equal(await muster('jobs', 'logs', '-f', JOB, '--after', '5', '--json'), 1);
  const lines = out()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    lines.map(({ event, agent: name }) => [event, name]),
    [
      ['outcome', 'db-1'],
      ['summary', undefined],
    ],
  );
  assert.deepEqual(lines.at(-1).counts, { succeeded: 1, failed: 1 });
  assert.equal(api.calls.at(-1)?.headers['last-event-id'], '5');
  assert.equal(terminal.stderr.text(), '');
});

test('jobs output prints the stored bytes as they are, and harmless on a terminal', async (t) => {
  const bytes = Buffer.from([0, 0xff, 0x1b, 0x5b, 0x41]);
  async function* body() {
    yield bytes.subarray(0, 3);
    yield bytes.subarray(3);
  }
  const pipe = await stage(t, { 'jobs.output': body });
  assert.equal(await pipe.muster('jobs', 'output', JOB, 'web-1', '--stream', 'stdout'), 0);
  assert.deepEqual(pipe.terminal.stdout.bytes(), bytes);
  assert.deepEqual(
    [pipe.api.calls[0]?.params, pipe.api.calls[0]?.query],
    [{ job: JOB, agent: 'web-1' }, { stream: 'stdout' }],
  );
  const terminal = await stage(t, { 'jobs.output': body }, { terminal: true });
  assert.equal(await terminal.muster('jobs', 'output', JOB, 'web-1'), 0);
  assert.equal(terminal.out(), '\\x00\ufffd\\x1b[A');
});

test('jobs cancel cancels all of a job, or what runs on some hosts', async (t) => {
  const { muster, out, api } = await stage(t, { ...logsHandlers, 'jobs.cancel': () => ({ cancelled: 2 }) });
  assert.equal(await muster('jobs', 'cancel', JOB), 0);
  assert.equal(await muster('jobs', 'cancel', JOB, '-t', 'web-1,db-*', '-l', 'env=prod', '--json'), 0);
  assert.equal(out(), `cancelling on 2 hosts\n{"job":"${JOB}","cancelled":2}\n`);
  const bodies = api.calls.filter(({ name }) => name === 'jobs.cancel').map(({ body }) => body);
  assert.deepEqual(bodies, [{}, { targets: 'web-1,db-*', selector: 'env=prod' }]);
});

test('cancelling a job that is over is said', async (t) => {
  const { muster, err } = await stage(t, {
    'jobs.cancel': () => {
      throw new MusterError('job-over');
    },
  });
  assert.equal(await muster('jobs', 'cancel', JOB), 2);
  assert.equal(err(), 'muster: the job is over already\n');
});
