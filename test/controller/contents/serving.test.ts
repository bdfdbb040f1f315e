import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeToken } from '../../../certs/enrolment.ts';
import type { JobRequest } from '../../../controller/api/verbs.ts';
import { openChunk, SEALED_CHUNK_BYTES } from '../../../proto/content.ts';
import { LIMITS } from '../../../proto/limits.ts';
import { ADMIN, type ControllerWorld, controllerWorld } from '../../support/controller-world.ts';
import { type FakeAgent, type FakeSession, fakeAgent } from '../../support/fake-agent.ts';
import { bytesOf, manifestOf, type Uploaded, upload } from './world.ts';

const CHUNK = LIMITS.contentChunkBytes;
const BYTES = bytesOf(5 * CHUNK + 9);
const DAY_MS = 86_400_000;

async function joined(world: ControllerWorld, name: string): Promise<FakeAgent> {
  const { token } = await world.controller.verbs.tokens.create(
    { ttlMs: 60_000, labels: {}, allowLabels: [], uses: 2, approve: 'auto' },
    ADMIN,
  );
  const agent = fakeAgent(() => world.controller.gateway, world.clock, decodeToken(token), name);
  await agent.join(token);
  return agent;
}

async function create(
  world: ControllerWorld,
  tasks: JobRequest['tasks'],
  more: Partial<JobRequest> = {},
): Promise<string> {
  const request = { targets: 'web-1', tasks, timeoutMs: 60_000, ttlMs: 15_000, ...more };
  const { job } = await world.controller.verbs.jobs.create(request, ADMIN);
  await world.clock.settle();
  return job;
}

const fileTask = (content: Uploaded): JobRequest['tasks'] => [
  { file: { path: '/x', state: 'file', content } },
];

interface Stage {
  world: ControllerWorld;
  agent: FakeAgent;
  session: FakeSession;
  content: Uploaded;
  job: string;
}

/** A job with a large file for web-1, which is online. */
async function stage(t: { after(fn: () => unknown): void }, bytes = BYTES): Promise<Stage> {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  const content = await upload(world, bytes);
  return { world, agent, session, content, job: await create(world, fileTask(content)) };
}

async function ask(
  { world, session, content, job }: Stage,
  more: { from?: number; count?: number; job?: string; sha512?: string } = {},
): Promise<void> {
  session.send('contentRequest', {
    jobId: Buffer.from(more.job ?? job, 'hex'),
    sha512: Buffer.from(more.sha512 ?? content.sha512, 'hex'),
    from: more.from ?? 0,
    count: more.count ?? 1,
  });
  for (let turn = 0; turn < 60; turn++) await world.clock.advance(5);
}

const chunksOf = (session: FakeSession) => session.of('contentChunk').map(({ value }) => value);
const refusals = (session: FakeSession) => session.of('contentRefusal').map(({ value }) => value.code);

test('an agent whose job names a content gets the range that it asks for, and opens it with the key of its order', async (t) => {
  const at = await stage(t);
  const [frame] = at.session.of('deliver');
  assert.ok(frame);
  const named = at.agent.open(frame).order.tasks[0]?.file?.content;
  assert.ok(named);
  await ask(at, { from: 1, count: 5 });
  const chunks = chunksOf(at.session);
  assert.deepEqual(
    chunks.map(({ index }) => index),
    [1, 2, 3, 4, 5],
  );
  const plain = chunks.map(
    ({ index, data }) => openChunk(named.key, named.length, index, data) ?? Buffer.alloc(0),
  );
  assert.ok(Buffer.concat(plain).equals(BYTES.subarray(CHUNK)));
  assert.deepEqual(refusals(at.session), []);
});

const REFUSED: Record<string, (at: Stage) => Promise<Parameters<typeof ask>[1]>> = {
  'content of another job': async ({ world }) => {
    const other = await upload(world, bytesOf(100, 'other'));
    return { job: await create(world, fileTask(other)) };
  },
  'content that no job names': async ({ world }) => ({
    sha512: (await upload(world, bytesOf(100, 'other'))).sha512,
  }),
  'content that nobody uploaded': async () => ({ sha512: 'ab'.repeat(64) }),
  'a job that is not there': async () => ({ job: '99'.repeat(16) }),
  'a job of another agent': async ({ world, content }) => {
    await joined(world, 'db-1');
    return { job: await create(world, fileTask(content), { targets: 'db-1' }) };
  },
  'a job that was cancelled': async ({ world, job, agent, session }) => {
    const [frame] = session.of('deliver');
    assert.ok(frame);
    session.send('report', agent.report(agent.open(frame), { state: 'cancelled' }));
    await world.clock.settle();
    return { job };
  },
  'a job whose run is lost': async ({ world }) => {
    await world.clock.advance(3 * 3_600_000);
    return {};
  },
  'chunks behind the end': async () => ({ from: 6, count: 1 }),
  'a range that goes past the end': async () => ({ from: 5, count: 2 }),
  'a range that begins far behind': async () => ({ from: 0xffff_fff0, count: 2 }),
};
for (const [what, prepare] of Object.entries(REFUSED))
  test(`refused: ${what}`, async (t) => {
    const at = await stage(t);
    const more = await prepare(at);
    // Time may have cut the session; what is asked is asked in a live one.
    if (at.session.closed) at.session = await at.agent.connect();
    await ask(at, more);
    assert.deepEqual(refusals(at.session), ['content-refused']);
    assert.equal(chunksOf(at.session).length, 0);
    assert.ok(!at.session.closed);
  });

const MALFORMED: Record<string, { from?: number; count?: number; job?: string; sha512?: string }> = {
  'no chunk at all': { count: 0 },
  'more than a window': { count: LIMITS.contentWindowChunks + 1 },
  'a short digest': { sha512: 'abcd' },
  'a short job id': { job: 'abcd' },
};
for (const [what, more] of Object.entries(MALFORMED))
  test(`a session ends over a request for ${what}`, async (t) => {
    const at = await stage(t);
    await ask(at, more);
    assert.equal(at.session.refusal?.code, 'malformed');
    assert.equal(chunksOf(at.session).length, 0);
  });

test('a session ends over more requests than anybody needs', async (t) => {
  const at = await stage(t);
  at.session.stall();
  for (let request = 0; request < 40; request++)
    at.session.send('contentRequest', {
      jobId: Buffer.from(at.job, 'hex'),
      sha512: Buffer.from(at.content.sha512, 'hex'),
      from: 0,
      count: 6,
    });
  await at.world.clock.advance(200);
  assert.ok(at.session.closed);
});

test('an agent that was removed gets nothing more', async (t) => {
  const at = await stage(t);
  at.session.stall();
  await at.world.controller.verbs.agents.remove(at.agent.id, ADMIN);
  await at.world.clock.advance(100);
  at.session.sendRaw(Buffer.alloc(40));
  assert.equal(chunksOf(at.session).length, 0);
  assert.ok((await at.agent.connect()).refusal);
});

test('an agent that takes nothing is sent no more than a little, and an order for it does not wait behind a file', async (t) => {
  const at = await stage(t, bytesOf(32 * CHUNK));
  const before = at.world.contentDisk.calls;
  const letThrough = at.session.stall();
  await ask(at, { count: 32 });
  const reads = at.world.contentDisk.calls - before;
  assert.ok(reads <= 3, `${reads} reads`);
  await create(at.world, [{ command: { argv: ['true'] } }]);
  letThrough();
  assert.equal(at.session.of('deliver').length, 2, 'the order came with the first chunks');
  for (let turn = 0; turn < 60; turn++) await at.world.clock.advance(5);
  assert.equal(chunksOf(at.session).length, 32);
});

test('agents take turns: one that asked first for much does not keep another waiting', async (t) => {
  const world = await controllerWorld(t);
  const content = await upload(world, bytesOf(64 * CHUNK));
  const agents = await Promise.all(['web-1', 'web-2'].map((name) => joined(world, name)));
  const order: number[] = [];
  const sessions: FakeSession[] = [];
  for (const agent of agents) sessions.push(await agent.connect());
  const job = await create(world, fileTask(content), { targets: 'all' });
  for (const [who, session] of sessions.entries()) {
    const { frames } = session;
    const push = frames.push.bind(frames);
    frames.push = (...more) => {
      for (const frame of more) if (frame.kind === 'contentChunk') order.push(who);
      return push(...more);
    };
    session.send('contentRequest', {
      jobId: Buffer.from(job, 'hex'),
      sha512: Buffer.from(content.sha512, 'hex'),
      from: 0,
      count: 32,
    });
  }
  for (let turn = 0; turn < 60; turn++) await world.clock.advance(5);
  assert.equal(order.length, 64);
  assert.ok(order.slice(0, 20).includes(1), 'the second is served while the first is');
});

for (const isCut of [true, false])
  test(`what was asked for in a session that ${isCut ? 'was cut' : 'a newer one took over'} is not sent into the next`, async (t) => {
    const at = await stage(t, bytesOf(32 * CHUNK));
    at.session.stall();
    await ask(at, { count: 32 });
    if (isCut) at.session.close();
    const next = await at.agent.connect();
    for (let turn = 0; turn < 60; turn++) await at.world.clock.advance(5);
    assert.equal(chunksOf(next).length, 0);
  });

test('bytes that were damaged on the disk are not sent, and can be uploaded again under the same key', async (t) => {
  const at = await stage(t);
  const file = at.world.contentDisk.files.get(at.content.sha512) ?? Buffer.alloc(0);
  file[3 * SEALED_CHUNK_BYTES + 5] = (file[3 * SEALED_CHUNK_BYTES + 5] ?? 0) ^ 1;
  await ask(at, { count: 6 });
  assert.deepEqual(refusals(at.session), ['content-corrupt']);
  assert.ok(chunksOf(at.session).every(({ index }) => index < 3));
  assert.equal((await at.world.controller.verbs.contents.show(at.content.sha512)).have, 3 * CHUNK);
  assert.deepEqual(await upload(at.world, BYTES), at.content);
  await ask(at, { from: 3, count: 3 });
  assert.equal(chunksOf(at.session).at(-1)?.index, 5);
});

test('a file that is gone from the disk is a refusal, and no crash', async (t) => {
  const at = await stage(t);
  at.world.contentDisk.files.clear();
  await ask(at);
  assert.deepEqual(refusals(at.session), ['content-corrupt']);
});

test('a job must name what was uploaded, exactly', async (t) => {
  const world = await controllerWorld(t);
  await joined(world, 'web-1');
  const content = await upload(world, BYTES);
  const wrong: Record<string, Uploaded> = {
    'not uploaded': { ...content, sha512: 'ab'.repeat(64) },
    'another key': { ...content, key: 'ab'.repeat(32) },
    'another length': { ...content, length: content.length + 1 },
  };
  for (const [what, one] of Object.entries(wrong))
    await assert.rejects(create(world, fileTask(one)), { code: 'no-such-content' }, what);
  const half = bytesOf(3 * CHUNK, 'half');
  const { sha512 } = await upload(world, half);
  await world.db.write([{ sql: "update contents set state = 'partial' where sha512 = ?", values: [sha512] }]);
  await assert.rejects(create(world, fileTask({ sha512, length: half.length, key: 'ab'.repeat(32) })), {
    code: 'no-such-content',
  });
  await create(world, fileTask(content));
});

test('what a manifest names has to be there, and may be fetched by whoever gets the tree', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  const file = await upload(world, BYTES);
  const tree = async (files: Record<string, Uploaded>) =>
    create(world, [{ tree: { path: '/srv', manifest: await upload(world, manifestOf(files)) } }]);
  await assert.rejects(tree({ a: { ...file, sha512: 'ab'.repeat(64) } }), { code: 'no-such-content' });
  await assert.rejects(tree({ '../a': file }), { code: 'bad-request' });
  await assert.rejects(create(world, [{ tree: { path: '/srv', manifest: file } }]), { code: 'bad-request' });
  const job = await tree({ a: file, b: file });
  await ask({ world, agent, session, content: file, job });
  assert.equal(chunksOf(session).length, 1);
});

test('contents go some days after their last use, and never while a job that names them lives', async (t) => {
  const at = await stage(t);
  const unused = await upload(at.world, bytesOf(50, 'unused'));
  const later = async (days: number): Promise<string[]> => {
    at.world.clock.stepWall(days * DAY_MS);
    await at.world.restart();
    await at.world.clock.settle();
    return [...at.world.contentDisk.files.keys()];
  };
  const endsIn = (days: number) =>
    at.world.db.write([
      { sql: 'update runs set deadline_at_ms = ?', values: [at.world.clock.now() + days * DAY_MS] },
    ]);
  // The run has no outcome for as long as its deadline is far.
  await endsIn(30);
  assert.deepEqual(await later(8), [at.content.sha512]);
  assert.equal((await at.world.controller.verbs.contents.show(unused.sha512)).length, null);
  await endsIn(0);
  // A controller that just started gives everybody time to come back.
  await at.world.clock.advance(10 * 60_000);
  assert.equal((await at.world.controller.verbs.jobs.show(at.job)).state, 'over');
  assert.deepEqual(await later(6), [at.content.sha512]);
  assert.deepEqual(await later(2), []);
});

test('all contents that nobody uses go, also where they are a large tree', async (t) => {
  const world = await controllerWorld(t);
  const boxes = Array.from({ length: 450 }, (_, index) => index.toString(16).padStart(128, '0'));
  await world.db.write(
    boxes.map((sha512) => ({
      sql: "insert into contents values (?, 0, x'00', 'complete', 1, 1, null)",
      values: [sha512],
    })),
  );
  await world.restart();
  // It stops when it is done.
  await world.controller.stop();
  const [left] = await world.db.read<{ n: number }>({ sql: 'select count(*) n from contents', values: [] });
  assert.equal(left?.n, 0);
});

test('a controller that was killed serves the same contents again', async (t) => {
  const at = await stage(t);
  await at.world.restart();
  at.session = await at.agent.connect();
  await ask(at, { count: 6 });
  assert.equal(chunksOf(at.session).length, 6);
});
