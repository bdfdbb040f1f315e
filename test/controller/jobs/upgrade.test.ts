import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ADMIN, controllerWorld } from '../../support/controller-world.ts';
import { bytesOf, upload } from '../contents/world.ts';
import { delivered, joined, request, states } from './stage.ts';

const MINUTE_MS = 60_000;

test('an agent that is away while it becomes another version is waited for, and not for ever', async (t) => {
  const world = await controllerWorld(t);
  const agents = [await joined(world, 'back'), await joined(world, 'gone')];
  const sessions = await Promise.all(agents.map((agent) => agent.connect()));
  const { sha512, length, key } = await upload(world, bytesOf(70_000));
  const signed = await world.controller.verbs.fleet.signRelease(
    { agentVersion: '9.9.9', builds: [{ form: 'bundle', sha512, length }] },
    ADMIN,
  );
  const upgrade = { ...signed, contents: [{ sha512, length, key }] };
  const asked = request({ tasks: [{ upgrade }], timeoutMs: 60 * MINUTE_MS });
  const { job } = await world.controller.verbs.jobs.create(asked, ADMIN);
  await world.clock.settle();
  const bundles = agents.map((agent, index) => {
    const session = sessions[index] as (typeof sessions)[number];
    const bundle = delivered(agent, session);
    const { order, orderHash } = bundle;
    session.send('status', { jobId: order.jobId, orderHash, attempt: 1, state: 'running' });
    return bundle;
  });
  await world.clock.settle();
  for (const session of sessions) session.close();
  await world.clock.advance(40 * MINUTE_MS);
  assert.deepEqual(await states(world, job), { back: 'running', gone: 'running' });
  const [back] = agents;
  const session = await back?.connect();
  session?.send('report', back?.report(bundles[0] as never) as never);
  await world.clock.advance(40 * MINUTE_MS);
  assert.deepEqual(await states(world, job), { back: 'succeeded', gone: 'lost' });
});
