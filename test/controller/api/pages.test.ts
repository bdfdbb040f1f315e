import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ROUTES } from '../../../controller/api/contract.ts';
import { API_LIMITS } from '../../../controller/api/limits.ts';
import { startProbe } from '../../../controller/api/probe.ts';
import { virtualClock } from '../../support/virtual-clock.ts';
import { createWorld, ROUTE_NAMES, requestOf, STORAGE, type World } from './fixture.ts';

let world: World;
before(async () => {
  world = await createWorld();
});
after(() => world.close());

interface Operation {
  operationId: string;
  security?: unknown[];
  'x-role'?: string;
  parameters?: { name: string; in: string; required: boolean; schema: Record<string, unknown> }[];
  requestBody?: { content: Record<string, { schema: Record<string, unknown> }> };
  responses: Record<string, { content: Record<string, { schema?: Record<string, unknown> }> }>;
}
interface OpenApi {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
}

const document = async () => (await world.api.app.inject(requestOf('openapi'))).json() as OpenApi;

test('every route is in the OpenAPI document, with its role, its parameters and what it answers', async () => {
  const { openapi, paths } = await document();
  assert.equal(openapi, '3.1.0');
  assert.equal(Object.values(paths).flatMap(Object.keys).length, ROUTE_NAMES.length);
  for (const name of ROUTE_NAMES) {
    const route = ROUTES[name];
    const operation = paths[route.path.replace(/:(\w+)/g, '{$1}')]?.[route.method.toLowerCase()];
    assert.ok(operation, name);
    assert.equal(operation.operationId, name);
    if (route.role === 'public') assert.deepEqual(operation.security, []);
    else assert.equal(operation['x-role'], route.role);
    const named = [...route.path.matchAll(/:(\w+)/g)].map((match) => match[1]);
    const inPath = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
    assert.deepEqual(
      inPath.map((parameter) => parameter.name),
      named,
    );
    assert.ok(inPath.every((parameter) => parameter.required));
    assert.ok(operation.responses['200'] && operation.responses.default, name);
  }
});

test('the OpenAPI document says what a body may be, and that nothing else may be in it', async () => {
  const { paths } = await document();
  const operation = paths['/api/v1/jobs']?.post;
  const schema = operation?.requestBody?.content['application/json']?.schema;
  assert.equal(schema?.additionalProperties, false);
  assert.deepEqual(schema?.required, ['tasks']);
  assert.ok(operation?.parameters?.some((parameter) => parameter.name === 'idempotency-key'));
  const limit = paths['/api/v1/jobs']?.get?.parameters?.find((parameter) => parameter.name === 'limit');
  assert.deepEqual(limit, {
    name: 'limit',
    in: 'query',
    required: false,
    schema: { type: 'integer', minimum: 1, maximum: API_LIMITS.listMax },
  });
});

test('every reference of the OpenAPI document leads somewhere', async () => {
  const whole = (await document()) as unknown as Record<string, unknown>;
  const references = [...JSON.stringify(whole).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(
    (match) => match[1] ?? '',
  );
  assert.ok(references.length > 0);
  for (const reference of references) {
    const found = reference
      .split('/')
      .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], whole);
    assert.ok(found, reference);
  }
});

test('the metrics page counts agents, runs, jobs, commits and answers in the Prometheus format', async () => {
  const clock = virtualClock();
  const other = await createWorld({ clock });
  other.verbs.jobs.list = async () => {
    await clock.advance(30);
    return [];
  };
  await other.api.app.inject(requestOf('jobs.list', 'viewer'));
  await other.api.app.inject(requestOf('jobs.list'));
  await other.api.app.inject({ method: 'GET', url: '/wp-login.php' });
  await other.api.app.inject(requestOf('jobs.events', 'viewer'));
  const reply = await other.api.app.inject(requestOf('metrics', 'viewer'));
  assert.equal(reply.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  const lines = reply.body.split('\n');
  for (const line of [
    'muster_agents{state="active",online="true"} 1',
    'muster_runs{state="running"} 1',
    'muster_jobs{state="running"} 1',
    'muster_jobs{state="over"} 0',
    'muster_db_commits_total 3',
    'muster_api_streams 0',
    'muster_http_requests_total{route="jobs.list",status="200"} 1',
    'muster_http_requests_total{route="jobs.list",status="401"} 1',
    'muster_http_requests_total{route="none",status="404"} 1',
    'muster_http_requests_total{route="jobs.events",status="200"} 1',
    'muster_http_request_duration_seconds_bucket{route="jobs.list",le="0.025"} 1',
    'muster_http_request_duration_seconds_bucket{route="jobs.list",le="0.05"} 2',
    'muster_http_request_duration_seconds_bucket{route="jobs.list",le="+Inf"} 2',
    'muster_http_request_duration_seconds_sum{route="jobs.list"} 0.03',
    'muster_http_request_duration_seconds_count{route="jobs.list"} 2',
    'process_resident_memory_bytes 1',
    'muster_event_loop_delay_seconds{quantile="0.99"} 0.002',
  ])
    assert.ok(lines.includes(line), `${line} is not in\n${reply.body}`);
  assert.doesNotMatch(reply.body, /duration_seconds_\w+\{route="jobs.events"/, 'a stream is not measured');
  await other.close();
});

test('every line of the metrics page is one that Prometheus can read', async () => {
  const odd = { state: 'a"b\\c\nd', online: false, count: 2 };
  const other = await createWorld({
    verbs: {
      ...world.verbs,
      figures: async () => ({
        agents: [odd],
        runs: {},
        jobs: { running: 0, over: 0 },
        rollouts: { open: 0, stopped: 0 },
        commits: 0,
        storage: STORAGE,
      }),
    },
  });
  const { body } = await other.api.app.inject(requestOf('metrics', 'viewer'));
  assert.ok(body.endsWith('\n'));
  const sample = /^[a-z_]+(\{([a-z]+="([^"\\\n]|\\[\\"n])*",?)+\})? [0-9.e+-]+$/;
  for (const line of body.trimEnd().split('\n'))
    assert.match(line, line.startsWith('#') ? /^# (HELP|TYPE) / : sample);
  await other.close();
});

test('ready says which check failed, threw or gave no answer in time', async () => {
  const clock = virtualClock();
  const checks = {
    store: async () => undefined,
    loop: async () => 'late by 3 s',
    disk: () => Promise.reject(new Error('a secret path')),
    other: () => new Promise<undefined>(() => undefined),
  };
  const ill = await createWorld({ clock, checks });
  const asked = ill.api.app.inject(requestOf('ready'));
  await clock.advance(API_LIMITS.readyMs);
  const reply = await asked;
  assert.equal(reply.statusCode, 503);
  assert.deepEqual(reply.json(), {
    ready: false,
    checks: { store: null, loop: 'late by 3 s', disk: 'failed', other: 'no answer in time' },
  });
  await ill.close();
  const well = await createWorld({ checks: { store: async () => undefined } });
  const good = await well.api.app.inject(requestOf('ready'));
  assert.deepEqual([good.statusCode, good.json()], [200, { ready: true, checks: { store: null } }]);
  await well.close();
});

test('the front page says in plain text that the web console is not there yet', async () => {
  const reply = await world.api.app.inject(requestOf('home'));
  assert.match(reply.headers['content-type'] as string, /^text\/plain/);
  assert.match(reply.body, /web console is not there yet/);
});

test('the probe tells the memory and the lateness of the real process', () => {
  const probe = startProbe();
  const { residentBytes, loopDelay } = probe.read();
  probe.stop();
  assert.ok(residentBytes > 1_000_000);
  for (const value of Object.values(loopDelay)) assert.ok(Number.isFinite(value) && value >= 0);
});
