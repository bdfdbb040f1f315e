import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { MusterError } from '../../../proto/errors.ts';
import { agentId, JOB, script, target } from './fake-job.ts';
import { oneWell, stage } from './run-stage.ts';

test('a command on one host passes its output through and leaves with 0', async (t) => {
  const bytes = Buffer.from([0, 0xff, 0x1b, 0x5b, 0x0a]);
  const events = script()
    .created()
    .output('web-1', bytes)
    .output('web-1', 'warn\n', 'stderr')
    .state('web-1', 'succeeded', {})
    .over();
  const { terminal, run, api } = await stage(t, { events: events.events });
  assert.equal(await run('-t', 'web-1', '--', 'uname'), 0);
  assert.deepEqual(terminal.stdout.bytes(), bytes);
  assert.equal(terminal.stderr.text(), 'warn\n');
  assert.equal(api.connections(), 1, 'one connection carries both calls');
});

test('the words of a command arrive as they were typed', async (t) => {
  const { run, created } = await stage(t, { events: oneWell() });
  const argv = [
    'grep',
    '-e',
    '--',
    '--json',
    '',
    'a b',
    'line\nfeed',
    '$HOME',
    '*',
    "it's",
    '-t',
    'ü',
    '--help',
    '-V',
  ];
  assert.equal(await run('-t', 'web-1', '--', ...argv), 0);
  assert.deepEqual(created()?.body, { targets: 'web-1', tasks: [{ command: { argv } }] });
});

test('without "--" a command begins at its first word, and all that follows is its own', async (t) => {
  const { run, created } = await stage(t, { events: oneWell() });
  assert.equal(await run('-t', 'web-1', 'ls', '-l', '--json', '--', '-t', 'x'), 0);
  assert.deepEqual(created()?.body, {
    targets: 'web-1',
    tasks: [{ command: { argv: ['ls', '-l', '--json', '--', '-t', 'x'] } }],
  });
});

test('a command that itself begins with a dash is possible behind "--"', async (t) => {
  const { run, created } = await stage(t, { events: oneWell() });
  assert.equal(await run('-t', 'web-1', '--', '--help'), 0);
  assert.deepEqual(created()?.body, { targets: 'web-1', tasks: [{ command: { argv: ['--help'] } }] });
});

test('every option arrives in the order', async (t) => {
  const { run, created, home, terminal } = await stage(t, {
    events: oneWell(),
    stdin: Buffer.from('in\0put'),
  });
  await writeFile(join(home, 'list'), 'web-1\n# not this one\ndb-1, db-2 # why\n\n');
  const options = [
    '-t',
    'web-*,!web-9',
    '-t',
    `@${join(home, 'list')}`,
    '-l',
    'role=web',
    '--limit',
    '25%',
    '--seed',
    '7',
  ];
  options.push('--timeout', '30m', '--ttl', '2h', '--max-output', '1MiB', '--user', 'www', '--cwd', '/srv');
  options.push(
    '--env',
    'A=1',
    '--env',
    'B=x=y',
    '--stdin',
    '--reason',
    'ticket 812',
    '--idempotency-key',
    'k-1',
  );
  assert.equal(await run(...options, '--shell', 'a | b'), 0);
  assert.deepEqual(created()?.body, {
    targets: 'web-*,!web-9,web-1,db-1,db-2',
    selector: 'role=web',
    limit: '25%',
    seed: 7,
    tasks: [{ shell: { line: 'a | b', stdin: Buffer.from('in\0put').toString('base64') } }],
    timeoutMs: 1_800_000,
    ttlMs: 7_200_000,
    outputCapBytes: 1_048_576,
    user: 'www',
    cwd: '/srv',
    env: { A: '1', B: 'x=y' },
    reason: 'ticket 812',
  });
  assert.equal(created()?.headers['idempotency-key'], 'k-1');
  assert.equal(terminal.stderr.text(), '');
});

test('an order whose answer was lost is sent again with the same key, so that it makes one job', async (t) => {
  const keys: (string | string[] | undefined)[] = [];
  const { run } = await stage(t, {
    events: oneWell(),
    handlers: {
      'jobs.create': ({ headers, reply }) => {
        keys.push(headers['idempotency-key']);
        if (keys.length === 1) reply.socket?.destroy();
        return { job: JOB, targets: [target('web-1')], tasks: ['true'], created: keys.length === 1 };
      },
    },
  });
  assert.equal(await run('-t', 'web-1', 'true'), 0);
  assert.equal(keys.length, 2);
  assert.equal(keys[0], keys[1]);
  assert.match(String(keys[0]), /^[0-9a-f]{32}$/);
});

test('several hosts have their names before each line, and a summary on stderr', async (t) => {
  const told = script().created().output('web-1', 'one\ntw').output('db', 'x\n').output('web-1', 'o\n');
  told
    .output('db', 'no\n', 'stderr')
    .state('web-1', 'succeeded', {})
    .state('db', 'failed', { exitCode: 2 })
    .over();
  const { terminal, run } = await stage(t, { targets: ['web-1', 'db'], events: told.events });
  assert.equal(await run('-t', 'all', 'x'), 1);
  assert.equal(terminal.stdout.text(), 'web-1 | one\ndb    | x\nweb-1 | two\n');
  assert.equal(
    terminal.stderr.text(),
    'db    | no\n2 hosts in 4.2 s: 1 succeeded, 1 failed · job 3f2a9c01d2aa\n  1 host succeeded\n  1 host failed, exit 2: db\n',
  );
});

test('--fold prints each distinct output once, when all is over', async (t) => {
  const told = script().created();
  for (const name of ['a', 'b', 'c'])
    told.output(name, name === 'c' ? '6.0\n' : '6.1\n').state(name, 'succeeded', {});
  const { terminal, run } = await stage(t, { targets: ['a', 'b', 'c'], events: told.over().events });
  assert.equal(await run('-t', 'all', '--fold', 'uname', '-r'), 0);
  assert.equal(terminal.stdout.text(), '=== 2 hosts succeeded: a,b\n6.1\n=== 1 host succeeded: c\n6.0\n');
  assert.equal(
    terminal.stderr.text(),
    '3 hosts in 4.2 s: 3 succeeded · job 3f2a9c01d2aa\n  3 hosts succeeded\n',
  );
});

test('--json prints one object a line, and the summary last', async (t) => {
  const told = script().created().output('web-1', 'hi\n').state('web-1', 'running');
  told
    .state('web-1', 'timed-out', { exitCode: null, signal: 'SIGTERM', reason: 'took longer than 1 s' })
    .over();
  const { terminal, run } = await stage(t, { events: told.events });
  assert.equal(await run('-t', 'web-1', '--json', 'x'), 1);
  const lines = terminal.stdout
    .text()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(lines, [
    { event: 'output', agent: 'web-1', attempt: 1, stream: 'stdout', offset: 0, position: 0, text: 'hi\n' },
    {
      ...{
        event: 'outcome',
        agent: 'web-1',
        state: 'timed-out',
        attempt: 1,
        exitCode: null,
        signal: 'SIGTERM',
        durationMs: 12,
      },
      ...{ outputBytes: 0, storedBytes: 0, truncated: false, gaps: [], reason: 'took longer than 1 s' },
      ...{ code: null, awaySinceMs: null, change: null, tasks: [] },
    },
    { event: 'summary', job: JOB, counts: { 'timed-out': 1 } },
  ]);
});

const ENDS: [what: string, ends: Parameters<ReturnType<typeof script>['state']>[1][], status: number][] = [
  ['all succeeded', ['succeeded', 'succeeded'], 0],
  ['one was rejected', ['succeeded', 'rejected'], 1],
  ['one was off', ['succeeded', 'expired'], 4],
  ['one was lost and one failed', ['lost', 'failed'], 1],
];
for (const [what, ends, status] of ENDS) {
  test(`run leaves with ${status} when ${what}`, async (t) => {
    const told = script().created();
    ends.forEach((state, index) => void told.state(`h${index}`, state, {}));
    const { run } = await stage(t, {
      targets: ends.map((_, index) => `h${index}`),
      events: told.over().events,
    });
    assert.equal(await run('-t', 'all', 'x'), status);
  });
}

test('a late real outcome replaces "lost"', async (t) => {
  const told = script()
    .created()
    .state('a', 'lost', { reason: 'no word' })
    .state('a', 'succeeded', {})
    .state('b', 'succeeded', {});
  const { run } = await stage(t, { targets: ['a', 'b'], events: told.over().events });
  assert.equal(await run('-t', 'all', 'x'), 0);
});

test('--detach prints the id of the job and leaves with 0', async (t) => {
  const { terminal, run, api } = await stage(t, { targets: ['a', 'b'] });
  assert.equal(await run('-t', 'all', '--detach', 'x'), 0);
  assert.equal(terminal.stdout.text(), `${JOB}\n`);
  assert.deepEqual(
    api.calls.map(({ name }) => name),
    ['jobs.create'],
  );
});

test('--list shows who would be meant and makes no job', async (t) => {
  const { terminal, run, api } = await stage(t, {
    handlers: { 'targets.list': () => [target('web-1'), { ...target('db-1'), online: false }] },
  });
  assert.equal(await run('-t', 'all', '--limit', '2', '--list'), 0);
  assert.equal(terminal.stdout.text(), 'NAME   STATE\nweb-1  online\ndb-1   offline\n');
  assert.deepEqual(
    api.calls.map(({ name, query }) => [name, query]),
    [['targets.list', { targets: 'all', limit: '2' }]],
  );
});

test('--list --json prints an array', async (t) => {
  const { terminal, run } = await stage(t, { handlers: { 'targets.list': () => [target('web-1')] } });
  assert.equal(await run('-t', 'all', '--list', '--json'), 0);
  assert.deepEqual(JSON.parse(terminal.stdout.text()), [
    { name: 'web-1', id: agentId('web-1'), online: true },
  ]);
});

test('a list too long for a URL is sent as a body', async (t) => {
  const names = Array.from({ length: 500 }, (_, i) => `web-${i}`);
  const { run, api } = await stage(t, { handlers: { 'targets.match': () => names.map(target) } });
  assert.equal(await run('-t', names.join(','), '--list'), 0);
  assert.deepEqual(
    api.calls.map(({ name, body }) => [name, body]),
    [['targets.match', { targets: names.join(',') }]],
  );
});

test('nobody matched: 3, with what to do', async (t) => {
  const { terminal, run } = await stage(t, {
    handlers: {
      'jobs.create': () => {
        throw new MusterError('nobody-matched', 'role=wbe');
      },
    },
  });
  assert.equal(await run('-l', 'role=wbe', 'x'), 3);
  assert.equal(
    terminal.stderr.text(),
    'muster: no agent matches these targets: role=wbe\n  see who there is with "muster agents"\n',
  );
});

test('what a host writes or is called never reaches a terminal raw', async (t) => {
  const bad = '\x1b]0;pwned\x07\x9b2J\u202e\r';
  const told = script().created().output('a', bad).output('b', `${bad}\n`, 'stderr');
  told.state('a', 'failed', { exitCode: 1, reason: bad }).state('b', 'failed', { signal: bad }).over();
  const handlers = {
    'jobs.create': () => ({
      job: JOB,
      targets: [target('a'), { ...target('b'), name: `b${bad}` }],
      tasks: ['true'],
      created: true,
    }),
  };
  for (const argv of [[], ['--fold'], ['--json']]) {
    const { run, terminal } = await stage(t, { events: told.events, handlers, terminal: true });
    assert.equal(await run('-t', 'a,b', ...argv, 'x'), 1);
    const shown = terminal.stdout.text() + terminal.stderr.text().replaceAll('\r\x1b[K', '');
    assert.doesNotMatch(shown, /[\x07\x1b\r\u009b\u202e]/, argv.join());
  }
});
