import assert from 'node:assert/strict';
import { test } from 'node:test';
import { controllerWorld } from '../../support/controller-world.ts';
import { ANN, body, crewOf, KIM, phases, reportOf, shell, show, start, told } from './stage.ts';

const HOSTS = ['web-1', 'web-2', 'web-3', 'web-4'];
const CANARY = [
  { name: 'canary', size: '1' },
  { name: 'rest', rest: true as const },
];

test('a change goes host by host through all of its steps, wave after wave, to its end', async (t) => {
  const world = await controllerWorld(t);
  const crew = await crewOf(world, HOSTS);
  const rollout = await start(world, {
    ...{ waves: CANARY, maxUnavailable: '2', pre: [shell('pre')], post: [shell('post')] },
    probes: [{ name: 'up', tcp: { host: 'localhost', port: 1 } }],
  });
  await crew.work();
  const detail = await show(world, rollout);
  assert.equal(detail.state, 'succeeded');
  assert.deepEqual(detail.counts, { done: 4 });
  for (const member of crew.members.values())
    assert.deepEqual(member.did, ['pre', 'change', 'probe up', 'post']);
  assert.equal(crew.log[3], 'web-1 post', 'nobody begins before the canary is done');
  const events = await told(world, rollout);
  assert.equal(events[0], 'created');
  assert.equal(events.at(-1), 'state succeeded');
  const { actions } = {
    actions: (await world.controller.verbs.audit.list({ afterSeq: 0, limit: 1000 })).map(
      ({ action }) => action,
    ),
  };
  for (const action of ['rollout.start', 'rollout.end']) assert.ok(actions.includes(action), action);
});

test('a host whose change fails is brought back, and nothing further begins', async (t) => {
  const world = await controllerWorld(t);
  const crew = await crewOf(world, HOSTS);
  crew.behave = (host, line) => (host === 'web-2' && line === 'change' ? 'badly' : 'well');
  const rollout = await start(world);
  await crew.work();
  const detail = await show(world, rollout);
  assert.equal(detail.state, 'stopped');
  assert.match(detail.reason ?? '', /web-2/);
  assert.equal(await phases(world, rollout), 'web-1 done, web-2 reverted, web-3 waiting, web-4 waiting');
  assert.deepEqual(crew.member('web-2').did, ['change', 'undo']);
  assert.deepEqual(crew.member('web-3').did, []);
});

test('resume goes on without who failed, and repeats nothing', async (t) => {
  const world = await controllerWorld(t);
  const crew = await crewOf(world, HOSTS);
  crew.behave = (host, line) => (host === 'web-2' && line === 'change' ? 'badly' : 'well');
  const rollout = await start(world);
  await crew.work();
  await world.controller.verbs.rollouts.resume(rollout, { reason: 'known' }, ANN);
  await crew.work();
  assert.equal((await show(world, rollout)).state, 'succeeded');
  assert.equal(await phases(world, rollout), 'web-1 done, web-2 reverted, web-3 done, web-4 done');
  for (const name of ['web-1', 'web-3', 'web-4']) assert.deepEqual(crew.member(name).did, ['change']);
});

test('rollback brings back who was changed, also after the end', async (t) => {
  const world = await controllerWorld(t);
  const crew = await crewOf(world, HOSTS);
  const rollout = await start(world);
  await crew.work();
  assert.equal((await show(world, rollout)).state, 'succeeded');
  await world.controller.verbs.rollouts.rollback(rollout, {}, ANN);
  await crew.work();
  assert.equal((await show(world, rollout)).state, 'rolled-back');
  for (const member of crew.members.values()) assert.deepEqual(member.did, ['change', 'undo']);
});

test('pause lets what is at work come to its end, and resume goes on', async (t) => {
  const world = await controllerWorld(t);
  const crew = await crewOf(world, HOSTS);
  const rollout = await start(world);
  await world.clock.settle();
  await world.controller.verbs.rollouts.pause(rollout, {}, ANN);
  await crew.work();
  assert.equal(await phases(world, rollout), 'web-1 done, web-2 waiting, web-3 waiting, web-4 waiting');
  await world.controller.verbs.rollouts.resume(rollout, {}, ANN);
  await crew.work();
  assert.equal((await show(world, rollout)).state, 'succeeded');
});

test('abort finishes what is at work, begins nothing further, and withdraws what is held', async (t) => {
  const world = await controllerWorld(t);
  const crew = await crewOf(world, HOSTS);
  const rollout = await start(world);
  await world.clock.settle();
  await world.controller.verbs.rollouts.abort(rollout, {}, ANN);
  await crew.work();
  const detail = await show(world, rollout);
  assert.equal(detail.state, 'aborted');
  assert.equal(await phases(world, rollout), 'web-1 done, web-2 skipped, web-3 skipped, web-4 skipped');
  const change = await world.controller.verbs.jobs.show(
    detail.steps.find(({ step }) => step === 'change')?.job ?? '',
  );
  assert.equal(change.state, 'over');
  assert.deepEqual(change.counts, { succeeded: 1, cancelled: 3 });
});

test('abort with cancel tells hosts that are at work', async (t) => {
  const world = await controllerWorld(t);
  const crew = await crewOf(world, HOSTS);
  crew.behave = () => 'silent';
  const rollout = await start(world);
  await crew.work();
  await world.controller.verbs.rollouts.abort(rollout, { cancel: true }, ANN);
  await world.clock.settle();
  assert.equal(crew.member('web-1').session.of('cancel').length, 1);
  assert.equal(crew.member('web-2').session.of('cancel').length, 0);
  assert.equal((await show(world, rollout)).state, 'aborting');
});

test('an approval takes somebody else than who started it', async (t) => {
  const world = await controllerWorld(t);
  const crew = await crewOf(world, HOSTS);
  const gate = { approval: 'not-starter' as const };
  const rollout = await start(world, { waves: [{ size: '1', gate }, { rest: true }] });
  await crew.work();
  const waits = await show(world, rollout);
  assert.equal(waits.waveDetails[0]?.state, 'approval');
  await assert.rejects(world.controller.verbs.rollouts.approve(rollout, {}, KIM), { code: 'forbidden' });
  await world.controller.verbs.rollouts.approve(rollout, {}, ANN);
  await crew.work();
  const detail = await show(world, rollout);
  assert.equal(detail.state, 'succeeded');
  assert.equal(detail.waveDetails[0]?.approvedBy, 'ann');
});

test('a host that gives no word is lost and keeps its place, until late word of it comes', async (t) => {
  const world = await controllerWorld(t);
  const crew = await crewOf(world, ['web-1', 'web-2']);
  crew.behave = (host) => (host === 'web-1' ? 'silent' : 'well');
  const rollout = await start(world, { timeoutMs: 60_000, maxFailures: '1' });
  await crew.work();
  await world.clock.advance(3_600_000);
  assert.equal(await phases(world, rollout), 'web-1 lost, web-2 waiting');
  const { session, agent } = crew.member('web-1');
  assert.equal(session.closed || session.of('deliver').length === 1, true);
  const [frame] = session.of('deliver');
  const again = await agent.connect();
  assert.ok(frame);
  again.send('report', reportOf(agent, agent.open(frame), 'well'));
  await world.controller.verbs.rollouts.resume(rollout, {}, ANN);
  const other = crew.member('web-2');
  other.session = await other.agent.connect();
  other.taken = 0;
  await crew.work();
  assert.equal(await phases(world, rollout), 'web-1 done, web-2 done');
});

test('a host that leaves the fleet is skipped where it waits', async (t) => {
  const world = await controllerWorld(t);
  const crew = await crewOf(world, ['web-1', 'web-2', 'web-3']);
  const rollout = await start(world);
  await world.clock.settle();
  await world.controller.verbs.agents.remove('web-2', { name: 'admin', role: 'admin' });
  crew.members.delete('web-2');
  await crew.work();
  assert.equal(await phases(world, rollout), 'web-1 done, web-2 skipped, web-3 done');
});

test('of two rollouts that want one host the second is refused by name, or waits', async (t) => {
  const world = await controllerWorld(t);
  const crew = await crewOf(world, ['web-1', 'web-2']);
  const first = await start(world, { name: 'first' });
  await assert.rejects(start(world, { name: 'second' }), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'host-busy');
    assert.match(error.message, /web-1 \(first\)/);
    return true;
  });
  await world.clock.advance(1);
  const second = await start(world, { name: 'second', busy: 'wait' });
  await crew.work();
  for (const rollout of [first, second])
    assert.equal((await show(world, rollout)).state, 'succeeded', rollout);
  assert.equal(crew.log.length, 4);
  assert.match((await told(world, second)).join(', '), /wave 0 open.*host web-1 change/);
});

test('the same key starts one rollout, and another body with it is refused', async (t) => {
  const world = await controllerWorld(t);
  await crewOf(world, ['web-1']);
  const { rollouts } = world.controller.verbs;
  const [one, two] = await Promise.all([rollouts.start(body(), KIM, 'k'), rollouts.start(body(), KIM, 'k')]);
  assert.equal(one.rollout, two.rollout);
  assert.deepEqual([one.created, two.created].toSorted(), [false, true]);
  await assert.rejects(rollouts.start(body({ name: 'x' }), KIM, 'k'), { code: 'idempotency-conflict' });
});

test('hosts are probed from the controller after their change, and one that does not hold is brought back', async (t) => {
  const asked: string[] = [];
  const world = await controllerWorld(t, {
    probeSockets: {
      http: async ({ url }) => {
        asked.push(url);
        if (url.includes('web-2')) throw new Error('status 500');
      },
      tcp: async () => {},
    },
  });
  const crew = await crewOf(world, ['web-1', 'web-2', 'web-3']);
  const rollout = await start(world, {
    probes: [{ name: 'page', from: 'controller', http: { url: 'http://{name}:80/' }, withinMs: 10_000 }],
  });
  await crew.work();
  await world.clock.advance(30_000);
  await crew.work();
  assert.equal(await phases(world, rollout), 'web-1 done, web-2 reverted, web-3 waiting');
  const { hostDetails } = await show(world, rollout);
  assert.equal(hostDetails[1]?.code, 'probe-failed');
  assert.ok(asked.includes('http://web-1:80/'));
});

test('a soak lasts across a restart of the controller', async (t) => {
  const world = await controllerWorld(t);
  const crew = await crewOf(world, ['web-1', 'web-2']);
  const rollout = await start(world, {
    waves: [{ size: '1', gate: { soakMs: 600_000 } }, { rest: true }],
    probes: [
      { name: 'up', shell: { line: 'true' } },
      { name: 'here', from: 'controller', tcp: { host: '{name}', port: 1 } },
    ],
  });
  await crew.work();
  assert.equal((await show(world, rollout)).waveDetails[0]?.state, 'soaking');
  assert.deepEqual(crew.member('web-1').did, ['change', 'probe up', 'probe up']);
  await world.clock.advance(300_000);
  await world.restart();
  await crew.back();
  await crew.work();
  assert.equal((await show(world, rollout)).waveDetails[0]?.state, 'soaking');
  await world.clock.advance(300_000);
  await crew.back();
  await crew.work();
  assert.equal((await show(world, rollout)).state, 'succeeded');
});

test('other hosts observe a wave, and the rollout stops where they see that it does not hold', async (t) => {
  const world = await controllerWorld(t);
  const crew = await crewOf(world, ['lb-1', 'web-1', 'web-2']);
  crew.behave = (host) => (host === 'lb-1' ? 'badly' : 'well');
  const rollout = await start(world, {
    targets: 'web-*',
    waves: [{ size: '1' }, { rest: true }],
    probes: [{ name: 'seen', from: { targets: 'lb-*' }, shell: { line: 'curl' } }],
  });
  await crew.work();
  const detail = await show(world, rollout);
  assert.equal(detail.state, 'stopped');
  assert.match(detail.reason ?? '', /lb-1/);
  assert.deepEqual(crew.member('web-2').did, []);
});

test('each host is given its own versions, and the report has them before and after', async (t) => {
  const world = await controllerWorld(t);
  const crew = await crewOf(world, ['web-1', 'web-2']);
  const plan = (name: string, to: string) => ({
    ...{ agentIds: [crew.member(name).agent.id], wayBack: true, manager: 'apt' as const },
    changes: [{ name: 'nginx', arch: 'amd64', from: '1.0', to }],
  });
  const hosts = [plan('web-1', '1.1'), plan('web-2', '1.2')];
  const tasks = [{ packages: { action: 'apply' as const } }];
  const { rollouts } = world.controller.verbs;
  const change = { kind: 'plan' as const, title: 'nginx', tasks, plan: { digest: 'ab', madeAtMs: 1, hosts } };
  crew.behave = (host, line) => (host === 'web-2' && line.startsWith('apply') ? 'badly' : 'well');
  const { rollout } = await rollouts.start({ change }, KIM);
  await crew.work();
  assert.deepEqual(crew.member('web-1').did, ['apply; reboot']);
  assert.deepEqual(crew.member('web-2').did, ['apply; reboot', 'revert; reboot']);
  const report = await rollouts.report(rollout);
  assert.deepEqual(
    report.hosts.map(({ agent, changes }) => [agent, changes[0]?.before, changes[0]?.after]),
    [
      ['web-1', '1.0', '1.1'],
      ['web-2', '1.0', '1.0'],
    ],
  );
  assert.match(report.auditHead ?? '', /^\d+:[0-9a-f]+$/);
  assert.equal(report.rollout.hostDetails[0]?.rebooted, true);
});
