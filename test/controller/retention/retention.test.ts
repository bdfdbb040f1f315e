import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Keeping } from '../../../controller/config.ts';
import { k, query, sql } from '../../../controller/db/compile.ts';
import type { Database } from '../../../controller/db/database.ts';
import { MusterError } from '../../../proto/errors.ts';
import { ADMIN, type ControllerWorld, controllerWorld } from '../../support/controller-world.ts';
import type { FakeAgent, FakeSession } from '../../support/fake-agent.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { until } from '../../support/until.ts';
import { created, joined, reported, taken } from './fixture.ts';

const DAY = 86_400_000;
const HOUR = 3_600_000;
const KEPT: Keeping = { jobsMs: 90 * DAY, outputMs: 30 * DAY, outputBytes: null, reserveBytes: 0 };

async function rows(
  db: Database,
  table: 'jobs' | 'runs' | 'run_events' | 'reports' | 'audit',
): Promise<number> {
  const [row] = await db.read(
    query(() => k.selectFrom(table).select((e) => e.fn.countAll<number>().as('n')))(),
  );
  return row?.n ?? 0;
}

async function storedBytes(db: Database): Promise<number> {
  const [row] = await db.read(query(() => sql<{ n: number }>`select bytes as n from usage`)());
  const [counted] = await db.read(
    query(() => sql<{ n: number }>`select coalesce(sum(length(data)), 0) as n from run_events`)(),
  );
  assert.equal(row?.n, counted?.n, 'what the triggers count is what is there');
  return row?.n ?? 0;
}

/** Runs what needs zero-length turns of the clock. */
async function through<T>(world: ControllerWorld, action: Promise<T>): Promise<T> {
  let done = false;
  const ended = action.finally(() => {
    done = true;
  });
  for (let turn = 0; turn < 10_000 && !done; turn++) await world.clock.advance(0);
  return ended;
}

const prune = (
  world: ControllerWorld,
  olderThanMs: number,
  more: { outputOnly?: true; dryRun?: true } = {},
) =>
  through(
    world,
    world.controller.verbs.retention.prune({ olderThanMs, outputOnly: false, dryRun: false, ...more }, ADMIN),
  );

/** A job that ran on this agent and wrote `output`. */
async function ran(world: ControllerWorld, agent: FakeAgent, session: FakeSession, output: string) {
  const job = await created(world);
  await reported(world, agent, session, output);
  return job;
}

test('output goes after its time and its job later, and never what is not over', async (t) => {
  const world = await controllerWorld(t, { keeping: KEPT });
  // Days are long where a link looks after itself every few seconds: they pass in a suspend, and an hour after it.
  const pass = async (ms: number): Promise<void> => {
    world.clock.suspend(ms - HOUR);
    world.clock.stepWall(ms - HOUR);
    await world.clock.advance(HOUR);
  };
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  const old = await ran(world, agent, session, 'hello\n');
  const open = await created(world, { ttlMs: 20 * DAY, timeoutMs: 30 * DAY });
  const bundle = taken(agent, session);
  session.send('status', {
    ...{ jobId: bundle.order.jobId, orderHash: bundle.orderHash, attempt: 1, state: 'running' },
  });
  session.send('output', {
    ...{ jobId: bundle.order.jobId, attempt: 1, stream: 'stdout', offset: 0, position: 0 },
    data: Buffer.from('still running'),
  });
  await world.clock.settle();
  const { jobs } = world.controller.verbs;
  await pass(29 * DAY);
  assert.equal((await jobs.show(old)).outputPrunedAtMs, null);
  await pass(1.5 * DAY);
  const shown = await jobs.show(old);
  assert.ok(shown.outputPrunedAtMs, 'shown as pruned');
  assert.equal(shown.runs[0]?.state, 'succeeded');
  assert.equal(shown.runs[0]?.exitCode, 0);
  assert.equal(shown.runs[0]?.storedBytes, 6, 'what there was is still told');
  const { events } = await jobs.events(old, 0, 100);
  assert.deepEqual(
    events.filter((event) => event.kind === 'output'),
    [],
  );
  assert.ok(events.some((event) => event.kind === 'state' && event.state === 'succeeded'));
  assert.equal((await jobs.show(open)).outputPrunedAtMs, null);
  assert.equal(await storedBytes(world.db), 'still running'.length);
  await pass(60 * DAY);
  await assert.rejects(
    jobs.show(old),
    (error) => error instanceof MusterError && error.code === 'no-such-job',
  );
});

test('a clock that is set a year ahead removes nothing for a day, and nothing at all where it is set right by then', async (t) => {
  const world = await controllerWorld(t, { keeping: KEPT });
  const agent = await joined(world, 'web-1');
  const old = await ran(world, agent, await agent.connect(), 'hello\n');
  const { jobs } = world.controller.verbs;
  const year = 366 * DAY;
  world.clock.stepWall(year);
  for (let hour = 0; hour < 3; hour += 1) await world.clock.advance(HOUR);
  assert.equal((await jobs.show(old)).outputPrunedAtMs, null);
  world.clock.stepWall(-year);
  world.clock.suspend(DAY);
  world.clock.stepWall(DAY);
  await world.clock.advance(HOUR);
  assert.equal((await jobs.show(old)).outputPrunedAtMs, null);
  // Who leaves it so means it.
  world.clock.stepWall(year);
  await world.clock.advance(HOUR);
  world.clock.suspend(DAY);
  world.clock.stepWall(DAY);
  await world.clock.advance(HOUR);
  await assert.rejects(
    jobs.show(old),
    (error) => error instanceof MusterError && error.code === 'no-such-job',
  );
});

test('past the size limit the output of the job that ended first goes first', async (t) => {
  const world = await controllerWorld(t, { keeping: { ...KEPT, outputBytes: 2_500 } });
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  const made: string[] = [];
  for (const letter of ['a', 'b', 'c']) {
    made.push(await ran(world, agent, session, letter.repeat(1_000)));
    await world.clock.advance(1_000);
  }
  await world.clock.advance(20_000);
  const pruned = await Promise.all(
    made.map(async (job) => (await world.controller.verbs.jobs.show(job)).outputPrunedAtMs !== null),
  );
  assert.deepEqual(pruned, [true, false, false]);
  assert.equal(await storedBytes(world.db), 2_000);
});

test('prune says what it would remove, removes it with all that hangs on it, and leaves a line in the audit log', async (t) => {
  const world = await controllerWorld(t, { keeping: { ...KEPT, jobsMs: null, outputMs: null } });
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  for (const output of ['one', 'three', '']) await ran(world, agent, session, output);
  world.clock.stepWall(DAY + 1);
  await ran(world, agent, session, 'young');
  const before = await rows(world.db, 'audit');
  assert.deepEqual(await prune(world, DAY, { dryRun: true }), { jobs: 3, outputBytes: 8, more: false });
  assert.equal(await rows(world.db, 'jobs'), 4);
  assert.equal(await rows(world.db, 'audit'), before, 'what was not done is not told');
  assert.deepEqual(await prune(world, DAY, { outputOnly: true }), { jobs: 2, outputBytes: 8, more: false });
  assert.deepEqual(await prune(world, DAY, { outputOnly: true }), { jobs: 0, outputBytes: 0, more: false });
  assert.deepEqual(await prune(world, DAY), { jobs: 3, outputBytes: 0, more: false });
  assert.equal(await rows(world.db, 'jobs'), 1);
  assert.equal(await rows(world.db, 'runs'), 1);
  assert.equal(await rows(world.db, 'reports'), 1);
  assert.equal(await storedBytes(world.db), 5);
  const entries = await world.controller.verbs.audit.list({ afterSeq: before, limit: 100 });
  const lines = entries.filter((entry) => entry.action === 'jobs.prune');
  assert.deepEqual(
    lines.map(({ actor, detail }) => [actor, detail.what, detail.jobs, detail.outputBytes]),
    [
      ['admin', 'output', 2, 8],
      ['admin', 'jobs', 3, 0],
    ],
  );
  assert.equal((await through(world, world.controller.verbs.audit.verify())).ok, true);
});

test('a report of a pruned job is taken, receipted and changes nothing, and the chain goes on', async (t) => {
  const world = await controllerWorld(t, { keeping: KEPT });
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  const job = await created(world);
  const bundle = taken(agent, session);
  session.close();
  await world.clock.advance(120_000);
  assert.equal((await world.controller.verbs.jobs.show(job)).runs[0]?.state, 'lost');
  assert.equal((await prune(world, 0)).jobs, 1);
  const again = await agent.connect();
  again.send('output', {
    ...{ jobId: bundle.order.jobId, attempt: 1, stream: 'stdout', offset: 0, position: 0 },
    data: Buffer.from('late'),
  });
  again.send('report', agent.report(bundle, {}, Buffer.from('late')));
  await world.clock.settle();
  assert.equal(again.closed, false);
  assert.equal(
    again.of('outputAck').at(-1)?.value.position,
    4,
    'what nobody keeps must not block what follows',
  );
  assert.equal(again.of('receipt').at(-1)?.value.reportSeq, 1);
  assert.equal(await rows(world.db, 'jobs'), 0);
  assert.equal(await storedBytes(world.db), 0);
  const next = await created(world);
  again.send('report', agent.report(taken(agent, again)));
  await world.clock.settle();
  assert.equal((await world.controller.verbs.jobs.show(next)).runs[0]?.state, 'succeeded');
  assert.equal(again.of('receipt').at(-1)?.value.reportSeq, 2);
});

test('the last report of a chain outlives its job: a journal that comes back goes on after it', async (t) => {
  const world = await controllerWorld(t, { keeping: KEPT });
  const agent = await joined(world, 'web-1');
  const first = await agent.connect();
  await ran(world, agent, first, '');
  await world.clock.advance(1);
  assert.equal((await prune(world, 0)).jobs, 1);
  first.close();
  const journal = { epoch: agent.epoch, reportSeq: agent.reportSeq, chain: agent.chain };
  // Another journal for a while, then the old one again.
  Object.assign(agent, { epoch: Buffer.alloc(16, 7), reportSeq: 0, chain: new Uint8Array(32) });
  (await agent.connect()).close();
  Object.assign(agent, journal);
  const back = await agent.connect();
  await created(world);
  back.send('report', agent.report(taken(agent, back)));
  await world.clock.settle();
  assert.equal(back.of('receipt').at(-1)?.value.reportSeq, 2);
});

test('late output of a job whose output was pruned is taken and not kept, and its outcome says so of nothing else', async (t) => {
  const world = await controllerWorld(t, { keeping: KEPT });
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  const job = await created(world);
  const bundle = taken(agent, session);
  const piece = (position: number, text: string) =>
    ({
      ...{ jobId: bundle.order.jobId, attempt: 1, stream: 'stdout', offset: position, position },
      data: Buffer.from(text),
    }) as const;
  session.send('output', piece(0, 'first '));
  await world.clock.settle();
  session.close();
  await world.clock.advance(120_000);
  await prune(world, 0, { outputOnly: true });
  const again = await agent.connect();
  again.send('output', piece(6, 'second'));
  again.send('report', agent.report(bundle, {}, Buffer.from('first second')));
  await world.clock.settle();
  const [run] = (await world.controller.verbs.jobs.show(job)).runs;
  assert.deepEqual([run?.state, run?.storedBytes, run?.truncated], ['succeeded', 12, false]);
  assert.equal(await storedBytes(world.db), 0);
});

test('what a crash cut off in the middle is finished by the next controller', async (t) => {
  const world = await controllerWorld(t, { keeping: { ...KEPT, jobsMs: null, outputMs: null } });
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  const job = await ran(world, agent, session, 'x'.repeat(10_000));
  // As after a kill between the mark and the first removal.
  const id = Buffer.from(job);
  await world.db.write([
    { sql: 'update jobs set output_pruned_at_ms = 5 where id = ?', values: [job] },
    { sql: "insert into meta (key, value) values ('pruning', ?)", values: [id] },
  ]);
  session.close();
  await world.restart();
  await world.clock.advance(120_000);
  assert.equal(await storedBytes(world.db), 0);
  assert.equal((await world.controller.verbs.jobs.show(job)).outputPrunedAtMs, 5);
});

test('no transaction of a prune removes more than a megabyte, and the file shrinks', async (t) => {
  const path = join(temporaryFolder(t), 'muster.db');
  const world = await controllerWorld(t, { path, keeping: { ...KEPT, jobsMs: null, outputMs: null } });
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  const MIB = 1024 * 1024;
  const jobs: string[] = [];
  for (let index = 0; index < 2; index++) {
    jobs.push(await created(world, { outputCapBytes: 64 * MIB }));
    const bundle = taken(agent, session);
    const data = Buffer.alloc(64 * 1024, 65);
    for (let piece = 0; piece < 768; piece++) {
      const position = piece * data.length;
      session.send('output', {
        ...{ jobId: bundle.order.jobId, attempt: 1, stream: 'stdout', offset: position, position },
        data,
      });
      if (piece % 32 === 31) await world.clock.settle();
    }
    session.send('report', agent.report(bundle, {}, Buffer.alloc(768 * data.length, 65)));
    await world.clock.settle();
  }
  const full = world.db.size().bytes;
  assert.ok(full > 96 * MIB);
  await world.clock.advance(1);
  const commits = world.db.commits();
  assert.equal((await prune(world, 0, { outputOnly: true })).outputBytes, 96 * MIB);
  assert.ok(world.db.commits() - commits >= 96, 'many small transactions');
  await world.clock.advance(70_000);
  await until('the database shrank', () => world.db.size().bytes < 70 * MIB);
  await world.controller.stop();
  await world.db.close();
  assert.ok(statSync(path).size < 70 * MIB, 'on the disk too');
});

test('on a full disk old output goes at once, and what is free in the database goes back to the disk', async (t) => {
  const path = join(temporaryFolder(t), 'muster.db');
  const world = await controllerWorld(t, { path, keeping: { ...KEPT, outputMs: 1, reserveBytes: 1_000 } });
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  const job = await ran(world, agent, session, 'x'.repeat(60_000));
  await world.clock.advance(6_000);
  const full = world.db.size().bytes;
  assert.equal(
    (await world.controller.verbs.jobs.show(job)).outputPrunedAtMs,
    null,
    'not within its first minute',
  );
  world.contentDisk.free = 0;
  await world.clock.advance(5_000);
  await until('the output is gone', async () => (await storedBytes(world.db)) === 0);
  await until('the database is small', () => world.db.size().bytes < full - 40_000);
  assert.equal(world.db.size().freeBytes, 0);
});
