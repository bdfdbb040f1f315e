import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { pathOf, ROUTES } from '../../../controller/api/contract.ts';
import { API_LIMITS } from '../../../controller/api/limits.ts';
import type { RunProgress } from '../../../controller/api/verbs.ts';
import { MusterError } from '../../../proto/errors.ts';
import { LIMITS } from '../../../proto/limits.ts';
import { AGENT, bearer, createWorld, JOB, ROUTE_NAMES, requestOf, type World } from './fixture.ts';

let world: World;
before(async () => {
  world = await createWorld();
});
beforeEach(() => {
  world.calls.length = 0;
});
after(() => world.close());

const send = (
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  url: string,
  payload?: object,
  headers: object = {},
) =>
  world.api.app.inject({
    method,
    url: `/api/v1${url}`,
    headers: { ...bearer('admin'), ...headers },
    ...(payload ? { payload } : {}),
  });
const task = { command: { argv: ['true'] } };
const job = (more: object) => send('POST', '/jobs', { targets: 'all', tasks: [task], ...more });

/** A request, and what its refusal has to say of the place. */
const REFUSED: [title: string, request: () => ReturnType<typeof send>, detail: RegExp][] = [
  ['an unknown key', () => job({ timeout: 5 }), /^body: .*timeout/],
  [
    'an unknown key of a task',
    () => job({ tasks: [{ command: { argv: ['a'], shell: true } }] }),
    /^body\.tasks\.0\.command: .*shell/,
  ],
  ['two tasks in one', () => job({ tasks: [{ ...task, shell: { line: 'a' } }] }), /^body\.tasks\.0/],
  ['no task', () => send('POST', '/jobs', { targets: 'all' }), /^body\.tasks: /],
  ['no body', () => send('POST', '/jobs'), /^body/],
  ['nobody', () => send('POST', '/jobs', { tasks: [task] }), /targets, a selector or both/],
  ['empty targets', () => job({ targets: '' }), /^body\.targets: /],
  ['over-long targets', () => job({ targets: 'a'.repeat(API_LIMITS.targetsChars + 1) }), /^body\.targets: /],
  ['targets that are no string', () => job({ targets: ['a'] }), /^body\.targets: .*expected string/],
  ['an empty argv', () => job({ tasks: [{ command: { argv: [] } }] }), /^body\.tasks\.0\.command\.argv: /],
  [
    'an empty program',
    () => job({ tasks: [{ command: { argv: ['', 'a'] } }] }),
    /^body\.tasks\.0\.command\.argv: the program/,
  ],
  [
    'a NUL byte in an argument',
    () => job({ tasks: [{ command: { argv: ['a', 'b\0'] } }] }),
    /argv\.1: has a NUL byte/,
  ],
  [
    'a script that is not base64',
    () => job({ tasks: [{ script: { content: '#!', args: [], name: 'a' } }] }),
    /content: .*base64/,
  ],
  [
    'a script over the cap',
    () => job({ tasks: [{ script: { content: 'A'.repeat(LIMITS.scriptBytes * 2), args: [], name: 'a' } }] }),
    /content: /,
  ],
  ['a time of zero', () => job({ timeoutMs: 0 }), /^body\.timeoutMs: /],
  ['a time with a fraction', () => job({ ttlMs: 1.5 }), /^body\.ttlMs: .*expected int/],
  ['a time past the longest', () => job({ ttlMs: LIMITS.ttlMaxMs + 1 }), /^body\.ttlMs: /],
  ['a relative directory', () => job({ cwd: 'tmp' }), /^body\.cwd: /],
  ['a variable that is none', () => job({ env: { 'A=B': 'c' } }), /^body\.env\.A=B: /],
  [
    'too many variables',
    () => job({ env: Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`V${i}`, ''])) }),
    /^body\.env: /,
  ],
  ['a reason over the cap', () => job({ reason: 'a'.repeat(LIMITS.reasonChars + 1) }), /^body\.reason: /],
  ['a job id that is none', () => send('GET', '/jobs/ABC'), /^path\.job: expected a job id/],
  [
    'a cancel of a run that is none',
    () => send('POST', `/jobs/${JOB}/cancel`, { agentIds: ['web-1'] }),
    /^body\.agentIds\.0: /,
  ],
  [
    'a limit that is no number',
    () => send('GET', '/jobs?limit=many'),
    /^query\.limit: expected a whole number/,
  ],
  ['a limit of 0x10', () => send('GET', '/jobs?limit=0x10'), /^query\.limit: /],
  ['a limit past the largest', () => send('GET', `/jobs?limit=${API_LIMITS.listMax + 1}`), /^query\.limit: /],
  ['a parameter twice', () => send('GET', '/jobs?limit=1&limit=2'), /^query\.limit: /],
  ['an unknown parameter', () => send('GET', '/jobs?verbose=1'), /^query: .*verbose/],
  [
    'a parameter where there is none',
    () => send('GET', '/status?verbose=1'),
    /^query: this route takes none/,
  ],
  [
    'a body where there is none',
    () => send('DELETE', '/tokens/abcd', { force: true }),
    /^body: this route takes none/,
  ],
  ['a state that is none', () => send('GET', '/jobs?state=lost'), /^query\.state: /],
  ['a flag that is none', () => send('GET', `/jobs/${JOB}/events?follow=1`), /^query\.follow: /],
  [
    'a Last-Event-ID that is none',
    () => send('GET', `/jobs/${JOB}/events`, undefined, { 'last-event-id': 'x' }),
    /last-event-id/,
  ],
  ['a head that is none', () => send('GET', '/audit/verify?since=12'), /^query\.since: expected a head/],
  ['a role that is none', () => send('POST', '/operators', { name: 'ann', role: 'root' }), /^body\.role: /],
  [
    'a name of an operator that climbs',
    () => send('POST', '/operators', { name: '../ann', role: 'admin' }),
    /^body\.name: /,
  ],
  [
    'a name of an agent that is reserved',
    () => send('POST', '/tokens', { name: 'all' }),
    /^body\.name: the name is reserved/,
  ],
  [
    'a label that is none',
    () => send('POST', '/tokens', { labels: { role: 'a b' } }),
    /^body\.labels\.role: a label value/,
  ],
  [
    'a label that is set and removed',
    () => send('PATCH', '/agents/web-1/labels', { set: { a: '1' }, remove: ['a'] }),
    /label a is both/,
  ],
  [
    'too many labels',
    () =>
      send('POST', '/tokens', {
        labels: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, ''])),
      }),
    /more than 64/,
  ],
  [
    'an idempotency key with a space',
    () => send('POST', '/jobs', { targets: 'all', tasks: [task] }, { 'idempotency-key': 'a b' }),
    /idempotency-key/,
  ],
  [
    'an idempotency key over the cap',
    () => send('POST', '/jobs', { targets: 'all', tasks: [task] }, { 'idempotency-key': 'a'.repeat(129) }),
    /idempotency-key/,
  ],
];

for (const [title, request, detail] of REFUSED) {
  test(`${title} is refused, with its place`, async () => {
    const reply = await request();
    const { error } = reply.json();
    assert.deepEqual(
      [reply.statusCode, error.code, error.retryable],
      [400, 'bad-request', false],
      reply.body,
    );
    assert.match(error.detail, detail);
    assert.ok(error.detail.length < 600);
    assert.deepEqual(world.calls, [], 'no verb was reached');
  });
}

test('what is not JSON, or would poison objects, is refused as a whole', async () => {
  const bodies = [
    '',
    '{',
    'null',
    '[]',
    '"x"',
    '{"__proto__":{"role":"admin"}}',
    '{"task":{"constructor":{"prototype":1}}}',
  ];
  for (const payload of bodies) {
    const reply = await send('POST', '/jobs', undefined, {});
    const raw = await world.api.app.inject({
      method: 'POST',
      url: '/api/v1/jobs',
      headers: { ...bearer('admin'), 'content-type': 'application/json' },
      payload,
    });
    assert.equal(reply.statusCode, 400);
    assert.deepEqual([raw.statusCode, raw.json().error.code], [400, 'bad-request'], payload);
  }
  assert.deepEqual(world.calls, []);
});

test('a body of another media type is refused', async () => {
  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data',
    'application/xml',
  ]) {
    const reply = await world.api.app.inject({
      method: 'POST',
      url: '/api/v1/jobs',
      headers: { ...bearer('admin'), 'content-type': type },
      payload: '{"targets":"all"}',
    });
    assert.equal(reply.json().error.code, 'bad-request', type);
  }
});

test('a body of more than 2 MiB is refused as too large', async () => {
  const reply = await job({ reason: 'a'.repeat(API_LIMITS.bodyBytes) });
  assert.deepEqual([reply.statusCode, reply.json().error.code], [413, 'too-large']);
});

test('a target list and a script as large as they may be are let in', async () => {
  const content = Buffer.alloc(LIMITS.scriptBytes).toString('base64');
  const reply = await job({
    targets: 'a'.repeat(API_LIMITS.targetsChars),
    tasks: [{ script: { content, args: ['-x', '\n'], name: 'fix.sh' } }],
  });
  assert.equal(reply.statusCode, 200, reply.body);
});

test('a request from the page of somebody else is refused, whoever sends it', async () => {
  const own = 'https://muster.example:7443';
  const other = await createWorld({ origins: [own] });
  try {
    for (const name of ROUTE_NAMES) {
      const request = requestOf(name, 'admin');
      for (const origin of ['https://evil.example', 'null', `${own}0`, own.replace('https', 'http')]) {
        const reply = await other.api.app.inject({ ...request, headers: { ...request.headers, origin } });
        assert.deepEqual([reply.statusCode, reply.json().error.code], [403, 'foreign-origin'], name);
        assert.equal(reply.headers['access-control-allow-origin'], undefined);
      }
      const reply = await other.api.app.inject({ ...request, headers: { ...request.headers, origin: own } });
      assert.equal(reply.statusCode, 200, name);
    }
  } finally {
    await other.close();
  }
});

test('the Host header proves nothing and is not looked at', async () => {
  const request = requestOf('status', 'viewer');
  const reply = await world.api.app.inject({
    ...request,
    headers: { ...request.headers, host: 'somewhere.else' },
  });
  assert.equal(reply.statusCode, 200);
});

test('a request gets its defaults, and what was left out stays out', async () => {
  await job({});
  await send('POST', '/tokens', {});
  await send('GET', '/jobs');
  await send('GET', '/audit');
  await send('POST', `/jobs/${JOB}/cancel`);
  await send('POST', '/jobs/prune', { olderThanMs: 60_000 });
  const by = { name: 'the admin', role: 'admin' };
  assert.deepEqual(world.calls, [
    {
      verb: 'jobs.create',
      args: [{ targets: 'all', tasks: [task], timeoutMs: 3_600_000, ttlMs: 15_000 }, by],
    },
    {
      verb: 'tokens.create',
      args: [{ ttlMs: 900_000, labels: {}, allowLabels: ['*'], uses: 1, approve: 'auto' }, by],
    },
    { verb: 'jobs.list', args: [{ limit: 50 }] },
    { verb: 'audit.list', args: [{ afterSeq: 0, limit: 50 }] },
    { verb: 'jobs.cancel', args: [JOB, by, {}] },
    { verb: 'retention.prune', args: [{ olderThanMs: 60_000, outputOnly: false, dryRun: false }, by] },
  ]);
});

test('what was asked for reaches the verb, with the operator who asked', async () => {
  const by = { name: 'the admin', role: 'admin' };
  await send('GET', '/targets?targets=web-*&selector=role%3Dweb&limit=25%25&seed=7');
  await send('GET', `/audit/verify?since=12:${'ab'.repeat(32)}`);
  await send('PATCH', '/agents/web-1/labels', { set: { role: 'web' } });
  await send('DELETE', '/agents/web-1');
  await send('POST', '/agents/web-1/approve');
  await send('DELETE', '/operators/ann');
  await send('POST', `/jobs/${JOB}/cancel`, { agentIds: [AGENT] });
  assert.deepEqual(world.calls, [
    { verb: 'targets.match', args: [{ targets: 'web-*', selector: 'role=web', limit: '25%', seed: 7 }] },
    { verb: 'audit.verify', args: [{ seq: 12, hash: 'ab'.repeat(32) }] },
    { verb: 'agents.show', args: ['web-1'] },
    { verb: 'agents.label', args: [AGENT, { role: 'web' }, [], by] },
    { verb: 'agents.show', args: ['web-1'] },
    { verb: 'agents.remove', args: [AGENT, by] },
    { verb: 'agents.show', args: ['web-1'] },
    { verb: 'agents.approve', args: [AGENT, by] },
    { verb: 'operators.revoke', args: ['ann', by] },
    { verb: 'jobs.cancel', args: [JOB, by, { agentIds: [AGENT] }] },
  ]);
});

test('an idempotency key reaches the verb', async () => {
  await send('POST', '/jobs', { targets: 'all', tasks: [task] }, { 'idempotency-key': 'deploy-42' });
  const [request] = (world.calls[0]?.args ?? []) as { idempotencyKey?: string }[];
  assert.equal(request?.idempotencyKey, 'deploy-42');
});

test('a refusal of a verb is the reply: its status, code, detail and whether to try again', async () => {
  const other = await createWorld();
  other.verbs.jobs.list = () => Promise.reject(new MusterError('store-failed', 'no space'));
  try {
    const reply = await other.api.app.inject(requestOf('jobs.list', 'viewer'));
    assert.equal(reply.statusCode, 507);
    assert.deepEqual(reply.json(), {
      error: {
        code: 'store-failed',
        message: 'the controller could not write to its store',
        detail: 'no space',
        retryable: true,
      },
    });
  } finally {
    await other.close();
  }
});

test('a fault on this side tells the operator a request id, and the log the rest', async () => {
  const other = await createWorld();
  for (const fault of [
    new Error('SQL of the secret table'),
    new MusterError('internal', 'SQL of the secret table'),
    'SQL of the secret table',
  ]) {
    other.verbs.jobs.list = () => Promise.reject(fault);
    other.lines.length = 0;
    const reply = await other.api.app.inject(requestOf('jobs.list', 'viewer'));
    assert.equal(reply.statusCode, 500);
    const { error } = reply.json();
    assert.deepEqual([error.code, error.retryable], ['internal', false]);
    assert.ok(!reply.body.includes('SQL'));
    assert.ok(other.lines.some((line) => line.includes('SQL') && line.includes(error.requestId)));
  }
  await other.close();
});

test('a fault that pretends to come from the framework is still ours', async () => {
  const other = await createWorld();
  other.verbs.jobs.list = () =>
    Promise.reject(Object.assign(new Error('SQL'), { statusCode: 400, code: 'SQLITE' }));
  const reply = await other.api.app.inject(requestOf('jobs.list', 'viewer'));
  assert.equal(reply.json().error.code, 'internal');
  await other.close();
});

test('control characters that somebody sent do not come back', async () => {
  const reply = await send('POST', '/jobs', { targets: 'all', task, '\u001b[2J\u202e': 1 });
  assert.equal(reply.statusCode, 400);
  assert.doesNotMatch(reply.json().error.detail, /[\u001b\u202e]/);
});

test('a path that is no path is refused in the shape of all errors', async () => {
  for (const url of ['/api/v1/agents/%', `/api/v1/agents/${'a'.repeat(2000)}`]) {
    const reply = await world.api.app.inject({ method: 'GET', url, headers: bearer('admin') });
    assert.equal(reply.json().error.code, 'bad-request', url);
    assert.equal(reply.headers['x-content-type-options'], 'nosniff');
  }
});

/** Raw bytes to a real server, and everything that comes back. */
async function raw(url: URL, bytes: string): Promise<string> {
  const socket = connect(Number(url.port), url.hostname);
  let answer = '';
  socket.setEncoding('utf8').on('data', (data: string) => {
    answer += data;
  });
  socket.end(bytes);
  await new Promise((resolve) => socket.once('close', resolve));
  return answer;
}

test('2,000 headers are refused, and so is more than 16 KiB of them', async () => {
  const other = await createWorld();
  try {
    const url = await other.listen();
    const request = (headers: string) =>
      `GET /healthz HTTP/1.1\r\nHost: a\r\n${headers}Connection: close\r\n\r\n`;
    assert.match(await raw(url, request('')), /^HTTP\/1.1 200 /);
    assert.match(await raw(url, request('a: b\r\n'.repeat(API_LIMITS.headers - 2))), /^HTTP\/1.1 200 /);
    assert.match(await raw(url, request('a: b\r\n'.repeat(2000))), /^HTTP\/1.1 431 /);
    const many = await raw(url, request('a: b\r\n'.repeat(API_LIMITS.headers)));
    assert.match(many, /^HTTP\/1.1 400 [\s\S]*more than 100 headers/);
    const large = await raw(url, request(`a: ${'b'.repeat(20_000)}\r\n`));
    assert.match(large, /^HTTP\/1.1 431 [\s\S]*"code":"bad-request"/);
  } finally {
    await other.close();
  }
});

test('what is not HTTP is refused, and the next one is served', async () => {
  const other = await createWorld();
  try {
    const url = await other.listen();
    for (const bytes of [
      '\u0016\u0003\u0001\u0000',
      'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n',
      `GET ${'/a'.repeat(20_000)} HTTP/1.1\r\n\r\n`,
    ])
      assert.match(await raw(url, bytes), /^HTTP\/1.1 4\d\d /);
    assert.equal((await fetch(new URL('/healthz', url))).status, 200);
  } finally {
    await other.close();
  }
});

test('the contract builds the very paths that the server knows', async () => {
  const reply = await world.api.app.inject({
    method: ROUTES['agents.show'].method,
    url: pathOf('agents.show', { params: { agent: 'a b/c' } }),
    headers: bearer('viewer'),
  });
  assert.equal(reply.json().error.code, 'no-such-agent');
  assert.deepEqual(world.calls, [{ verb: 'agents.show', args: ['a b/c'] }]);
});

test('output that was pruned is refused as gone, and a run that wrote nothing still has nothing', async () => {
  const pruned = await createWorld();
  const { jobs } = pruned.verbs;
  let run: RunProgress = {
    ...{ attempt: 1, tasks: [], state: 'succeeded', storedBytes: 5, outputPrunedAtMs: 86_400_000 },
  };
  jobs.progress = async () => run;
  jobs.show = () => assert.fail('all runs of a job were read for the sake of one');
  const ask = () => pruned.api.app.inject(requestOf('jobs.output', 'viewer'));
  const gone = await ask();
  assert.equal(gone.statusCode, 410);
  assert.deepEqual(
    [gone.json().error.code, gone.json().error.detail],
    ['output-pruned', 'on 1970-01-02T00:00:00.000Z'],
  );
  run = { ...run, storedBytes: 0 };
  assert.equal((await ask()).statusCode, 200);
  run = { ...run, state: 'lost' };
  assert.equal((await ask()).statusCode, 410, 'nobody said how much a lost one wrote');
  await pruned.close();
});
