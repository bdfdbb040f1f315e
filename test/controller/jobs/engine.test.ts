import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeToken } from '../../../certs/enrolment.ts';
import { openHistory } from '../../../controller/api/history.ts';
import type { JobRequest } from '../../../controller/api/verbs.ts';
import { MusterError } from '../../../proto/errors.ts';
import { ADMIN, controllerWorld } from '../../support/controller-world.ts';
import { fakeAgent } from '../../support/fake-agent.ts';
import { create, delivered, history, joined, RUNNER, request, states } from './stage.ts';

test('a job reaches an agent that is online, and its report ends the job', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  const job = await create(world, { tasks: [{ command: { argv: ['echo', 'a b'] } }] });
  const bundle = delivered(agent, session);
  assert.deepEqual(bundle.order.tasks[0]?.command?.argv, ['echo', 'a b']);
  session.send('status', {
    jobId: bundle.order.jobId,
    orderHash: bundle.orderHash,
    attempt: 1,
    state: 'running',
  });
  session.send('report', agent.report(bundle));
  await world.clock.settle();
  assert.deepEqual(await history(world, job), ['created', 'queued', 'sent', 'running', 'succeeded', 'ended']);
  const shown = await world.controller.verbs.jobs.show(job);
  assert.equal(shown.state, 'over');
  assert.deepEqual(shown.counts, { succeeded: 1 });
  assert.equal(shown.runs[0]?.exitCode, 0);
  assert.equal(session.of('receipt').at(-1)?.value.reportSeq, 1);
});

test('a job for an agent that is off waits, and is delivered when it comes', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const job = await create(world, { ttlMs: 3_600_000 });
  assert.deepEqual(await states(world, job), { 'web-1': 'queued' });
  await world.clock.advance(1_800_000);
  const session = await agent.connect();
  assert.equal(delivered(agent, session).order.tasks.length, 1);
  assert.deepEqual(await states(world, job), { 'web-1': 'sent' });
});

test('what waited too long is expired, says since when the agent is away, and is never delivered', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  (await agent.connect()).close();
  await world.clock.settle();
  const job = await create(world);
  await world.clock.advance(15_100);
  const { runs } = await world.controller.verbs.jobs.show(job);
  assert.equal(runs[0]?.state, 'expired');
  assert.match(runs[0]?.reason ?? '', /offline since/);
  assert.equal((await agent.connect()).of('deliver').length, 0);
});

test('what was sent and never answered is lost, and a late report replaces that', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  const job = await create(world);
  const bundle = delivered(agent, session);
  session.close();
  await world.clock.advance(60_000);
  assert.deepEqual(await states(world, job), { 'web-1': 'lost' });
  const back = await agent.connect();
  back.send(
    'report',
    agent.report(bundle, { state: 'failed', tasks: [{ state: 'failed', exited: true, exitCode: 3 }] }),
  );
  await world.clock.settle();
  assert.deepEqual(await states(world, job), { 'web-1': 'failed' });
  assert.deepEqual(await history(world, job), ['created', 'queued', 'sent', 'lost', 'ended', 'failed']);
});

test('a report that is sent again after a reconnect is stored once and receipted again', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  const job = await create(world);
  const report = agent.report(delivered(agent, session));
  session.send('report', report);
  await world.clock.settle();
  const again = await agent.connect();
  assert.equal(again.of('ready')[0]?.value.receipt?.reportSeq, 1);
  again.send('report', report);
  await world.clock.settle();
  assert.equal(again.of('receipt').length, 1);
  assert.deepEqual(await history(world, job), ['created', 'queued', 'sent', 'succeeded', 'ended']);
});

test('a report that does not follow from the one before ends the session', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  const job = await create(world);
  agent.reportSeq = 4;
  session.send('report', agent.report(delivered(agent, session)));
  await world.clock.settle();
  assert.equal(session.refusal?.code, 'malformed');
  assert.deepEqual(await states(world, job), { 'web-1': 'sent' });
});

test("a report whose signature is not its agent's quarantines the agent", async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  await create(world);
  const { report } = agent.report(delivered(agent, session));
  session.send('report', { report, signature: new Uint8Array(64).fill(5) });
  await world.clock.advance(1_000);
  assert.equal((await world.controller.verbs.agents.show('web-1')).state, 'quarantined');
  assert.equal(session.closed, true);
});

test('output is stored once and in order, also when a part of it comes again', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  const job = await create(world);
  const { jobId } = delivered(agent, session).order;
  const piece = (at: number, text: string) => ({
    jobId,
    attempt: 1,
    stream: 'stdout',
    offset: at,
    position: at,
    data: Buffer.from(text),
  });
  session.send('output', piece(0, 'hello '));
  session.send('output', piece(3, 'lo wor'));
  session.send('output', piece(0, 'hello'));
  session.send('output', piece(9, 'ld\n'));
  await world.clock.settle();
  const { events } = await world.controller.verbs.jobs.events(job, 0, 100);
  const text = events
    .map((event) => (event.kind === 'output' ? Buffer.from(event.data).toString() : ''))
    .join('');
  assert.equal(text, 'hello world\n');
  assert.equal(session.of('outputAck').at(-1)?.value.position, 12);
});

test('output with a hole in it ends the session instead of being passed off as complete', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  await create(world);
  const { jobId } = delivered(agent, session).order;
  session.send('output', {
    jobId,
    attempt: 1,
    stream: 'stdout',
    offset: 5,
    position: 5,
    data: Buffer.from('x'),
  });
  await world.clock.settle();
  assert.equal(session.refusal?.code, 'malformed');
});

test('an agent that comes back is told how far its output is stored', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  await create(world);
  const { jobId } = delivered(agent, session).order;
  session.send('output', {
    jobId,
    attempt: 1,
    stream: 'stderr',
    offset: 0,
    position: 0,
    data: Buffer.from('abc'),
  });
  await world.clock.settle();
  const back = await agent.connect();
  assert.equal(back.of('ready')[0]?.value.runs[0]?.position, 3);
});

test('cancelling ends what was not sent, and tells the agent of what was', async (t) => {
  const world = await controllerWorld(t);
  const [on] = [await joined(world, 'on'), await joined(world, 'off')];
  const session = await on.connect();
  const job = await create(world);
  assert.deepEqual(await world.controller.verbs.jobs.cancel(job, RUNNER), { cancelled: 2 });
  await world.clock.settle();
  assert.deepEqual(await states(world, job), { off: 'cancelled', on: 'sent' });
  assert.equal(session.of('cancel').length, 1);
  session.send('report', on.report(delivered(on, session), { state: 'cancelled', tasks: [] }));
  await world.clock.settle();
  assert.deepEqual(await states(world, job), { off: 'cancelled', on: 'cancelled' });
  await assert.rejects(world.controller.verbs.jobs.cancel(job, RUNNER), { code: 'job-over' });
});

test('an agent that was away when its job was cancelled hears of the cancel before the job', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  const job = await create(world);
  session.close();
  await world.clock.settle();
  await world.controller.verbs.jobs.cancel(job, RUNNER);
  const back = await agent.connect();
  const order = back.frames
    .map((frame) => frame.kind)
    .filter((kind) => kind === 'cancel' || kind === 'deliver');
  assert.deepEqual(order, ['cancel', 'deliver']);
});

test('a job survives a restart of the controller: what waits is delivered, sealed anew, and its result arrives', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const job = await create(world, { ttlMs: 3_600_000 });
  await world.restart();
  const session = await agent.connect();
  session.send('report', agent.report(delivered(agent, session)));
  await world.clock.settle();
  assert.deepEqual(await states(world, job), { 'web-1': 'succeeded' });
});

test('what was sent before a restart is sent again, and expires by its deadline if nobody answers', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  await agent.connect();
  const job = await create(world);
  await world.restart();
  assert.equal((await agent.connect()).of('deliver').length, 1);
  await world.clock.advance(90_000);
  assert.deepEqual(await states(world, job), { 'web-1': 'lost' });
});

test('the same idempotency key gives the same job, another request with it is refused', async (t) => {
  const world = await controllerWorld(t);
  await joined(world, 'web-1');
  const verbs = world.controller.verbs.jobs;
  const both = await Promise.all([1, 2].map(() => verbs.create(request({ idempotencyKey: 'k' }), RUNNER)));
  assert.equal(both[0]?.job, both[1]?.job);
  assert.deepEqual(both.map((one) => one.created).sort(), [false, true]);
  await assert.rejects(verbs.create(request({ idempotencyKey: 'k', targets: 'web-1' }), RUNNER), {
    code: 'idempotency-conflict',
  });
  assert.equal((await verbs.list({ limit: 10 })).length, 1);
});

const REFUSED: [string, Partial<JobRequest>, string][] = [
  ['targets that nobody has', { targets: 'db-*' }, 'nobody-matched'],
  ['a name that nobody has', { targets: 'db-1' }, 'nobody-matched'],
  ['a name that nobody has beside one that somebody has', { targets: 'web-1,db-1' }, 'no-such-agent'],
  ['an empty target list', { targets: '' }, 'bad-target'],
  ['an endless target list', { targets: 'a,'.repeat(400_000) }, 'bad-target'],
  ['a selector that cannot be read', { targets: 'all', selector: 'role in (' }, 'bad-selector'],
  ['a limit of nothing', { limit: '0' }, 'bad-limit'],
  ['an empty command', { tasks: [{ command: { argv: [] } }] }, 'bad-request'],
  ['an argument with a NUL', { tasks: [{ command: { argv: ['echo', 'a\0b'] } }] }, 'bad-request'],
  ['a timeout of a century', { timeoutMs: 3_153_600_000_000 }, 'bad-request'],
  ['a script of no bytes', { tasks: [{ script: { content: '', args: [], name: 'x' } }] }, 'bad-request'],
  ['input that is not base64', { tasks: [{ command: { argv: ['cat'], stdin: '*' } }] }, 'bad-request'],
  ['a variable whose name is none', { env: { 'A B': 'c' } }, 'bad-request'],
  [
    'an order past a megabyte',
    {
      tasks: [{ command: { argv: ['cat'], stdin: Buffer.alloc(700_000).toString('base64') } }],
      env: { A: 'x'.repeat(120_000), B: 'x'.repeat(120_000), C: 'x'.repeat(120_000) },
    },
    'too-large',
  ],
];

for (const [what, more, code] of REFUSED) {
  test(`${what}: refused with ${code}, and no job is left behind`, async (t) => {
    const world = await controllerWorld(t);
    await joined(world, 'web-1');
    await assert.rejects(
      world.controller.verbs.jobs.create(request(more), RUNNER),
      (error) => error instanceof MusterError && error.code === code,
    );
    assert.deepEqual(await world.controller.verbs.jobs.list({ limit: 10 }), []);
  });
}

test('a refusal by the agent is shown as rejected with its reason, one that came too late as expired, a forgotten one as unknown', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  for (const [code, state] of [
    ['not-a-target', 'rejected'],
    ['order-expired', 'expired'],
    ['order-forgotten', 'interrupted'],
  ] as const) {
    const job = await create(world);
    const bundle = agent.open(session.of('deliver').at(-1) as never);
    session.send('status', {
      jobId: bundle.order.jobId,
      orderHash: bundle.orderHash,
      state: 'refused',
      code,
    });
    await world.clock.settle();
    const { runs } = await world.controller.verbs.jobs.show(job);
    assert.deepEqual([runs[0]?.state, runs[0]?.code], [state, code]);
  }
});

test('the history keeps no secret: neither input nor the values of variables, and K is gone when the job is over', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  const secret = 'hunter2-hunter2';
  const job = await create(world, {
    tasks: [{ command: { argv: ['cat'], stdin: Buffer.from(secret).toString('base64') } }],
    env: { PASSWORD: secret },
  });
  session.send('report', agent.report(delivered(agent, session)));
  await world.clock.settle();
  const tables = ['jobs', 'runs', 'run_events', 'audit', 'reports'];
  for (const table of tables) {
    const rows = await world.db.read<Record<string, unknown>>({ sql: `select * from ${table}`, values: [] });
    for (const value of rows.flatMap((row) => Object.values(row))) {
      const text = value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : String(value);
      assert.ok(!text.includes(secret) && !text.includes(Buffer.from(secret).toString('base64')), table);
    }
  }
  const left = await world.db.read({
    sql: 'select job_id from bundles where job_id = ?',
    values: [job],
  });
  assert.deepEqual(left, []);
});

test('removing an agent ends its runs: what waited is cancelled, what was sent is lost', async (t) => {
  const world = await controllerWorld(t);
  const [on, off] = [await joined(world, 'on'), await joined(world, 'off')];
  await on.connect();
  const job = await create(world, { ttlMs: 3_600_000 });
  for (const agent of [on, off]) await world.controller.verbs.agents.remove(agent.id, ADMIN);
  await world.clock.settle();
  assert.deepEqual(await states(world, job), { off: 'cancelled', on: 'lost' });
  assert.equal((await world.controller.verbs.jobs.show(job)).state, 'over');
});

test('what was done is in the audit log, by whom, and the chain verifies', async (t) => {
  const world = await controllerWorld(t);
  await joined(world, 'web-1');
  const job = await create(world, { reason: 'ticket 12' });
  await world.controller.verbs.jobs.cancel(job, RUNNER);
  const entries = await world.controller.verbs.audit.list({ afterSeq: 0, limit: 100 });
  assert.deepEqual(entries.map((entry) => [entry.actor, entry.action]).slice(-2), [
    ['kim', 'job.create'],
    ['kim', 'job.cancel'],
  ]);
  assert.equal(entries.at(-2)?.detail.reason, 'ticket 12');
  const verifying = world.controller.verbs.audit.verify();
  await world.clock.advance(10);
  assert.equal((await verifying).ok, true);
});

test('output of a job that the store does not have is acknowledged, so that it blocks nothing', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  const jobId = new Uint8Array(16).fill(3);
  session.send('output', {
    jobId,
    attempt: 1,
    stream: 'stdout',
    offset: 0,
    position: 0,
    data: Buffer.from('abc'),
  });
  await world.clock.settle();
  assert.equal(session.of('outputAck')[0]?.value.position, 3);
});

test('output past the cap of its order ends the session, and nothing is stored after the end', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  const job = await create(world, { outputCapBytes: 4 });
  const bundle = delivered(agent, session);
  const { jobId } = bundle.order;
  const data = Buffer.from('abcdef');
  session.send('report', agent.report(bundle));
  await world.clock.settle();
  session.send('output', {
    jobId,
    attempt: 1,
    stream: 'stdout',
    offset: 0,
    position: 0,
    data: data.subarray(0, 4),
  });
  await world.clock.settle();
  assert.deepEqual(await history(world, job), ['created', 'queued', 'sent', 'succeeded', 'ended']);
  await create(world, { outputCapBytes: 4 });
  const next = agent.open(session.of('deliver').at(-1) as never);
  session.send('output', {
    jobId: next.order.jobId,
    attempt: 1,
    stream: 'stdout',
    offset: 0,
    position: 0,
    data,
  });
  await world.clock.settle();
  assert.equal(session.refusal?.code, 'malformed');
});

test('output that is missing at the end, or has a gap, is never passed off as complete', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  const job = await create(world);
  const bundle = delivered(agent, session);
  const output = {
    length: 5000,
    stored: 5000,
    sha512: new Uint8Array(64),
    gaps: [{ stream: 'stderr', offset: 7 }],
  };
  session.send('report', agent.report(bundle, { output }));
  await world.clock.settle();
  const [run] = (await world.controller.verbs.jobs.show(job)).runs;
  assert.deepEqual([run?.storedBytes, run?.outputBytes, run?.truncated], [0, 5000, true]);
  assert.deepEqual(run?.gaps, output.gaps);
  assert.match(run?.reason ?? '', /^the last 5000 bytes .* did not arrive/);
});

test('a run that was sent while its job was cancelled is not called cancelled before its agent says so', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const job = await create(world, { ttlMs: 3_600_000 });
  const [session] = await Promise.all([agent.connect(), world.controller.verbs.jobs.cancel(job, RUNNER)]);
  await world.clock.settle();
  const state = (await states(world, job))['web-1'];
  assert.ok(
    state === 'cancelled' ? session.of('deliver').length === 0 : session.of('cancel').length > 0,
    state,
  );
});

test('an agent that was named and may not work is an error, one that a pattern meant is left out', async (t) => {
  const world = await controllerWorld(t);
  await joined(world, 'web-1');
  const waiting = await joined(world, 'web-2');
  await waiting.connect();
  const clone = fakeAgent(
    () => world.controller.gateway,
    world.clock,
    decodeToken(
      (
        await world.controller.verbs.tokens.create(
          { ttlMs: 60_000, labels: {}, allowLabels: [], uses: 1, approve: 'auto' },
          ADMIN,
        )
      ).token,
    ),
    'web-2',
  );
  clone.instance = new Uint8Array(16).fill(9);
  await clone.connect();
  const verbs = world.controller.verbs.jobs;
  await assert.rejects(verbs.create(request({ targets: 'web-1,web-2' }), RUNNER), {
    code: 'agent-quarantined',
  });
  assert.deepEqual(
    (await verbs.create(request({ targets: 'web-*' }), RUNNER)).targets.map(({ name }) => name),
    ['web-1'],
  );
});

test('forty large orders for one slow agent neither cut it off nor pile up, and all arrive in the end', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  const release = session.stall();
  const content = Buffer.alloc(700_000, '#').toString('base64');
  const task = { script: { content, args: [], name: 'large' } };
  for (let made = 0; made < 40; made++) await create(world, { tasks: [task], ttlMs: 3_600_000 });
  assert.equal(session.closed, false);
  release();
  assert.ok(session.of('deliver').length <= 2, `${session.of('deliver').length} were held`);
  await world.clock.advance(1_000);
  assert.equal(session.of('deliver').length, 40);
});

test('an order whose store cannot be read stays sent, and is delivered once it can', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const job = await create(world, { ttlMs: 3_600_000 });
  await world.restart();
  const read = world.db.read;
  world.db.read = (async (query) => {
    if (/"ciphertext"/.test(query.sql)) throw new MusterError('store-failed', 'disk');
    return read.call(world.db, query);
  }) as typeof read;
  const session = await agent.connect();
  assert.deepEqual(await states(world, job), { 'web-1': 'sent' });
  assert.equal(session.of('deliver').length, 0);
  world.db.read = read;
  await world.clock.advance(5_000);
  assert.equal(session.of('deliver').length, 1);
});

test('the counts of a job are those of its runs, after whatever happened to them', async (t) => {
  const world = await controllerWorld(t);
  const agents = await Promise.all(['a', 'b', 'c', 'd'].map((name) => joined(world, name)));
  const sessions = await Promise.all(agents.slice(0, 3).map((agent) => agent.connect()));
  const job = await create(world);
  const agree = async (): Promise<void> => {
    const { runs, counts } = await world.controller.verbs.jobs.show(job);
    const counted: Record<string, number> = {};
    for (const run of runs) counted[run.state] = (counted[run.state] ?? 0) + 1;
    assert.deepEqual(counts, counted);
    assert.deepEqual((await world.controller.verbs.jobs.list({ limit: 10 }))[0]?.counts, counted);
  };
  await agree();
  const [first, second] = agents.map((agent, at) => sessions[at] && delivered(agent, sessions[at]));
  const about = { jobId: first?.order.jobId, orderHash: first?.orderHash, attempt: 1, state: 'running' };
  sessions[0]?.send('status', about as never);
  await world.clock.settle();
  await agree();
  if (first) sessions[0]?.send('report', agents[0]?.report(first) as never);
  await world.clock.settle();
  await agree();
  await world.clock.advance(600_000);
  await agree();
  // It was given up, and its outcome replaces that.
  const back = await agents[1]?.connect();
  if (second) back?.send('report', agents[1]?.report(second) as never);
  await world.clock.settle();
  await agree();
  assert.deepEqual((await world.controller.verbs.jobs.show(job)).counts, {
    succeeded: 2,
    lost: 1,
    expired: 1,
  });
});

test('a list of jobs and the figures of the house read no runs, however many there are', async (t) => {
  const world = await controllerWorld(t);
  await (await joined(world, 'web-1')).connect();
  await joined(world, 'web-2');
  await create(world);
  const asked: string[] = [];
  const read = world.db.read;
  world.db.read = (async (query) => {
    asked.push(query.sql);
    return read.call(world.db, query);
  }) as typeof read;
  const [job] = await world.controller.verbs.jobs.list({ limit: 10 });
  assert.deepEqual(job?.counts, { sent: 1, queued: 1 });
  assert.deepEqual((await world.controller.verbs.figures()).runs, { sent: 1, queued: 1 });
  assert.ok(asked.length >= 3);
  assert.deepEqual(
    asked.filter((text) => /(from|join) "runs"/.test(text)),
    [],
  );
});

test('a list of finished jobs is full, however many newer ones run', async (t) => {
  const world = await controllerWorld(t);
  await joined(world, 'web-1');
  const finished = await create(world, { ttlMs: 3_600_000 });
  await world.controller.verbs.jobs.cancel(finished, RUNNER);
  for (let more = 0; more < 3; more += 1) {
    await world.clock.advance(1);
    await create(world, { ttlMs: 3_600_000 });
  }
  const list = await world.controller.verbs.jobs.list({ state: 'over', limit: 2 });
  assert.deepEqual(
    list.map(({ job }) => job),
    [finished],
  );
});

test('who follows one quiet run of a large job does not read again what the others wrote', async (t) => {
  const world = await controllerWorld(t);
  const [quiet, loud] = [await joined(world, 'quiet'), await joined(world, 'loud')];
  const session = await loud.connect();
  const job = await create(world, { ttlMs: 3_600_000 });
  const { order } = delivered(loud, session);
  const { runs } = await world.controller.verbs.jobs.show(job);
  const agentId = runs.find(({ agent }) => agent === 'quiet')?.agentId ?? '';
  const history = openHistory(world.controller.verbs.jobs, { jobId: job, after: 0, agentId });
  await history.next();
  for (let position = 0; position < 20; position += 1)
    session.send('output', {
      ...{ jobId: order.jobId, attempt: 1, stream: 'stdout', offset: position, position, data: Buffer.of(1) },
    });
  await world.clock.settle();
  const { events } = await world.controller.verbs.jobs.events(job, 0, 100);
  assert.deepEqual((await history.next()).events, []);
  assert.equal(history.seq, events.at(-1)?.seq);
  await quiet.connect();
  await world.clock.settle();
  assert.deepEqual(
    (await history.next()).events.map((event) => event.kind === 'state' && event.state),
    ['sent'],
  );
});

test('audit verify checks the reports that were not checked yet, and a bad one is in the log that it verifies', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  await create(world);
  const { report } = agent.report(delivered(agent, session));
  session.send('report', { report, signature: new Uint8Array(64).fill(5) });
  await world.clock.settle();
  const verifying = world.controller.verbs.audit.verify();
  for (let turn = 0; turn < 10; turn++) await world.clock.advance(1);
  assert.equal((await verifying).ok, true);
  const entries = await world.controller.verbs.audit.list({ afterSeq: 0, limit: 100 });
  assert.equal(entries.at(-1)?.action, 'agent.quarantine');
});
