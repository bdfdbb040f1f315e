import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { RolloutEvent } from '../../../controller/api/contract.ts';
import { API_LIMITS } from '../../../controller/api/limits.ts';
import { AGENT, bearer, createWorld, JOB, ROLLOUT_BODY, requestOf, type World } from './fixture.ts';

let world: World;
before(async () => {
  world = await createWorld();
});
after(() => world.close());

const start = (body: object) =>
  world.api.app.inject({ ...requestOf('rollouts.start', 'runner'), payload: body });

const BAD: [what: string, body: object, where: RegExp][] = [
  ['an unknown key', { ...ROLLOUT_BODY, parallel: 3 }, /parallel/],
  ['a change without tasks', { change: { kind: 'bundle', title: 'x', tasks: [] } }, /body\.change\.tasks/],
  [
    'a kind of change that there is not',
    { change: { ...ROLLOUT_BODY.change, kind: 'prayer' } },
    /change\.kind/,
  ],
  ['a wave of two kinds', { ...ROLLOUT_BODY, waves: [{ size: '1', rest: true }] }, /body\.waves\.0/],
  ['a wave of nothing', { ...ROLLOUT_BODY, waves: [{ size: '0' }] }, /waves\.0/],
  ['no waves', { ...ROLLOUT_BODY, waves: [] }, /body\.waves/],
  ['a share past everything', { ...ROLLOUT_BODY, maxUnavailable: '101%' }, /maxUnavailable/],
  [
    'a zone with a path in it',
    { ...ROLLOUT_BODY, windows: [{ from: '22:00', to: '04:00', zone: '../etc/passwd' }] },
    /zone/,
  ],
  [
    'an hour that there is not',
    { ...ROLLOUT_BODY, windows: [{ from: '24:00', to: '04:00', zone: 'UTC' }] },
    /windows\.0\.from/,
  ],
  [
    'a day that is none',
    { ...ROLLOUT_BODY, freezes: [{ from: 'tomorrow', to: '2026-12-31', zone: 'UTC' }] },
    /freezes\.0\.from/,
  ],
  [
    'waves whose globs would keep the controller busy',
    {
      ...ROLLOUT_BODY,
      waves: Array.from({ length: 20 }, () => ({
        hosts: Array.from({ length: 90 }, () => '*a*b*').join(','),
      })),
    },
    /globs of all waves/,
  ],
  [
    'waves whose selectors would keep the controller busy',
    { ...ROLLOUT_BODY, waves: [{ selector: '!x,'.repeat(4_000) }, { selector: '!y,'.repeat(4_000) }] },
    /selectors and globs/,
  ],
  [
    'a probe of two kinds',
    { ...ROLLOUT_BODY, probes: [{ name: 'x', tcp: { host: 'a', port: 1 }, http: { url: 'http://a/' } }] },
    /body\.probes\.0/,
  ],
  [
    'a hole that there is not',
    { ...ROLLOUT_BODY, probes: [{ name: 'x', from: 'controller', http: { url: 'http://{label}/' } }] },
    /http\.url|probes\.0/,
  ],
  [
    'a password in a URL',
    { ...ROLLOUT_BODY, probes: [{ name: 'x', http: { url: 'http://a:b@{name}/' } }] },
    /url|probes\.0/,
  ],
  [
    'a package name that is an option',
    {
      change: {
        ...ROLLOUT_BODY.change,
        plan: {
          digest: 'x',
          madeAtMs: 1,
          hosts: [
            {
              agentIds: [AGENT],
              wayBack: true,
              manager: 'apt',
              changes: [{ name: '-o DPkg::Pre-Invoke=x', arch: '', from: '1', to: '2' }],
            },
          ],
        },
      },
    },
    /plan\.hosts\.0\.changes\.0\.name/,
  ],
];
for (const [what, body, where] of BAD)
  test(`a rollout is refused with the place: ${what}`, async () => {
    world.calls.length = 0;
    const reply = await start(body);
    assert.equal(reply.statusCode, 400, reply.body);
    assert.match(reply.json().error.detail, where);
    assert.deepEqual(world.calls, []);
  });

test('a plan of many hosts fits into a request, and into that of nothing else', async () => {
  const ids = Array.from({ length: 10_000 }, (_, index) => index.toString(16).padStart(32, '0'));
  const plan = { digest: 'x', madeAtMs: 1, hosts: [] as object[] };
  for (const id of ids)
    plan.hosts.push({
      ...{ agentIds: [id], wayBack: true, manager: 'apt' },
      changes: Array.from({ length: 8 }, (_, index) => ({
        name: `package-${index}`,
        arch: 'amd64',
        from: '1.0-1',
        to: '1.0-2',
      })),
    });
  const body = { change: { ...ROLLOUT_BODY.change, plan } };
  assert.ok(JSON.stringify(body).length > API_LIMITS.bodyBytes);
  assert.equal((await start(body)).statusCode, 200);
  const job = await world.api.app.inject({ ...requestOf('jobs.create', 'runner'), payload: body });
  assert.equal(job.statusCode, 413);
  assert.match(job.json().error.detail, new RegExp(`${API_LIMITS.bodyBytes} bytes`));
  const long = await start({ ...body, reason: 'x'.repeat(API_LIMITS.largeBodyBytes) });
  assert.equal(long.statusCode, 413);
  assert.match(long.json().error.detail, new RegExp(`${API_LIMITS.largeBodyBytes} bytes`));
});

test('a verb gets what was sent, who sent it, and the key', async () => {
  world.calls.length = 0;
  await world.api.app.inject({
    ...requestOf('rollouts.start', 'runner'),
    headers: { ...bearer('runner'), 'idempotency-key': 'k1' },
  });
  assert.deepEqual(world.calls[0], {
    verb: 'rollouts.start',
    args: [ROLLOUT_BODY, { name: 'the runner', role: 'runner' }, 'k1'],
  });
});

const event = (seq: number): RolloutEvent => ({
  ...{
    seq,
    atMs: 5,
    what: 'host',
    to: 'done',
    wave: 0,
    agent: 'web-1',
    agentId: AGENT,
    by: null,
    reason: null,
  },
});

test("a rollout's events are streamed from the start, or from where a reader was, to the end", async () => {
  world.history.over = true;
  world.history.rollout = Array.from({ length: API_LIMITS.pageRowsMax + 3 }, (_, index) => event(index + 1));
  const read = async (headers: object) => {
    const reply = await world.api.app.inject({
      ...requestOf('rollouts.events', 'viewer'),
      headers: { ...bearer('viewer'), ...headers },
    });
    assert.equal(reply.headers['content-type'], 'text/event-stream');
    return [...reply.body.matchAll(/^id: (\d+)\nevent: rollout\ndata: (.*)$/gm)].map(([, id, data = '']) => {
      assert.equal(String((JSON.parse(data) as RolloutEvent).seq), id);
      return Number(id);
    });
  };
  assert.deepEqual(
    await read({}),
    world.history.rollout.map(({ seq }) => seq),
  );
  assert.deepEqual(await read({ 'last-event-id': '65' }), [66, 67]);
});

test('whoever follows a rollout is told of what comes as it comes', async () => {
  world.history.over = false;
  world.history.rollout = [event(1)];
  const url = await world.listen();
  const leave = new AbortController();
  const reply = await fetch(new URL(`/api/v1/rollouts/${JOB}/events`, url), {
    headers: bearer('viewer'),
    signal: leave.signal,
  });
  const reader = (reply.body ?? assert.fail()).pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  const untilSeen = async (piece: string): Promise<void> => {
    for (let reads = 0; reads < 20 && !text.includes(piece); reads += 1)
      text += (await reader.read()).value ?? '';
    assert.ok(text.includes(piece), text);
  };
  await untilSeen('id: 1\n');
  world.history.rollout.push(event(2));
  world.bus.emit({ type: 'rollout-changed', rolloutId: AGENT });
  world.bus.emit({ type: 'rollout-changed', rolloutId: JOB });
  await untilSeen('id: 2\n');
  world.history.over = true;
  world.bus.emit({ type: 'rollout-changed', rolloutId: JOB });
  await untilSeen('"why":"over"');
  leave.abort();
});
