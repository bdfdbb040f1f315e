import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobRequest } from '../../../controller/api/verbs.ts';
import { ADMIN, type ControllerWorld, controllerWorld } from '../../support/controller-world.ts';
import type { FakeAgent, FakeSession } from '../../support/fake-agent.ts';
import { bytesOf, upload } from '../contents/world.ts';
import { create, delivered, joined, RUNNER, request, states } from './stage.ts';

interface Host {
  agent: FakeAgent;
  session: FakeSession;
}

/** A job on five hosts: `bad` failed, `good` succeeded, `gone` was sent it and is lost, `off` expired, `stop` was cancelled. */
async function mixed(t: Parameters<typeof controllerWorld>[0], more: Partial<JobRequest> = {}) {
  const world = await controllerWorld(t);
  const hosts = new Map<string, Host>();
  for (const name of ['bad', 'good', 'gone', 'stop']) {
    const agent = await joined(world, name);
    hosts.set(name, { agent, session: await agent.connect() });
  }
  await joined(world, 'off');
  const job = await create(world, more);
  for (const [name, state] of [
    ['bad', 'failed'],
    ['good', 'succeeded'],
    ['stop', 'cancelled'],
  ] as const) {
    const { agent, session } = hosts.get(name) as Host;
    session.send('report', agent.report(delivered(agent, session), { state }));
  }
  await world.clock.advance(60_000);
  assert.deepEqual(await states(world, job), {
    ...{ bad: 'failed', good: 'succeeded', gone: 'lost', off: 'expired', stop: 'cancelled' },
  });
  return { world, job, hosts };
}

const namesOf = (targets: readonly { name: string }[]): string[] => targets.map(({ name }) => name).sort();

const retried = async (world: ControllerWorld, job: string, more: object = {}) =>
  world.controller.verbs.jobs.retry(job, more, RUNNER);

test('a job is done again, as it was, on the hosts that did not succeed', async (t) => {
  const { world, job, hosts } = await mixed(t, {
    ...{ tasks: [{ command: { argv: ['make', 'it'] }, name: 'build', creates: '/srv/built' }] },
    ...{ user: 'kim', cwd: '/srv', nice: 5, attempts: 3, timeoutMs: 7_000, reason: 'ticket 1' },
  });
  const again = await retried(world, job, { reason: 'ticket 2' });
  assert.deepEqual(namesOf(again.targets), ['bad', 'gone', 'off', 'stop']);
  const { agent } = hosts.get('bad') as Host;
  const { order } = delivered(agent, await agent.connect());
  assert.deepEqual(order.tasks[0]?.command?.argv, ['make', 'it']);
  assert.deepEqual([order.tasks[0]?.name, order.tasks[0]?.guard?.creates], ['build', '/srv/built']);
  assert.deepEqual(
    [
      order.limits?.user,
      order.limits?.cwd,
      order.limits?.nice,
      order.limits?.timeoutMs,
      order.retry?.attempts,
    ],
    ['kim', '/srv', 5, 7_000, 3],
  );
  const shown = await world.controller.verbs.jobs.show(again.job);
  assert.equal(shown.retryOf, job);
  assert.equal(shown.reason, 'ticket 2');
  assert.equal(shown.asked.failedOf, job);
});

test('only those that ended in the states that are asked for, and only those that -t and -l mean as well', async (t) => {
  const { world, job } = await mixed(t);
  const meant = async (more: object): Promise<string[]> => namesOf((await retried(world, job, more)).targets);
  assert.deepEqual(await meant({ states: 'lost,expired' }), ['gone', 'off']);
  assert.deepEqual(await meant({ targets: 'g*,off' }), ['gone', 'off']);
  assert.deepEqual(await meant({ states: 'lost', targets: '*o*' }), ['gone']);
  assert.equal((await meant({ limit: '2', seed: 7 })).length, 2);
  await assert.rejects(retried(world, job, { states: 'rejected' }), { code: 'nobody-matched' });
  await assert.rejects(retried(world, job, { states: 'succeeded' }), { code: 'bad-request' });
  await assert.rejects(retried(world, job, { states: 'lost,running' }), { code: 'bad-request' });
  await assert.rejects(retried(world, '00'.repeat(16)), { code: 'no-such-job' });
});

test('another command for those that failed: --failed-of is enough to say who, and means the same as in a list', async (t) => {
  const { world, job } = await mixed(t);
  const { targets: _, ...nobody } = request();
  const made = await world.controller.verbs.jobs.create({ ...nobody, failedOf: job }, RUNNER);
  const names = ['bad', 'gone', 'off', 'stop'];
  assert.deepEqual(namesOf(made.targets), names);
  assert.deepEqual(namesOf(await world.controller.verbs.targets.match({ failedOf: job })), names);
  const narrowed = { ...nobody, failedOf: job, targets: 'all,!off' };
  assert.deepEqual(namesOf((await world.controller.verbs.jobs.create(narrowed, RUNNER)).targets), [
    ...['bad', 'gone', 'stop'],
  ]);
  await assert.rejects(world.controller.verbs.jobs.create({ ...nobody, states: 'lost' }, RUNNER), {
    code: 'bad-request',
  });
});

test('a host that was removed since is not meant, one whose run is not over neither', async (t) => {
  const { world, job, hosts } = await mixed(t);
  await world.controller.verbs.agents.remove('gone', ADMIN);
  const { agent } = hosts.get('bad') as Host;
  await agent.connect();
  const again = await retried(world, job, { ttlMs: 3_600_000 });
  assert.deepEqual(namesOf(again.targets), ['bad', 'off', 'stop']);
  await assert.rejects(retried(world, again.job), { code: 'nobody-matched' });
});

test('pace is kept as it was asked for, and may be changed', async (t) => {
  const { world, job } = await mixed(t, { batch: '100%', maxFailures: '50%' });
  const as = async (more: object) =>
    (await world.controller.verbs.jobs.show((await retried(world, job, more)).job)).pace;
  // 4 hosts now, where it were 5.
  assert.deepEqual(await as({}), { batch: 4, maxFailures: 2, waiting: 0 });
  assert.deepEqual(await as({ batch: '1', maxFailures: '0' }), { batch: 1, maxFailures: 0, waiting: 3 });
});

const base64 = (text: string): string => Buffer.from(text).toString('base64');

const NOT_KEPT: [what: string, more: Partial<JobRequest>, words: RegExp][] = [
  [
    'standard input',
    { tasks: [{ command: { argv: ['cat'], stdin: base64('hunter2') } }] },
    /the standard input of task 1/,
  ],
  [
    'a script',
    {
      tasks: [
        { command: { argv: ['true'] } },
        { script: { content: base64('#!/bin/sh\n'), args: [], name: 'x.sh' } },
      ],
    },
    /the script of task 2/,
  ],
  ['variables', { env: { TOKEN: 'hunter2', PATH: '/bin' } }, /the values of TOKEN, PATH/],
  [
    'the content of a file',
    { tasks: [{ file: { path: '/etc/motd', state: 'file', inline: base64('hello') } }] },
    /the content of the file of task 1/,
  ],
];

for (const [what, more, words] of NOT_KEPT) {
  test(`a job that had ${what} is not done again without it, and the refusal says how`, async (t) => {
    const world = await controllerWorld(t);
    await joined(world, 'web-1');
    const job = await create(world, more);
    await world.clock.advance(16_000);
    await assert.rejects(retried(world, job), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'retry-incomplete');
      assert.match(error.message, words);
      assert.match(error.message, /--failed-of/);
      assert.doesNotMatch(error.message, /hunter2/);
      return true;
    });
    assert.equal((await world.controller.verbs.jobs.list({ limit: 10 })).length, 1);
  });
}

test('what was given empty is given empty again, and contents that are still here are named by their digest', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const content = await upload(world, bytesOf(70_000));
  const { sha512, length, key } = content;
  const job = await create(world, {
    tasks: [
      { file: { path: '/srv/empty', state: 'file', inline: '' } },
      { file: { path: '/srv/large', state: 'file', content: { sha512, length, key } } },
    ],
  });
  await world.clock.advance(16_000);
  const session = await agent.connect();
  const again = await retried(world, job);
  await world.clock.settle();
  const { tasks } = delivered(agent, session).order;
  assert.equal(tasks[0]?.file?.inline.length, 0);
  assert.equal(Buffer.from(tasks[1]?.file?.content?.key ?? []).toString('hex'), key);
  const { request: kept } = (
    (await world.db.read({
      sql: 'select request from jobs where id = ?',
      values: [again.job],
    })) as { request: string }[]
  )[0] ?? { request: '' };
  assert.ok(kept.includes(sha512) && !kept.includes(key));
});

test('a job whose contents were removed meanwhile is not done again, and it says which', async (t) => {
  const world = await controllerWorld(t);
  await joined(world, 'web-1');
  const { sha512, length, key } = await upload(world, bytesOf(70_000));
  const job = await create(world, {
    tasks: [{ file: { path: '/srv/large', state: 'file', content: { sha512, length, key } } }],
  });
  await world.clock.advance(16_000);
  world.clock.stepWall(9 * 86_400_000);
  await world.clock.advance(3_600_000);
  await assert.rejects(retried(world, job), {
    code: 'retry-incomplete',
    message: new RegExp(`the content ${sha512.slice(0, 16)}… of task 1`),
  });
});

test('an upgrade is ordered again with its release, its signatures and its builds, by an admin', async (t) => {
  const world = await controllerWorld(t);
  const agent = await joined(world, 'web-1');
  const session = await agent.connect();
  const { verbs } = world.controller;
  const { sha512, length, key } = await upload(world, bytesOf(70_000));
  const signed = await verbs.fleet.signRelease(
    { agentVersion: '9.9.9', builds: [{ form: 'bundle', sha512, length }] },
    ADMIN,
  );
  const upgrade = { ...signed, contents: [{ sha512, length, key }], onlineWithinMs: 7_000 };
  const asked = request({ tasks: [{ upgrade }] });
  await assert.rejects(verbs.jobs.create(asked, RUNNER), { code: 'forbidden' });
  const { job } = await verbs.jobs.create(asked, ADMIN);
  await world.clock.settle();
  const first = delivered(agent, session);
  session.send('report', agent.report(first, { state: 'failed' }));
  await world.clock.settle();
  await assert.rejects(retried(world, job), { code: 'forbidden' });
  await verbs.jobs.retry(job, {}, ADMIN);
  await world.clock.settle();
  const again = agent.open(session.of('deliver')[1] as never);
  assert.equal(again.order.kind, 'upgrade');
  assert.deepEqual(again.order.tasks, first.order.tasks);
});
