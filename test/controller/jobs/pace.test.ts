import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ControllerWorld, controllerWorld } from '../../support/controller-world.ts';
import type { FakeAgent, FakeSession } from '../../support/fake-agent.ts';
import { create, history, joined, RUNNER, states } from './stage.ts';

interface Host {
  name: string;
  agent: FakeAgent;
  session: FakeSession;
}

async function fleet(world: ControllerWorld, names: readonly string[]): Promise<Host[]> {
  const hosts: Host[] = [];
  for (const name of names) {
    const agent = await joined(world, name);
    hosts.push({ name, agent, session: await agent.connect() });
  }
  return hosts;
}

const NAMES = ['a', 'b', 'c', 'd', 'e'];

const count = (runs: Record<string, string>, state: string): number =>
  Object.values(runs).filter((one) => one === state).length;

/** Ends the run of the last bundle that this host was handed. */
async function ends(world: ControllerWorld, host: Host | undefined, state = 'succeeded'): Promise<void> {
  const frame = host?.session.of('deliver').at(-1);
  assert.ok(host && frame, `${host?.name} was handed nothing`);
  host.session.send('report', host.agent.report(host.agent.open(frame), { state }));
  await world.clock.settle();
}

/** Time passes, and these hosts stay online. */
async function pass(world: ControllerWorld, hosts: readonly Host[], ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 10_000) {
    for (const { session } of hosts) session.send('ping', { id: 1, timeMs: 0 });
    await world.clock.advance(Math.min(left, 10_000));
  }
}

const byName = (hosts: readonly Host[], name: string) => hosts.find((host) => host.name === name);

test('a batch goes on as soon as one host is done, and a slow one holds its own place only', async (t) => {
  const world = await controllerWorld(t);
  const hosts = await fleet(world, NAMES);
  const job = await create(world, { batch: '2' });
  assert.deepEqual(await states(world, job), { a: 'sent', b: 'sent', c: 'queued', d: 'queued', e: 'queued' });
  // `a` is slow; the others go through its neighbour's place one after the other.
  for (const name of ['b', 'c', 'd', 'e']) {
    const runs = await states(world, job);
    assert.equal(count(runs, 'sent'), 2);
    assert.equal(runs.a, 'sent');
    await ends(world, byName(hosts, name), name === 'c' ? 'failed' : 'succeeded');
  }
  await ends(world, byName(hosts, 'a'));
  const shown = await world.controller.verbs.jobs.show(job);
  assert.deepEqual(shown.counts, { succeeded: 4, failed: 1 });
  assert.equal(shown.state, 'over');
  for (const { session, name } of hosts) assert.equal(session.of('deliver').length, 1, name);
});

test('a share of the targets is rounded up, and who waits for his turn is told from who is off', async (t) => {
  const world = await controllerWorld(t);
  await fleet(world, ['a', 'b']);
  await joined(world, 'c');
  const job = await create(world, { targets: 'c,a,b', batch: '34%', ttlMs: 3_600_000 });
  const { runs, pace } = await world.controller.verbs.jobs.show(job);
  assert.deepEqual(pace, { batch: 2, maxFailures: null, waiting: 1 });
  assert.deepEqual(
    runs.map((run) => [run.agent, run.state, run.turnAtMs !== null]),
    [
      ['a', 'sent', true],
      ['b', 'sent', true],
      ['c', 'queued', false],
    ],
  );
});

test('a host that is off holds its place for the ttl from when its turn comes, then expires and gives it on', async (t) => {
  const world = await controllerWorld(t);
  const off = await joined(world, 'a-off');
  (await off.connect()).close();
  await world.clock.settle();
  const hosts = await fleet(world, ['b', 'c']);
  const job = await create(world, { batch: '1', ttlMs: 15_000 });
  assert.deepEqual(await states(world, job), { 'a-off': 'queued', b: 'queued', c: 'queued' });
  await world.clock.advance(14_000);
  assert.equal(hosts.flatMap((host) => host.session.of('deliver')).length, 0);
  await world.clock.advance(1_500);
  assert.deepEqual(await states(world, job), { 'a-off': 'expired', b: 'sent', c: 'queued' });
  // A turn that comes late has the whole ttl: 15 s after the job was made `c` has not begun to wait.
  byName(hosts, 'c')?.session.close();
  await world.clock.advance(40_000);
  await ends(world, byName(hosts, 'b'));
  await world.clock.advance(14_000);
  assert.deepEqual(await states(world, job), { 'a-off': 'expired', b: 'succeeded', c: 'queued' });
  const [, , c] = (await world.controller.verbs.jobs.show(job)).runs;
  assert.ok((c?.turnAtMs ?? 0) > 0);
  await world.clock.advance(1_500);
  assert.deepEqual(await states(world, job), { 'a-off': 'expired', b: 'succeeded', c: 'expired' });
});

test('a host that comes back while its turn lasts is served, one whose turn has not come is not', async (t) => {
  const world = await controllerWorld(t);
  const [first, second] = [await joined(world, 'a'), await joined(world, 'b')];
  const job = await create(world, { batch: '1', ttlMs: 60_000 });
  assert.equal((await second.connect()).of('deliver').length, 0);
  const session = await first.connect();
  assert.equal(session.of('deliver').length, 1);
  assert.deepEqual(await states(world, job), { a: 'sent', b: 'queued' });
});

test('the turns of all fit into the order: the last host of a long job may still start', async (t) => {
  const world = await controllerWorld(t);
  const hosts = await fleet(world, NAMES);
  const job = await create(world, { batch: '1', ttlMs: 15_000, timeoutMs: 600_000 });
  for (const { agent, session } of hosts) {
    // Opening it checks the time: an expired order throws.
    const bundle = agent.open(session.of('deliver').at(-1) as never);
    await pass(world, hosts, 590_000);
    session.send('report', agent.report(bundle));
    await world.clock.settle();
  }
  assert.deepEqual((await world.controller.verbs.jobs.show(job)).counts, { succeeded: 5 });
});

test('what its host was not handed within its turn is not sent later, though the order lives for the turns of all', async (t) => {
  const world = await controllerWorld(t);
  const [host, ...others] = await fleet(world, ['a', 'b', 'c']);
  assert.ok(host);
  const release = host.session.stall();
  const job = await create(world, { batch: '1', ttlMs: 15_000 });
  // The session is cut before anything arrived; the host is back after its turn, but before it is called lost.
  host.session.close();
  release();
  await pass(world, others, 20_000);
  const back = await host.agent.connect();
  assert.equal(back.of('deliver').length, 0);
  assert.equal((await states(world, job)).a, 'sent');
  await pass(world, others, 30_000);
  assert.deepEqual(await states(world, job), { a: 'lost', b: 'sent', c: 'queued' });
  await ends(world, others[0]);
  assert.equal((await states(world, job)).c, 'sent');
});

test('a seed shuffles the turns, the same one alike', async (t) => {
  const world = await controllerWorld(t);
  await fleet(world, NAMES);
  const first = async (more: object): Promise<string> => {
    const job = await create(world, { batch: '1', ...more });
    const [name] = Object.entries(await states(world, job)).find(([, state]) => state === 'sent') ?? [];
    await world.controller.verbs.jobs.cancel(job, RUNNER);
    return name ?? '';
  };
  assert.equal(await first({}), 'a');
  const seeds = [1, 2, 3, 4, 5, 6];
  const once = await Promise.all(seeds.map((seed) => first({ seed })));
  assert.deepEqual(await Promise.all(seeds.map((seed) => first({ seed }))), once);
  assert.ok(new Set(once).size > 1, `all begin with ${once[0]}`);
});

test('too many failures: nothing further is sent, what waits says why, and what runs goes on to its end', async (t) => {
  const world = await controllerWorld(t);
  const hosts = await fleet(world, NAMES);
  const job = await create(world, { batch: '2', maxFailures: '1' });
  await ends(world, byName(hosts, 'a'), 'failed');
  assert.equal((await states(world, job)).c, 'sent');
  await ends(world, byName(hosts, 'b'), 'timed-out');
  const shown = await world.controller.verbs.jobs.show(job);
  assert.deepEqual(shown.counts, { failed: 1, 'timed-out': 1, sent: 1, cancelled: 2 });
  const [last] = shown.runs.slice(-1);
  assert.equal(last?.reason, 'not started: 2 runs failed, --max-failures 1');
  assert.equal(last?.code, 'max-failures');
  assert.equal(shown.state, 'running');
  await ends(world, byName(hosts, 'c'), 'failed');
  assert.equal((await world.controller.verbs.jobs.show(job)).state, 'over');
  assert.equal(byName(hosts, 'd')?.session.of('deliver').length, 0);
});

test('without a batch too many failures stop what waits for hosts that are off', async (t) => {
  const world = await controllerWorld(t);
  const hosts = await fleet(world, ['a', 'b']);
  const off = await joined(world, 'c');
  const job = await create(world, { maxFailures: '0', ttlMs: 3_600_000 });
  await ends(world, byName(hosts, 'a'), 'failed');
  assert.deepEqual(await states(world, job), { a: 'failed', b: 'sent', c: 'cancelled' });
  assert.equal((await off.connect()).of('deliver').length, 0);
  await ends(world, byName(hosts, 'b'));
  assert.equal((await world.controller.verbs.jobs.show(job)).state, 'over');
});

test('runs that were cancelled are no failures, and a success that comes late opens nothing again', async (t) => {
  const world = await controllerWorld(t);
  const hosts = await fleet(world, NAMES);
  const job = await create(world, { batch: '1', maxFailures: '0', ttlMs: 15_000 });
  await ends(world, byName(hosts, 'a'), 'cancelled');
  assert.equal((await states(world, job)).b, 'sent');
  const b = byName(hosts, 'b');
  const bundle = b?.agent.open(b.session.of('deliver').at(-1) as never);
  await world.clock.advance(50_000);
  assert.deepEqual((await world.controller.verbs.jobs.show(job)).counts, { cancelled: 4, lost: 1 });
  if (bundle) b?.session.send('report', b.agent.report(bundle));
  await world.clock.settle();
  assert.deepEqual(await states(world, job), {
    ...{ a: 'cancelled', b: 'succeeded', c: 'cancelled', d: 'cancelled', e: 'cancelled' },
  });
});

test('a controller that dies between any two runs goes on by itself, within the batch', async (t) => {
  const world = await controllerWorld(t);
  const hosts = await fleet(world, NAMES);
  const job = await create(world, { batch: '2', ttlMs: 3_600_000 });
  for (let done = 0; done < NAMES.length; done++) {
    await world.restart();
    for (const host of hosts) host.session = await host.agent.connect();
    const runs = await states(world, job);
    assert.equal(count(runs, 'sent'), Math.min(2, NAMES.length - done));
    const [next] = Object.entries(runs).find(([, state]) => state === 'sent') ?? [];
    await ends(world, byName(hosts, next ?? ''));
  }
  assert.deepEqual((await world.controller.verbs.jobs.show(job)).counts, { succeeded: 5 });
});

test('cancelling a job that goes by batches sends nothing more, and one host of it gives its place on', async (t) => {
  const world = await controllerWorld(t);
  const hosts = await fleet(world, NAMES);
  const job = await create(world, { batch: '1' });
  const idOf = (name: string): string => byName(hosts, name)?.agent.id ?? '';
  await world.controller.verbs.jobs.cancel(job, RUNNER, { agentIds: [idOf('b')] });
  assert.deepEqual(await states(world, job), {
    ...{ a: 'sent', b: 'cancelled', c: 'queued', d: 'queued', e: 'queued' },
  });
  await world.controller.verbs.jobs.cancel(job, RUNNER, { targets: 'a' });
  await ends(world, byName(hosts, 'a'), 'cancelled');
  assert.equal((await states(world, job)).c, 'sent');
  await world.controller.verbs.jobs.cancel(job, RUNNER);
  await world.clock.settle();
  assert.deepEqual(await states(world, job), {
    ...{ a: 'cancelled', b: 'cancelled', c: 'sent', d: 'cancelled', e: 'cancelled' },
  });
  await ends(world, byName(hosts, 'c'), 'cancelled');
  assert.equal((await world.controller.verbs.jobs.show(job)).state, 'over');
  for (const name of ['d', 'e']) assert.equal(byName(hosts, name)?.session.of('deliver').length, 0, name);
});

test('a host that is removed gives its place on', async (t) => {
  const world = await controllerWorld(t);
  await fleet(world, ['a', 'b']);
  const job = await create(world, { batch: '1' });
  await world.controller.verbs.agents.remove('a', { name: 'admin', role: 'admin' });
  await world.clock.settle();
  assert.deepEqual(await states(world, job), { a: 'lost', b: 'sent' });
});

test('a host that comes while its job is being written is not left waiting', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'a');
  const { write } = world.db;
  world.db.write = async (batch, lane) => {
    if (batch.some((one) => 'sql' in one && one.sql.startsWith('insert into "jobs"'))) await agent.connect();
    return write.call(world.db, batch, lane);
  };
  const job = await create(world, { ttlMs: 60_000 });
  assert.deepEqual(await history(world, job), ['created', 'queued', 'sent']);
});

test('those whose turn has not come are told of last, however silent, and until when a host that is off is waited for', async (t) => {
  const world = await controllerWorld(t);
  await fleet(world, ['z-1', 'z-2']);
  for (const name of ['a', 'b']) await joined(world, name);
  const job = await create(world, { targets: 'all', batch: '2', seed: 3, ttlMs: 60_000 });
  const { runs, total } = await world.controller.verbs.jobs.waiting(job, 3);
  const hasTurn = (await world.controller.verbs.jobs.show(job)).runs.filter((run) => run.turnAtMs !== null);
  assert.equal(total, 4);
  assert.deepEqual(
    runs.map((run) => run.turnAtMs !== null),
    [true, true, false],
  );
  for (const { state, sendByMs } of hasTurn)
    assert.equal(sendByMs, state === 'queued' ? world.clock.now() + 60_000 : null);
});
