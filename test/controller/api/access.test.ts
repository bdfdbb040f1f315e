import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { pino } from 'pino';
import { createApp } from '../../../controller/api/app.ts';
import { type Access, ROUTES, type Role, type RouteName } from '../../../controller/api/contract.ts';
import { API_LIMITS } from '../../../controller/api/limits.ts';
import { SHAPES } from '../../../controller/api/shapes.ts';
import { bearer, createWorld, ROUTE_NAMES, requestOf, TOKENS, type World } from './fixture.ts';

let world: World;
before(async () => {
  world = await createWorld();
});
after(() => world.close());

/** Written out, and not taken from the route table, so that a change there is a change here. */
const ROLES: Record<RouteName, Access> = {
  whoami: 'viewer',
  status: 'viewer',
  'targets.list': 'viewer',
  'targets.match': 'viewer',
  'agents.list': 'viewer',
  'agents.show': 'viewer',
  'agents.facts': 'viewer',
  'agents.label': 'admin',
  'agents.approve': 'admin',
  'agents.remove': 'admin',
  'agents.register': 'admin',
  'fleet.trust': 'viewer',
  'releases.sign': 'admin',
  'tokens.create': 'admin',
  'tokens.list': 'admin',
  'tokens.revoke': 'admin',
  'jobs.create': 'runner',
  'jobs.draft': 'runner',
  'jobs.submit': 'runner',
  'jobs.list': 'viewer',
  'jobs.show': 'viewer',
  'jobs.waiting': 'viewer',
  'jobs.retry': 'runner',
  'jobs.cancel': 'runner',
  'jobs.prune': 'admin',
  'jobs.events': 'viewer',
  'jobs.output': 'viewer',
  'rollouts.check': 'viewer',
  'rollouts.start': 'runner',
  'rollouts.draft': 'runner',
  'rollouts.submit': 'runner',
  'rollouts.list': 'viewer',
  'rollouts.show': 'viewer',
  'rollouts.report': 'viewer',
  'rollouts.events': 'viewer',
  'rollouts.pause': 'runner',
  'rollouts.resume': 'runner',
  'rollouts.approve': 'runner',
  'rollouts.abort': 'runner',
  'rollouts.rollback': 'runner',
  'contents.show': 'runner',
  'contents.put': 'runner',
  'contents.publish': 'admin',
  'operators.add': 'admin',
  'operators.list': 'admin',
  'operators.revoke': 'admin',
  'operators.trust': 'admin',
  'operators.untrust': 'admin',
  'audit.list': 'viewer',
  'audit.verify': 'viewer',
  'audit.head': 'viewer',
  openapi: 'public',
  health: 'public',
  ready: 'public',
  metrics: 'viewer',
  'install.build': 'public',
  home: 'public',
};
const RANKS: readonly Access[] = ['public', 'viewer', 'runner', 'admin'];
const WHO: readonly (Role | undefined)[] = [undefined, 'viewer', 'runner', 'admin'];

for (const name of ROUTE_NAMES) {
  for (const role of WHO) {
    const allowed = RANKS.indexOf(role ?? 'public') >= RANKS.indexOf(ROLES[name]);
    const status = allowed ? 200 : role === undefined ? 401 : 403;
    test(`${name} answers ${role ?? 'nobody'} with ${status}`, async () => {
      world.calls.length = 0;
      const reply = await world.api.app.inject(requestOf(name, role));
      assert.equal(reply.statusCode, status, reply.body);
      assert.equal(reply.headers['cache-control'], 'no-store');
      assert.equal(reply.headers['x-content-type-options'], 'nosniff');
      if (allowed) {
        if (ROUTES[name].answer === 'json') SHAPES[name].reply.parse(reply.json());
        return;
      }
      assert.deepEqual(world.calls, [], 'no verb was reached');
      assert.equal(reply.json().error.code, role === undefined ? 'unauthenticated' : 'forbidden');
    });
  }
}

test('a token counts only as a bearer token that the operators know', async () => {
  const wrong = [
    '',
    'Bearer',
    'Bearer ',
    TOKENS.admin,
    `Basic ${TOKENS.admin}`,
    `Bearer ${TOKENS.admin}x`,
    `Bearer ${TOKENS.admin} x`,
    `Bearer ${'x'.repeat(5000)}`,
    'Bearer __proto__',
  ];
  for (const authorization of wrong) {
    const reply = await world.api.app.inject({ ...requestOf('whoami'), headers: { authorization } });
    assert.equal(reply.statusCode, 401, authorization);
  }
  const right = await world.api.app.inject({
    ...requestOf('whoami'),
    headers: { authorization: `bearer  ${TOKENS.admin}` },
  });
  assert.deepEqual(right.json(), { name: 'the admin', role: 'admin' });
});

test('what cannot be a token is not looked up', async () => {
  const asked: string[] = [];
  const operators = {
    ...world.verbs.operators,
    authenticate: async (token: string) => void asked.push(token),
  };
  const other = await createWorld({ verbs: { ...world.verbs, operators } });
  for (const token of ['', 'a b', 'a\tb', 'ä', "a'b", 'x'.repeat(API_LIMITS.tokenChars + 1)])
    await other.api.app.inject({ ...requestOf('whoami'), headers: { authorization: `Bearer ${token}` } });
  assert.deepEqual(asked, []);
  await other.api.app.inject({
    ...requestOf('whoami'),
    headers: { authorization: `Bearer ${'x'.repeat(API_LIMITS.tokenChars)}` },
  });
  assert.equal(asked.length, 1);
  await other.close();
});

test('a token that stands in the query counts for nothing', async () => {
  const reply = await world.api.app.inject({ method: 'GET', url: `/api/v1/whoami?token=${TOKENS.admin}` });
  assert.equal(reply.statusCode, 401);
});

test('an operator whose role nobody knows may do nothing', async () => {
  const { operators } = world.verbs;
  const strange = {
    ...world.verbs,
    operators: { ...operators, authenticate: async () => ({ name: 'x', role: 'root' as Role }) },
  };
  const other = await createWorld({ verbs: strange });
  try {
    const reply = await other.api.app.inject(requestOf('whoami', 'viewer'));
    assert.equal(reply.statusCode, 403);
  } finally {
    await other.close();
  }
});

test('a body of somebody who may not come in is not read', async () => {
  const reply = await world.api.app.inject({
    method: 'POST',
    url: '/api/v1/jobs',
    headers: { 'content-type': 'application/json' },
    payload: 'this is not JSON',
  });
  assert.equal(reply.statusCode, 401);
});

test('a route that declares no role fails at the start', async () => {
  const app = createApp({ server: createServer(), log: pino({ level: 'silent' }), requestId: () => '1' });
  const handler = async () => 'hello';
  assert.throws(() => app.get('/open', handler), /the route GET \/open declares no role/);
  for (const role of ['', 'root', 'toString'] as unknown as Access[])
    assert.throws(() => app.get('/open', { config: { role } }, handler), /declares no role/);
  app.get('/closed', { config: { role: 'admin' } }, handler);
});

test('no token comes to the log, not even at its lowest level', async () => {
  for (const name of ROUTE_NAMES) await world.api.app.inject(requestOf(name, 'admin'));
  await world.api.app.inject({ ...requestOf('whoami'), headers: { authorization: 'Bearer a-wrong-secret' } });
  assert.ok(world.lines.length > ROUTE_NAMES.length, 'requests are logged');
  const log = world.lines.join('');
  for (const secret of [...Object.values(TOKENS), 'a-wrong-secret', 'a-join-token', 'an-api-token'])
    assert.ok(!log.includes(secret), secret);
});

test('a log line names the operator, the route and the status', async () => {
  world.lines.length = 0;
  await world.api.app.inject(requestOf('jobs.cancel', 'runner'));
  const line = JSON.parse(world.lines.at(-1) ?? '{}');
  assert.deepEqual(
    [line.msg, line.route, line.status, line.by],
    ['request', 'jobs.cancel', 200, 'the runner'],
  );
});

test('what is no route is not found, for everybody alike', async () => {
  for (const url of ['/api/v1/nothing', '/agent', '/api/v2/status']) {
    const reply = await world.api.app.inject({ method: 'GET', url, headers: bearer('admin') });
    assert.equal(reply.json().error.code, 'not-found', url);
  }
  const head = await world.api.app.inject({ ...requestOf('jobs.events', 'admin'), method: 'HEAD' });
  assert.equal(head.statusCode, 404, 'a HEAD of a stream would be a stream');
  const wrongMethod = await world.api.app.inject({
    method: 'PUT',
    url: '/api/v1/status',
    headers: bearer('admin'),
  });
  assert.equal(wrongMethod.statusCode, 404);
});
