import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JobRequest } from '../../../controller/api/verbs.ts';
import { ADMIN, type ControllerWorld, controllerWorld } from '../../support/controller-world.ts';
import { delivered, joined, RUNNER, request } from './stage.ts';

const UNINSTALL: Partial<JobRequest> = { tasks: [{ uninstall: {} }] };

async function ordered(world: ControllerWorld, more: Partial<JobRequest> = {}): Promise<string> {
  const { job } = await world.controller.verbs.jobs.create(request({ ...UNINSTALL, ...more }), ADMIN);
  await world.clock.settle();
  return job;
}

const names = async (world: ControllerWorld): Promise<string[]> =>
  (await world.controller.verbs.agents.list({})).map(({ name }) => name);

const audited = async (world: ControllerWorld) =>
  (await world.controller.verbs.audit.list({ afterSeq: 0, limit: 100 })).filter(
    ({ action }) => action === 'agent.uninstall',
  );

describe('an agent that reports that it removes itself', () => {
  test('gets its receipt, is cut off and taken out of the fleet, by whoever ordered it; its history stays', async (t) => {
    const world = await controllerWorld(t);
    const agent = await joined(world, 'web-1');
    await joined(world, 'web-2');
    const session = await agent.connect();
    const job = await ordered(world, { targets: 'web-1' });
    session.send('report', agent.report(delivered(agent, session)));
    await world.clock.settle();
    const [last, refusal] = session.frames.slice(-2);
    assert.equal(last?.kind, 'receipt', 'the receipt goes before the session is cut');
    assert.ok(refusal?.kind === 'refusal' && refusal.value.code === 'agent-removed');
    assert.deepEqual(await names(world), ['web-2']);
    const [entry, ...more] = await audited(world);
    assert.deepEqual(more, []);
    assert.equal(entry?.actor, ADMIN.name);
    assert.deepEqual(entry?.detail, { agent: 'web-1', id: agent.id, job });
    const { runs } = await world.controller.verbs.jobs.show(job);
    assert.deepEqual(
      runs.map((run) => [run.agent, run.state]),
      [['web-1', 'succeeded']],
    );
    // Its key opens nothing any more.
    assert.equal((await agent.connect()).refusal?.code, 'agent-unknown');
  });

  test('many at once are each taken out once', async (t) => {
    const world = await controllerWorld(t);
    const agents = [];
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) agents.push(await joined(world, name));
    const sessions = await Promise.all(agents.map((agent) => agent.connect()));
    await ordered(world);
    for (const [index, session] of sessions.entries()) {
      const agent = agents[index] as (typeof agents)[number];
      session.send('report', agent.report(delivered(agent, session)));
    }
    await world.clock.settle();
    assert.deepEqual(await names(world), []);
    assert.deepEqual(
      (await audited(world)).map(({ detail }) => detail.agent),
      ['a', 'b', 'c', 'd', 'e', 'f'],
    );
  });

  test('is taken out by the next controller where this one was killed behind the report', async (t) => {
    const world = await controllerWorld(t);
    const agent = await joined(world, 'web-1');
    const session = await agent.connect();
    const job = await ordered(world);
    const write = world.db.write.bind(world.db);
    let reported = false;
    // The disk takes the report and nothing that follows.
    world.db.write = (statements, lane) => {
      if (reported) return new Promise(() => {});
      reported = true;
      return write(statements, lane);
    };
    session.send('report', agent.report(delivered(agent, session)));
    await world.clock.settle();
    world.db.write = write;
    assert.deepEqual(await names(world), ['web-1']);
    await world.crash();
    assert.deepEqual(await names(world), []);
    assert.deepEqual(
      (await audited(world)).map(({ detail }) => detail.job),
      [job],
    );
    await world.restart();
    assert.equal((await audited(world)).length, 1);
  });

  test('also when its report comes after the job was given up', async (t) => {
    const world = await controllerWorld(t);
    const agent = await joined(world, 'web-1');
    const session = await agent.connect();
    await ordered(world);
    const bundle = delivered(agent, session);
    session.close();
    await world.clock.advance(3_600_000);
    const again = await agent.connect();
    assert.deepEqual(await names(world), ['web-1']);
    again.send('report', agent.report(bundle));
    await world.clock.settle();
    assert.deepEqual(await names(world), []);
  });

  test('stays where it did not succeed', async (t) => {
    const world = await controllerWorld(t);
    const agent = await joined(world, 'web-1');
    const session = await agent.connect();
    await ordered(world);
    session.send('report', agent.report(delivered(agent, session), { state: 'failed' }));
    await world.clock.settle();
    await world.restart();
    assert.deepEqual(await names(world), ['web-1']);
  });

  test('stays where the job was another one', async (t) => {
    const world = await controllerWorld(t);
    const agent = await joined(world, 'web-1');
    const session = await agent.connect();
    await ordered(world, { tasks: [{ command: { argv: ['true'] } }] });
    session.send('report', agent.report(delivered(agent, session)));
    await world.clock.settle();
    await world.restart();
    assert.deepEqual(await names(world), ['web-1']);
  });
});

describe('an order to uninstall', () => {
  test('takes an admin, also where it repeats one', async (t) => {
    const world = await controllerWorld(t);
    const agent = await joined(world, 'web-1');
    const session = await agent.connect();
    const { jobs } = world.controller.verbs;
    await assert.rejects(jobs.create(request(UNINSTALL), RUNNER), { code: 'forbidden' });
    const job = await ordered(world);
    session.send('report', agent.report(delivered(agent, session), { state: 'failed' }));
    await world.clock.settle();
    await assert.rejects(jobs.retry(job, {}, RUNNER), { code: 'forbidden' });
    const again = await jobs.retry(job, {}, ADMIN);
    assert.deepEqual(
      again.targets.map(({ name }) => name),
      ['web-1'],
    );
    assert.equal((await jobs.show(again.job)).kind, 'uninstall');
  });

  test('comes alone, without a condition, and not to see what it would do', async (t) => {
    const world = await controllerWorld(t);
    await joined(world, 'web-1');
    const { jobs } = world.controller.verbs;
    for (const wrong of [
      { check: true, tasks: [{ uninstall: {} }] },
      { tasks: [{ uninstall: {}, creates: '/etc/passwd' }] },
      { tasks: [{ uninstall: {}, unless: 'true' }] },
      { env: { PATH: '/tmp' } },
      { tasks: [{ uninstall: {} }, { uninstall: {} }] },
      { tasks: [{ command: { argv: ['true'] } }, { uninstall: {} }] },
    ])
      await assert.rejects(
        jobs.create(request({ ...UNINSTALL, ...wrong }), ADMIN),
        { code: 'bad-request' },
        JSON.stringify(wrong),
      );
  });
});
