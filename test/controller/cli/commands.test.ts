import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { fingerprintOf } from '../../../certs/tls.ts';
import type { AgentDetail, AgentSummary, JobSummary, StatusReply } from '../../../controller/api/contract.ts';
import { commandLine } from '../../../controller/cli/command-line.ts';
import { MusterError } from '../../../proto/errors.ts';
import { fakeApi, type Handlers, testHome } from './fake-api.ts';
import { agentId, detail, JOB, OUTCOME, script, stream } from './fake-job.ts';
import { type FakeTerminalOptions, fakeTerminal } from './fake-terminal.ts';

async function stage(t: TestContext, handlers: Handlers, options: Omit<FakeTerminalOptions, 'home'> = {}) {
  const api = await fakeApi(t, handlers);
  const terminal = fakeTerminal({ home: await testHome(t, api), ...options });
  const muster = (...argv: string[]) => commandLine(argv, terminal);
  const json = () => JSON.parse(terminal.stdout.text());
  return {
    api,
    terminal,
    muster,
    json,
    out: () => terminal.stdout.text(),
    err: () => terminal.stderr.text(),
  };
}

const NOW = Date.UTC(2026, 0, 1);
const agent: AgentSummary = {
  ...{
    name: 'web-1',
    id: agentId('web-1'),
    online: true,
    state: 'active',
    labels: { role: 'web', env: 'prod' },
  },
  ...{ os: 'Debian 12', arch: 'x64', agentVersion: '0.1.0', enrolledAtMs: NOW, lastSeenMs: NOW },
};
const off: AgentSummary = {
  ...agent,
  name: 'db-1',
  online: false,
  labels: {},
  os: null,
  lastSeenMs: NOW - 7_500_000,
};
const never: AgentSummary = { ...off, name: 'new-1', state: 'pending', lastSeenMs: null };

test('agents lists the fleet: who is there, who is not and since when', async (t) => {
  const { muster, out, api } = await stage(t, { 'agents.list': () => [agent, off, never] });
  assert.equal(await muster('agents'), 0);
  assert.equal(
    out(),
    `NAME   STATE    SEEN        OS         AGENT  LABELS
web-1  online   now         Debian 12  0.1.0  env=prod,role=web
db-1   offline  2h 05m ago             0.1.0
new-1  pending  never                  0.1.0
`,
  );
  assert.deepEqual(api.calls[0]?.query, {});
});

test('agents --json prints one array, as the API has it, with or without "ls"', async (t) => {
  for (const argv of [
    ['agents', '--json'],
    ['agents', 'ls', '--json'],
  ]) {
    const { muster, json } = await stage(t, { 'agents.list': () => [agent, off] });
    assert.equal(await muster(...argv), 0);
    assert.deepEqual(json(), [agent, off]);
  }
});

test('agents ls takes targets and a selector', async (t) => {
  const { muster, api } = await stage(t, { 'agents.list': () => [] });
  assert.equal(await muster('agents', '-t', 'web-*', '-l', 'role=web'), 0);
  assert.deepEqual(api.calls[0]?.query, { targets: 'web-*', selector: 'role=web' });
});

test('an empty fleet says how to begin, and is an empty array in JSON', async (t) => {
  const { muster, out, err } = await stage(t, { 'agents.list': () => [] });
  assert.equal(await muster('agents'), 0);
  assert.equal(out(), '');
  assert.match(err(), /"muster token create" makes a join token/);
  assert.equal(await muster('agents', '--json'), 0);
  assert.equal(out(), '[]\n');
});

test('an agent with hostile labels, system and host name cannot draw on a terminal', async (t) => {
  const bad = 'x\x1b[2J\r\u202e\n';
  const hostile = { ...agent, name: bad, labels: { [bad]: bad }, os: bad, agentVersion: bad };
  const more = {
    keyId: bad,
    claims: { [bad]: bad },
    hostname: bad,
    address: bad,
    onlineSinceMs: NOW,
    clockSkewMs: -1500,
  };
  const { muster, out } = await stage(
    t,
    {
      'agents.list': () => [hostile],
      'agents.show': (): AgentDetail => ({ ...hostile, ...more }),
      'agents.facts': () => ({
        name: bad,
        id: 'x',
        digest: 'x',
        collectedAtMs: NOW,
        facts: { [bad]: { list: [bad] } },
      }),
    },
    { terminal: true },
  );
  for (const argv of [
    ['agents'],
    ['agents', 'show', 'x'],
    ['facts', 'x'],
    ['agents', '--json'],
    ['facts', 'x', '--json'],
  ])
    assert.equal(await muster(...argv), 0);
  assert.doesNotMatch(out(), /[\x1b\r\u202e]/);
  assert.match(out(), /1.5 s behind/);
});

test('facts are one value a line, by the names that selectors use', async (t) => {
  const facts = { os: { id: 'debian' }, cpu: { cores: 4 }, addresses: ['10.0.0.1', '::1'], virtual: null };
  const { muster, out } = await stage(t, {
    'agents.facts': () => ({ name: 'a', id: 'x', digest: 'd', collectedAtMs: NOW, facts }),
  });
  assert.equal(await muster('facts', 'web-1'), 0);
  assert.equal(
    out(),
    'os.id        debian\ncpu.cores    4\naddresses.0  10.0.0.1\naddresses.1  ::1\nvirtual      null\n',
  );
});

test('labels are set and removed as in kubectl', async (t) => {
  const { muster, out, api } = await stage(t, { 'agents.label': () => ({ labels: { env: 'prod', a: '' } }) });
  assert.equal(await muster('agents', 'label', 'web-1', 'env=prod', 'a=', 'rack-'), 0);
  assert.deepEqual(
    [api.calls[0]?.params, api.calls[0]?.body],
    [{ agent: 'web-1' }, { set: { env: 'prod', a: '' }, remove: ['rack'] }],
  );
  assert.equal(out(), 'a=,env=prod\n');
});

test('what is no label is wrong use before anything is sent', async (t) => {
  const { muster, api } = await stage(t, {});
  for (const change of ['x', '=x', '-', 'a b=c', 'a=b c', `${'k'.repeat(64)}=x`])
    assert.equal(await muster('agents', 'label', 'web-1', '--', change), 2, change);
  assert.equal(await muster('agents', 'label', 'web-1'), 2);
  assert.equal(api.connections(), 0);
});

test('removing an agent is confirmed at a terminal, and not with --yes or in a script', async (t) => {
  const handlers: Handlers = {
    'agents.show': () => ({
      ...agent,
      keyId: 'k',
      claims: {},
      hostname: null,
      address: null,
      onlineSinceMs: null,
      clockSkewMs: null,
    }),
    'agents.remove': () => ({ ok: true }),
  };
  const no = await stage(t, handlers, { terminal: true, answers: ['n'] });
  assert.equal(await no.muster('agents', 'remove', 'web-1'), 2);
  assert.ok(!no.api.calls.some(({ name }) => name === 'agents.remove'));
  assert.match(no.terminal.asked[0]?.[0] ?? '', /Remove web-1 \(online, /);
  for (const [options, argv] of [
    [{ terminal: true, answers: ['y'] }, []],
    [{ terminal: true }, ['--yes']],
    [{}, []],
  ] as const) {
    const { muster, out } = await stage(t, handlers, {
      ...options,
      answers: [...('answers' in options ? options.answers : [])],
    });
    assert.equal(await muster('agents', 'remove', 'web-1', ...argv), 0);
    assert.equal(out(), 'removed web-1\n');
  }
});

test('an agent that waits is approved', async (t) => {
  const { muster, out, api } = await stage(t, { 'agents.approve': () => ({ ok: true }) });
  assert.equal(await muster('agents', 'approve', 'new-1'), 0);
  assert.equal(out(), 'approved new-1\n');
  assert.deepEqual(api.calls[0]?.params, { agent: 'new-1' });
});

test('token create prints the token alone on stdout, and the rest on stderr', async (t) => {
  const { muster, out, err, api } = await stage(t, {
    'tokens.create': () => ({ id: '5e0c', token: 'mjt_secret', expiresAtMs: NOW }),
  });
  const options = [
    '--ttl',
    '1h',
    '--label',
    'role=web',
    '--label',
    'env=prod',
    '--allow-label',
    'rack',
    '--uses',
    '3',
  ];
  assert.equal(await muster('token', 'create', ...options, '--approve', 'manual', '--name', 'web-9'), 0);
  assert.equal(out(), 'mjt_secret\n');
  assert.match(err(), /token 5e0c.*muster-agent join --token-file/);
  const labels = { role: 'web', env: 'prod' };
  assert.deepEqual(api.calls[0]?.body, {
    ttlMs: 3_600_000,
    labels,
    allowLabels: ['rack'],
    uses: 3,
    approve: 'manual',
    name: 'web-9',
  });
});

test('token create --json prints the token in an object', async (t) => {
  const reply = { id: '5e0c', token: 'mjt_secret', expiresAtMs: NOW };
  const { muster, json, err } = await stage(t, { 'tokens.create': () => reply });
  assert.equal(await muster('token', 'create', '--json'), 0);
  assert.deepEqual(json(), reply);
  assert.equal(err(), '');
});

test('tokens and operators are listed and revoked', async (t) => {
  const token = {
    id: '5e0c',
    state: 'open',
    labels: { a: 'b' },
    allowLabels: [],
    uses: 2,
    used: 1,
    approve: 'auto',
    name: null,
  } as const;
  const operator = {
    id: 'x',
    name: 'kim',
    role: 'admin',
    state: 'active',
    createdAtMs: NOW,
    expiresAtMs: null,
  } as const;
  const { muster, out, api } = await stage(t, {
    'tokens.list': () => [
      {
        ...token,
        labels: { ...token.labels },
        allowLabels: [],
        createdBy: 'kim',
        createdAtMs: NOW,
        expiresAtMs: NOW,
      },
    ],
    'tokens.revoke': () => ({ ok: true }),
    'operators.list': () => [operator],
    'operators.revoke': () => ({ ok: true }),
  });
  for (const argv of [['token'], ['operator'], ['token', 'revoke', '5e0c'], ['operator', 'revoke', 'kim']])
    assert.equal(await muster(...argv), 0);
  assert.match(out(), /^5e0c {3}open {3}1\/2 .* kim +auto +a=b$/m);
  assert.match(out(), /^kim {3}admin +active .* never$/m);
  assert.deepEqual(api.calls.map(({ name, params }) => [name, params]).slice(2), [
    ['tokens.revoke', { id: '5e0c' }],
    ['operators.revoke', { name: 'kim' }],
  ]);
});

test('operator add prints the API token alone, and needs a role', async (t) => {
  const { muster, out, err, api } = await stage(t, {
    'operators.add': () => ({ id: 'x', token: 'mop_secret' }),
  });
  assert.equal(await muster('operator', 'add', 'kim', '--role', 'runner', '--ttl', '90d'), 0);
  assert.equal(out(), 'mop_secret\n');
  assert.match(err(), /muster login https:\/\/127.0.0.1:\d+ --token-file FILE/);
  assert.deepEqual(api.calls[0]?.body, { name: 'kim', role: 'runner', ttlMs: 90 * 86_400_000 });
  assert.equal(await muster('operator', 'add', 'kim'), 2);
  assert.equal(await muster('operator', 'add', 'kim', '--role', 'root'), 2);
});

const summary: JobSummary = {
  ...{
    job: JOB,
    state: 'over',
    kind: 'command',
    title: 'uname -a',
    targets: 38,
    counts: { succeeded: 36, failed: 2 },
  },
  ...{ actor: 'kim', reason: null, createdAtMs: NOW, expiresAtMs: NOW, endedAtMs: NOW },
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
  assert.match(err(), /"3f2a" is the beginning of 2 jobs: 3f2a9c01d2aa, 3f2a9c01d2aa/);
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
  assert.equal(await muster('jobs', 'cancel', JOB, '--agent', 'web-1', '--agent', 'db-1', '--json'), 0);
  assert.equal(out(), `cancelling on 2 hosts\n{"job":"${JOB}","cancelled":2}\n`);
  const bodies = api.calls.filter(({ name }) => name === 'jobs.cancel').map(({ body }) => body);
  assert.deepEqual(bodies, [{}, { agentIds: [agentId('web-1'), agentId('db-1')] }]);
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

const entry = {
  seq: 7,
  atMs: NOW,
  actor: 'kim',
  action: 'job-created',
  subject: JOB,
  detail: { a: 1 },
  hash: 'ab',
};
const headReply = { seq: 7, hash: 'abcd', atMs: NOW, keyId: null, signature: null };

test('audit lists the newest entries, and as NDJSON', async (t) => {
  const { muster, out, api } = await stage(t, {
    'audit.head': () => ({ ...headReply, seq: 1207 }),
    'audit.list': () => [entry],
  });
  assert.equal(await muster('audit'), 0);
  assert.match(out(), /^7 .* kim {2}job-created {2}3f2a9c01d2aa4b5c8d7e6f5041322314 {2}\{"a":1\}$/m);
  assert.deepEqual(api.calls.at(-1)?.query, { after: '1157', limit: '50' });
  const again = await stage(t, { 'audit.head': () => headReply, 'audit.list': () => [entry, entry] });
  assert.equal(await again.muster('audit', 'ls', '--after', '0', '--json'), 0);
  assert.deepEqual(again.out(), `${JSON.stringify(entry)}\n`.repeat(2));
});

test('a long audit log is read in pages', async (t) => {
  const { muster, out, api } = await stage(t, {
    'audit.head': () => headReply,
    'audit.list': ({ query }) =>
      Array.from({ length: Math.min(Number(query.limit), 1500 - Number(query.after)) }, (_, i) => ({
        ...entry,
        seq: Number(query.after) + i + 1,
      })),
  });
  assert.equal(await muster('audit', 'ls', '--after', '0', '--limit', '100000', '--json'), 0);
  assert.deepEqual(
    out()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).seq),
    Array.from({ length: 1500 }, (_, i) => i + 1),
  );
  assert.equal(api.calls.filter(({ name }) => name === 'audit.list').length, 2);
});

test('audit head prints what audit verify --since takes', async (t) => {
  const verified = { ok: true, checked: 7, head: headReply, firstBad: null, tailChecked: true };
  const { muster, out, err, api } = await stage(t, {
    'audit.head': () => headReply,
    'audit.verify': () => verified,
  });
  assert.equal(await muster('audit', 'head'), 0);
  assert.equal(out(), '7:abcd\n');
  assert.equal(await muster('audit', 'verify', '--since', '7:abcd'), 0);
  assert.deepEqual(api.calls.at(-1)?.query, { since: '7:abcd' });
  assert.equal(err(), '');
  assert.equal(await muster('audit', 'verify', '--since', 'abcd'), 2);
});

test('a chain that was changed is a failure that names the first bad entry', async (t) => {
  const verified = {
    ok: false,
    checked: 3,
    head: null,
    firstBad: { seq: 4, why: 'the hash is another' },
    tailChecked: false,
  };
  const { muster, out } = await stage(t, { 'audit.verify': () => verified });
  assert.equal(await muster('audit', 'verify'), 1);
  assert.equal(out(), 'the audit log was changed: entry 4: the hash is another\n');
});

test('without a kept head a cut tail cannot be seen, and verify says so', async (t) => {
  const verified = { ok: true, checked: 7, head: headReply, firstBad: null, tailChecked: false };
  const { muster, err } = await stage(t, { 'audit.verify': () => verified });
  assert.equal(await muster('audit', 'verify'), 0);
  assert.match(err(), /entries cut off the end cannot be seen/);
});

const DAY = 86_400_000;
const statusReply: StatusReply = {
  ...{
    version: '0.1.0',
    fleetId: 'f1ee7',
    urls: ['https://c:7443'],
    timeMs: NOW,
    startedAtMs: NOW - 3_600_000,
  },
  ...{ agents: { known: 40, online: 38, pending: 1, quarantined: 0 }, jobs: { running: 2 } },
  ...{ trust: { serial: 1, expiresAtMs: NOW + 300 * DAY }, rootKeyHere: true, warnings: [] },
};

test('status shows what an operator wants to know and warns of a root key that is still there', async (t) => {
  const { muster, out, err } = await stage(t, {
    status: () => statusReply,
    ready: () => ({ ready: true, checks: {} }),
  });
  assert.equal(await muster('status'), 0);
  assert.match(out(), /^agents +38 of 40 online, 1 waiting for approval$/m);
  assert.match(out(), /^root key +beside the controller's keys$/m);
  assert.match(out(), /^up +1h, since /m);
  assert.match(out(), /^authority +([0-9A-F]{2}:){31}[0-9A-F]{2}$/m);
  assert.match(err(), /^muster: warning: .*root key is still on it$/m);
});

test("status warns 30 days before the trust document ends, and passes on the controller's warnings", async (t) => {
  const soon = { ...statusReply, rootKeyHere: false, trust: { serial: 1, expiresAtMs: NOW + 29 * DAY } };
  const cases: [StatusReply, RegExp][] = [
    [soon, /^muster: warning: the trust document expires in 29d\n$/],
    [
      { ...soon, trust: { serial: 1, expiresAtMs: NOW - 1 } },
      /^muster: warning: the trust document has expired; orders are refused\n$/,
    ],
    [{ ...soon, warnings: ['a', 'b'] }, /^muster: warning: a\nmuster: warning: b\n$/],
    [{ ...soon, trust: statusReply.trust }, /^$/],
  ];
  for (const [reply, warnings] of cases) {
    const { muster, err } = await stage(t, {
      status: () => reply,
      ready: () => ({ ready: true, checks: {} }),
    });
    assert.equal(await muster('status'), 0);
    assert.match(err(), warnings);
  }
});

test('status --json is the reply with its URL', async (t) => {
  const { muster, json, api } = await stage(t, {
    status: () => statusReply,
    ready: () => ({ ready: true, checks: {} }),
  });
  assert.equal(await muster('status', '--json'), 0);
  assert.deepEqual(json(), {
    url: api.url,
    authority: await fingerprintOf(api.authority.certPem),
    ...statusReply,
  });
});

test('status of a controller that is not ready leaves with 5 and says why', async (t) => {
  const { muster, err, out } = await stage(t, {
    status: () => statusReply,
    ready: ({ reply }) => {
      reply.writeHead(503, { 'content-type': 'application/json' });
      return { ready: false, checks: { store: 'cannot write', gateway: null } };
    },
  });
  assert.equal(await muster('status'), 5);
  assert.match(err(), /the controller is not ready: store: cannot write\n/);
  assert.equal(out(), '');
});

test('a token of too low a role is refused with 5 and what to do', async (t) => {
  const { muster, err } = await stage(t, {
    'tokens.create': () => {
      throw new MusterError('forbidden', 'this needs the role admin, kim is viewer');
    },
  });
  assert.equal(await muster('token', 'create'), 5);
  assert.match(err(), /does not allow that: this needs the role admin, kim is viewer\n {2}ask an admin/);
});

test('an error of a newer or hostile controller cannot draw on a terminal', async (t) => {
  const { muster, err } = await stage(t, {
    'tokens.create': () => {
      throw new MusterError('bad-request', '\x1b[2J\u202e');
    },
  });
  assert.equal(await muster('token', 'create'), 2);
  assert.match(err(), /\\x1b\[2J\\u\{202e\}/);
});
