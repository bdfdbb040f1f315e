import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Outcome, RunState, TaskResult } from '../../../../controller/api/contract.ts';
import { createCollector } from '../../../../controller/cli/output/collector.ts';
import { fold } from '../../../../controller/cli/output/fold.ts';
import { plain } from '../../../../controller/cli/output/paint.ts';
import {
  listNames,
  renderFolded,
  renderSingle,
  renderSummary,
} from '../../../../controller/cli/output/summary.ts';
import { createTally, type Tracked } from '../../../../controller/cli/tally.ts';

const OUTCOME: Outcome = {
  ...{ exitCode: null, signal: null, durationMs: 120, outputBytes: 0, storedBytes: 0, truncated: false },
  ...{ reason: null, code: null, awaySinceMs: null, gaps: [] },
};

interface Case {
  names: string[];
  state: RunState;
  output?: string;
  outcome?: Partial<Outcome>;
  tasks?: TaskResult[];
}

function fleet(
  cases: readonly Case[],
  limits = { sampleBytes: 256, budgetBytes: 100_000 },
  tasks: readonly string[] = ['true'],
) {
  const all = cases.flatMap(({ names, ...rest }) => names.map((name) => ({ name, ...rest })));
  const tally = createTally(
    all.map(({ name }) => ({ id: name, name })),
    0,
  );
  const collector = createCollector(limits);
  for (const { name, state, output = '', outcome = {}, tasks = [] } of all) {
    const piece = { agentId: name, name, attempt: 1, offset: 0, position: 0, missingBytes: 0 } as const;
    // In two pieces, cut elsewhere for each host.
    const bytes = Buffer.from(output);
    const cut = name.length % (bytes.length + 1);
    collector.push({ ...piece, stream: 'stdout', bytes: bytes.subarray(0, cut) });
    collector.push({ ...piece, stream: 'stdout', bytes: bytes.subarray(cut) });
    tally.apply(name, { state, outcome: { ...OUTCOME, ...outcome }, attempt: 1, task: null, tasks }, 0);
    collector.ended(name);
  }
  const runs: Tracked[] = [...tally.all()];
  const groups = fold(runs, collector.get);
  const end = { job: '3f2a9c01d2aa'.padEnd(32, '0'), counts: tally.counts(), runs, elapsedMs: 4230, tasks };
  return { groups, end, collector, text: renderSummary(end, groups, plain, true) };
}

const names = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}-${i + 1}`);

test('hosts that ended alike are one line, and what went wrong comes last', () => {
  const { text } = fleet([
    { names: ['db-9'], state: 'failed', outcome: { exitCode: 3 } },
    { names: ['db-1', 'db-2'], state: 'expired', outcome: { reason: 'offline since 09:12' } },
    { names: names('web', 36), state: 'succeeded', output: '6.1.0-28\n', outcome: { exitCode: 0 } },
    { names: ['web-99'], state: 'failed', outcome: { signal: 'SIGKILL' } },
  ]);
  assert.equal(
    text,
    `40 hosts in 4.2 s: 36 succeeded, 2 failed, 2 expired · job 3f2a9c01d2aa
  36 hosts succeeded
    36 hosts: "6.1.0-28"
  2 hosts expired (offline since 09:12): db-1,db-2
  1 host failed, exit 3: db-9
  1 host failed, SIGKILL: web-99
`,
  );
});

test('states are never merged: each has its own count and line', () => {
  const states: RunState[] = [
    'failed',
    'timed-out',
    'cancelled',
    'rejected',
    'expired',
    'interrupted',
    'lost',
  ];
  const { text } = fleet(states.map((state) => ({ names: [`on-${state}`], state })));
  for (const state of states) {
    assert.match(text, new RegExp(`[ ,]1 ${state}[, ]`));
    assert.match(text, new RegExp(`^ {2}1 host ${state}: on-${state}$`, 'm'));
  }
});

test('who differs from the largest group is named', () => {
  const { text } = fleet([
    { names: names('web', 5), state: 'succeeded', output: 'a\n' },
    { names: ['db-1', 'db-2'], state: 'succeeded', output: 'b\n' },
    { names: ['x-1', 'x-2'], state: 'succeeded', output: 'line 1\nline 2\n' },
    { names: ['odd'], state: 'succeeded', output: 'c\n' },
  ]);
  assert.equal(
    text.slice(text.indexOf('\n') + 1),
    `  10 hosts succeeded
    5 hosts: "a"
    2 hosts: "b": db-1,db-2
    2 hosts: the same output, 14 B: x-1,x-2
    1 host with another output: odd
`,
  );
});

test('hosts that all wrote something else are not listed one by one', () => {
  const { text } = fleet(
    names('web', 30).map((name) => ({ names: [name], state: 'succeeded', output: `${name}\n` })),
  );
  assert.equal(text.slice(text.indexOf('\n') + 1), '  30 hosts succeeded\n');
});

test('different reasons of one outcome are told apart', () => {
  const { text } = fleet([
    { names: ['a', 'b'], state: 'rejected', outcome: { reason: 'the user does not exist' } },
    { names: ['c'], state: 'rejected', outcome: { reason: 'too little free space' } },
  ]);
  assert.equal(
    text.slice(text.indexOf('\n') + 1),
    `  3 hosts rejected: a,b,c
    a,b: the user does not exist
    c: too little free space
`,
  );
});

test('thousands of hosts do not make thousands of lines', () => {
  const { text } = fleet([
    ...names('r', 1000).map((name) => ({
      names: [name],
      state: 'expired' as const,
      outcome: { reason: `since ${name}` },
    })),
    ...names('o', 500).flatMap((name) => [
      { names: [name, `${name}b`], state: 'succeeded' as const, output: name },
    ]),
  ]);
  assert.ok(text.split('\n').length < 25, text);
  assert.match(text, /and 980 more/);
});

test('an output that was cut is said', () => {
  const cut = { truncated: true, outputBytes: 25 * 1024 ** 2, storedBytes: 10 * 1024 ** 2 };
  const { text } = fleet([{ names: ['a', 'b'], state: 'succeeded', outcome: cut }]);
  assert.match(text, / {2}a: output cut at 10 MiB of 25 MiB\n {2}b: /);
});

test('reasons, signals and outputs cannot draw on the terminal', () => {
  const bad = '\x1b[2J\u202e\n';
  const { text } = fleet([
    { names: [`a${bad}`, `b${bad}`], state: 'failed', output: bad, outcome: { reason: bad, signal: bad } },
    { names: ['c'], state: 'failed', outcome: { reason: bad, signal: bad } },
  ]);
  assert.doesNotMatch(text, /[\x1b\u202e]/);
});

test('one host is told in one line', () => {
  const run = (state: RunState, outcome: Partial<Outcome>): Tracked => ({
    ...{ agentId: 'a', name: 'web-1', heardMs: 0, attempt: 1, task: null, tasks: [], state },
    outcome: { ...OUTCOME, ...outcome },
  });
  const table: [Tracked, string][] = [
    [run('succeeded', { exitCode: 0 }), 'web-1: succeeded in 120 ms'],
    [run('failed', { exitCode: 3 }), 'web-1: failed, exit 3 in 120 ms'],
    [run('timed-out', { signal: 'SIGTERM', durationMs: 3_600_000 }), 'web-1: timed-out, SIGTERM in 1h'],
    [
      run('expired', { durationMs: null, reason: 'offline since 09:12' }),
      'web-1: expired (offline since 09:12)',
    ],
    [
      run('succeeded', { exitCode: 0, truncated: true, storedBytes: 1024, outputBytes: 4096 }),
      'web-1: succeeded in 120 ms; output cut at 1 KiB of 4 KiB',
    ],
  ];
  for (const [tracked, text] of table) assert.equal(renderSingle(tracked, plain), text);
});

test('folded, each distinct output is printed once under who wrote it, byte for byte into a pipe', () => {
  const { groups, end } = fleet([
    { names: ['web-1', 'web-2'], state: 'succeeded', output: '\x1b[1mhello\n', outcome: { exitCode: 0 } },
    { names: ['db-1'], state: 'failed', output: 'no end', outcome: { exitCode: 1 } },
  ]);
  const pipe = Buffer.concat(
    renderFolded(groups, plain, false, end.job).map((part) => Buffer.from(part)),
  ).toString();
  assert.equal(
    pipe,
    '=== 2 hosts succeeded: web-1,web-2\n\x1b[1mhello\n=== 1 host failed, exit 1: db-1\nno end\n',
  );
  const terminal = renderFolded(groups, plain, true, end.job).join('');
  assert.equal(
    terminal,
    '=== 2 hosts succeeded: web-1,web-2\n\\x1b[1mhello\n=== 1 host failed, exit 1: db-1\nno end\n',
  );
});

test('an output longer than what is folded says so and how to see all of it', () => {
  const { groups, end } = fleet([{ names: ['a'], state: 'succeeded', output: 'x'.repeat(20) }], {
    sampleBytes: 8,
    budgetBytes: 100,
  });
  assert.equal(
    renderFolded(groups, plain, false, end.job).join(''),
    '=== 1 host succeeded: a\nxxxxxxxx\n=== longer than what is folded: muster jobs logs 3f2a9c01d2aa --agent a\n',
  );
});

test('outputs that differ only beyond the sample are not taken for the same', () => {
  const { groups } = fleet(
    [
      { names: ['a'], state: 'succeeded', output: `${'x'.repeat(20)}1` },
      { names: ['b'], state: 'succeeded', output: `${'x'.repeat(20)}2` },
      { names: ['c'], state: 'succeeded', output: `${'x'.repeat(20)}1` },
    ],
    { sampleBytes: 8, budgetBytes: 100 },
  );
  assert.deepEqual(
    groups[0]?.outputs.map((output) => output.names),
    [['a', 'c'], ['b']],
  );
});

test('what goes to stderr is told apart from the same on stdout', () => {
  const collector = createCollector({ sampleBytes: 10, budgetBytes: 100 });
  const piece = {
    name: 'x',
    attempt: 1,
    offset: 0,
    position: 0,
    missingBytes: 0,
    bytes: Buffer.from('same'),
  } as const;
  collector.push({ ...piece, agentId: 'a', stream: 'stdout' });
  collector.push({ ...piece, agentId: 'b', stream: 'stderr' });
  assert.notEqual(collector.get('a').digest, collector.get('b').digest);
});

test('how the two streams interleaved does not make outputs differ', () => {
  const collector = createCollector({ sampleBytes: 10, budgetBytes: 100 });
  const piece = {
    name: 'x',
    attempt: 1,
    offset: 0,
    position: 0,
    missingBytes: 0,
    bytes: Buffer.from('s'),
  } as const;
  for (const stream of ['stdout', 'stderr'] as const) collector.push({ ...piece, agentId: 'a', stream });
  for (const stream of ['stderr', 'stdout'] as const) collector.push({ ...piece, agentId: 'b', stream });
  assert.equal(collector.get('a').digest, collector.get('b').digest);
});

test('outputs with holes are never the same', () => {
  const collector = createCollector({ sampleBytes: 10, budgetBytes: 100 });
  const piece = {
    name: 'x',
    attempt: 1,
    position: 0,
    offset: 5,
    missingBytes: 5,
    bytes: Buffer.from('s'),
    stream: 'stdout',
  } as const;
  for (const agentId of ['a', 'b']) collector.push({ ...piece, agentId });
  assert.notEqual(collector.get('a').digest, collector.get('b').digest);
});

test('memory is bounded by the budget, and hosts that wrote the same share it', () => {
  const collector = createCollector({ sampleBytes: 100, budgetBytes: 250 });
  const piece = { name: 'x', attempt: 1, offset: 0, position: 0, missingBytes: 0, stream: 'stdout' } as const;
  for (let i = 0; i < 50; i += 1) {
    collector.push({ ...piece, agentId: `same-${i}`, bytes: Buffer.alloc(100, 'a') });
    collector.ended(`same-${i}`);
  }
  assert.equal(collector.get('same-49').complete, true);
  for (let i = 0; i < 50; i += 1) {
    collector.push({ ...piece, agentId: `other-${i}`, bytes: Buffer.from(`${i}`.padEnd(100)) });
    collector.ended(`other-${i}`);
  }
  assert.equal(collector.get('other-0').complete, true);
  assert.equal(collector.get('other-49').complete, false);
  const held = new Set(Array.from({ length: 50 }, (_, i) => collector.get(`other-${i}`).sample));
  assert.ok([...held].reduce((sum, sample) => sum + sample.length, 0) <= 150);
});

test('a late outcome adds to what was collected before', () => {
  const collector = createCollector({ sampleBytes: 100, budgetBytes: 250 });
  const piece = {
    name: 'x',
    agentId: 'a',
    attempt: 1,
    position: 0,
    offset: 0,
    missingBytes: 0,
    stream: 'stdout',
  } as const;
  collector.push({ ...piece, bytes: Buffer.from('before ') });
  collector.ended('a');
  collector.push({ ...piece, offset: 7, bytes: Buffer.from('after') });
  collector.ended('a');
  assert.equal(Buffer.from(collector.get('a').sample).toString(), 'before after');
});

test('names can be pasted behind -t', () => {
  assert.equal(listNames(['a', 'b']), 'a,b');
  assert.equal(listNames(names('w', 4), 2), 'w-1,w-2 and 2 more');
});

test('of several tasks the summary counts what each changed, and who it went wrong on', () => {
  const result = (index: number, more: Partial<TaskResult> = {}): TaskResult => ({
    ...{ index, state: 'succeeded', exitCode: 0, signal: null, durationMs: 5, change: 'unchanged' },
    ...{ reason: null, code: null, outputFrom: 0, outputTo: 0 },
    ...more,
  });
  const { text } = fleet(
    [
      { names: ['web-1'], state: 'succeeded', tasks: [result(0, { change: 'changed' }), result(1)] },
      { names: ['web-2', 'web-3'], state: 'succeeded', tasks: [result(0), result(1)] },
      {
        names: ['db-1'],
        state: 'failed',
        outcome: { exitCode: 3 },
        tasks: [result(0, { state: 'failed', change: null }), result(1, { state: 'skipped', change: null })],
      },
    ],
    undefined,
    ['first', 'second'],
  );
  assert.equal(
    text,
    `4 hosts in 4.2 s: 3 succeeded, 1 failed · job 3f2a9c01d2aa
  3 hosts succeeded: 1 changed, 2 unchanged
  1 host failed, exit 3: db-1
  task 1/2 first: 1 changed, 2 unchanged, 1 failed (db-1)
  task 2/2 second: 3 unchanged, 1 skipped
`,
  );
});

test('what nobody can know is explained once, with what to do next', () => {
  const { text } = fleet([
    { names: ['a'], state: 'lost' },
    { names: ['b', 'c'], state: 'interrupted' },
  ]);
  assert.deepEqual(text.split('\n').slice(-4), [
    '  lost: no word by the deadline, so it may have run or be running; a real outcome that arrives later replaces it',
    '  interrupted: its agent died while it ran, so what it did is not known',
    '  where it may run twice: muster jobs retry 3f2a9c01d2aa --state lost,interrupted',
    '',
  ]);
  assert.doesNotMatch(fleet([{ names: ['a'], state: 'expired' }]).text, /retry/);
});

test('hosts that left in the same minute are one group, told by our clock', () => {
  const away = (awaySinceMs: number) => ({
    awaySinceMs,
    reason: `the agent is offline since ${new Date(awaySinceMs).toISOString()}`,
  });
  const noon = new Date(2026, 10, 27, 12, 0).getTime();
  const { text } = fleet([
    { names: ['a'], state: 'expired', outcome: away(noon + 1) },
    { names: ['b'], state: 'expired', outcome: away(noon + 59_999) },
  ]);
  assert.match(text, /^ {2}2 hosts expired \(the agent is offline since 2026-11-27 12:00\): a,b$/m);
});

test('where an output may lack bytes is said, with its place', () => {
  const gaps = [{ stream: 'stderr' as const, offset: 7 }];
  const { text } = fleet([{ names: ['a', 'b'], state: 'succeeded', outcome: { gaps } }]);
  assert.match(
    text,
    /^ {2}a: stderr may lack bytes after byte 7\n {2}b: stderr may lack bytes after byte 7$/m,
  );
});
