import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeToken } from '../../../certs/enrolment.ts';
import type { TokenRequest } from '../../../controller/api/verbs.ts';
import type { ControllerEvent } from '../../../controller/events.ts';
import { MusterError } from '../../../proto/errors.ts';
import { ADMIN, type ControllerWorld, controllerWorld } from '../../support/controller-world.ts';
import { type FailingDatabase, failingDatabase } from '../../support/failing-database.ts';
import { fakeAgent } from '../../support/fake-agent.ts';
import { created, joined, taken } from '../retention/fixture.ts';

const MIB = 1024 * 1024;
const TOKEN: TokenRequest = { ttlMs: 60_000, labels: {}, allowLabels: [], uses: 1, approve: 'auto' };

const codeOf = (action: Promise<unknown>): Promise<string> =>
  action.then(
    () => 'done',
    (error: unknown) => (error instanceof MusterError ? error.code : String(error)),
  );

async function worldThatFails(t: { after(fn: () => unknown): void }) {
  const made: { disk?: FailingDatabase } = {};
  const world = await controllerWorld(t, {
    wrap: (db) => {
      made.disk = failingDatabase(db);
      return made.disk;
    },
  });
  if (!made.disk) throw new Error('no disk');
  return { world, disk: made.disk };
}

function heard(world: ControllerWorld): string[] {
  const types: string[] = [];
  world.controller.bus.on((event: ControllerEvent) => {
    if (event.type.startsWith('store-')) types.push(event.type);
  });
  return types;
}

test('a disk with little room takes no new job, token, operator or agent, and all results; then it opens again by itself', async (t) => {
  const world = await controllerWorld(t, { keeping: { reserveBytes: 100 * MIB } });
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  const { verbs } = world.controller;
  const { token } = await verbs.tokens.create(TOKEN, ADMIN);
  const job = await created(world);
  const types = heard(world);
  world.contentDisk.free = 99 * MIB;
  await world.clock.advance(5_000);
  assert.deepEqual(types, ['store-full']);
  const request = { targets: 'all', tasks: [{ command: { argv: ['true'] } }], timeoutMs: 1, ttlMs: 1 };
  assert.equal(await codeOf(verbs.jobs.create(request, ADMIN)), 'store-full');
  assert.equal(await codeOf(verbs.tokens.create(TOKEN, ADMIN)), 'store-full');
  assert.equal(await codeOf(verbs.operators.add({ name: 'kim', role: 'viewer' }, ADMIN)), 'store-full');
  const upload = { sha512: 'ab'.repeat(64), offset: 0, length: 0, body: (async function* () {})() };
  assert.equal(await codeOf(verbs.contents.put(upload, ADMIN)), 'store-full');
  const late = fakeAgent(() => world.controller.gateway, world.clock, decodeToken(token), 'web-2');
  assert.equal((await late.join(token)).refusal?.code, 'store-full');
  const status = await verbs.status();
  assert.match(status.storage.full ?? '', /^99 MiB of its disk are free/);
  assert.match(status.warnings.join('\n'), /^new jobs are refused: 99 MiB/m);
  const bundle = taken(agent, session);
  session.send('output', {
    ...{ jobId: bundle.order.jobId, attempt: 1, stream: 'stdout', offset: 0, position: 0 },
    data: Buffer.from('out'),
  });
  session.send('report', agent.report(bundle, {}, Buffer.from('out')));
  await world.clock.settle();
  assert.equal(session.of('receipt').at(-1)?.value.reportSeq, 1);
  assert.equal((await verbs.jobs.show(job)).runs[0]?.state, 'succeeded');
  world.contentDisk.free = 120 * MIB;
  await world.clock.advance(2_000);
  assert.equal(await codeOf(verbs.jobs.create(request, ADMIN)), 'store-full', 'not to and fro');
  world.contentDisk.free = 125 * MIB;
  await world.clock.advance(2_000);
  assert.deepEqual(types, ['store-full', 'store-room']);
  assert.equal(await codeOf(verbs.jobs.create(request, ADMIN)), 'done');
  assert.equal((await late.join(token)).of('enrolled').length, 1, 'the token was not burnt');
});

test('words that the disk does not take are not answered, and cut nobody off; they come again when it does', async (t) => {
  const { world, disk } = await worldThatFails(t);
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  const job = await created(world);
  const bundle = taken(agent, session);
  const types = heard(world);
  disk.fails = () => true;
  const report = agent.report(bundle, {}, Buffer.from('out'));
  const piece = {
    ...{ jobId: bundle.order.jobId, attempt: 1, stream: 'stdout', offset: 0, position: 0 },
    data: Buffer.from('out'),
  } as const;
  session.send('output', piece);
  session.send('report', report);
  for (let second = 0; second < 60; second++) {
    session.send('ping', { id: second, timeMs: world.clock.now() });
    await world.clock.advance(1_000);
  }
  assert.deepEqual(
    [session.of('outputAck').length, session.of('receipt').length, session.closed],
    [0, 0, false],
    'nothing acknowledged, and no session torn down',
  );
  assert.equal(session.of('pong').length, 60);
  assert.deepEqual(types, ['store-full']);
  const retried = disk.writes;
  await world.clock.advance(10_000);
  assert.ok(disk.writes - retried < 30, `${disk.writes - retried} writes in ten seconds`);
  disk.fails = () => false;
  await world.clock.advance(3_000);
  assert.deepEqual(types, ['store-full', 'store-writable', 'store-room']);
  assert.equal(session.refusal?.code, 'try-later', 'it is asked to come back with what it kept');
  assert.equal(session.closed, true);
  const again = await agent.connect();
  assert.equal(again.of('ready').at(-1)?.value.receipt ?? null, null);
  again.send('output', piece);
  again.send('report', report);
  await world.clock.settle();
  assert.equal(again.of('receipt').at(-1)?.value.reportSeq, 1);
  const [run] = (await world.controller.verbs.jobs.show(job)).runs;
  assert.deepEqual([run?.state, run?.storedBytes, run?.truncated], ['succeeded', 3, false]);
});

test('what an agent says after a word that was not stored is not stored either, though it could be by then', async (t) => {
  const { world, disk } = await worldThatFails(t);
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  const job = await created(world);
  const bundle = taken(agent, session);
  const failing = disk.writes + 1;
  disk.fails = (write) => write === failing;
  session.send('output', {
    ...{ jobId: bundle.order.jobId, attempt: 1, stream: 'stdout', offset: 0, position: 0 },
    data: Buffer.from('out'),
  });
  await world.clock.settle();
  session.send('report', agent.report(bundle, {}, Buffer.from('out')));
  await world.clock.settle();
  assert.equal(session.of('receipt').length, 0);
  assert.notEqual((await world.controller.verbs.jobs.show(job)).state, 'over');
});

/**
 * One agent's whole life with the controller, up to a stored report. Every step is tried until it works, as operator and agent
 * would; whatever was acknowledged must be there at the end.
 */
async function life(world: ControllerWorld): Promise<string[]> {
  const story: string[] = [];
  const retry = async <T>(what: string, action: () => Promise<T | undefined>): Promise<T> => {
    for (let attempt = 0; attempt < 20; attempt++) {
      const result = await action().catch((error: unknown) => {
        assert.ok(error instanceof MusterError, String(error));
        assert.ok(['store-failed', 'store-full'].includes(error.code), error.code);
        return undefined;
      });
      if (result !== undefined) return result;
      story.push(what);
      await world.clock.advance(3_000);
    }
    throw new Error(`${what} never worked`);
  };
  const { verbs } = world.controller;
  const { token } = await retry('token', () => verbs.tokens.create({ ...TOKEN, ttlMs: 600_000 }, ADMIN));
  const agent = fakeAgent(() => world.controller.gateway, world.clock, decodeToken(token), 'web-1');
  await retry('join', async () => {
    const joining = await agent.join(token);
    return joining.of('enrolled').length === 1 || undefined;
  });
  let session = await retry('connect', async () => {
    const opened = await agent.connect();
    return opened.of('ready').length === 1 ? opened : undefined;
  });
  const request = { targets: 'all', tasks: [{ command: { argv: ['true'] } }], timeoutMs: 60_000 };
  const { job } = await retry('job', () =>
    verbs.jobs.create({ ...request, ttlMs: 600_000, idempotencyKey: 'once' }, ADMIN),
  );
  const frame = await retry('deliver', async () => {
    await world.clock.settle();
    if (session.closed) session = await agent.connect();
    return session.of('deliver').at(-1);
  });
  const bundle = agent.open(frame);
  const report = agent.report(bundle, {}, Buffer.from('out'));
  await retry('report', async () => {
    if (session.closed) session = await agent.connect();
    if (session.of('ready').length === 0) return undefined;
    session.send('status', {
      ...{ jobId: bundle.order.jobId, orderHash: bundle.orderHash, attempt: 1, state: 'running' },
    });
    session.send('output', {
      ...{ jobId: bundle.order.jobId, attempt: 1, stream: 'stdout', offset: 0, position: 0 },
      data: Buffer.from('out'),
    });
    session.send('report', report);
    await world.clock.settle();
    return session.of('receipt').length > 0 || undefined;
  });
  const jobs = await verbs.jobs.list({ limit: 10 });
  assert.deepEqual(
    jobs.map((one) => [one.job, one.counts]),
    [[job, { succeeded: 1 }]],
    'one job, with its outcome',
  );
  const [run] = (await verbs.jobs.show(job)).runs;
  assert.deepEqual([run?.state, run?.storedBytes, run?.truncated], ['succeeded', 3, false]);
  return story;
}

test('a write that fails at any step is refused cleanly there, and everything ends well afterwards', async (t) => {
  const { world: whole, disk: counted } = await worldThatFails(t);
  await life(whole);
  const steps = counted.writes;
  assert.ok(steps > 8, `${steps} writes`);
  for (const length of [1, 3])
    for (let step = 1; step <= steps; step++) {
      await t.test(`${length} from write ${step} of ${steps} on`, async (each) => {
        // What the controller writes at its start is refused by its start.
        const { world, disk } = await worldThatFails(each);
        const from = disk.writes + step;
        disk.fails = (write) => write >= from && write < from + length;
        await life(world);
      });
    }
});
