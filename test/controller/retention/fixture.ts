import assert from 'node:assert/strict';
import { decodeToken } from '../../../certs/enrolment.ts';
import type { JobRequest } from '../../../controller/api/verbs.ts';
import type { OpenedBundle } from '../../../proto/bundle.ts';
import { ADMIN, type ControllerWorld } from '../../support/controller-world.ts';
import { type FakeAgent, type FakeSession, fakeAgent } from '../../support/fake-agent.ts';

export async function joined(world: ControllerWorld, name: string): Promise<FakeAgent> {
  const { token } = await world.controller.verbs.tokens.create(
    { ttlMs: 60_000, labels: {}, allowLabels: [], uses: 1, approve: 'auto' },
    ADMIN,
  );
  const agent = fakeAgent(() => world.controller.gateway, world.clock, decodeToken(token), name);
  assert.equal((await agent.join(token)).of('enrolled').length, 1);
  return agent;
}

/** A job for everybody. */
export async function created(world: ControllerWorld, more: Partial<JobRequest> = {}): Promise<string> {
  const request: JobRequest = {
    ...{ targets: 'all', tasks: [{ command: { argv: ['true'] } }], timeoutMs: 60_000, ttlMs: 15_000 },
    ...more,
  };
  const { job } = await world.controller.verbs.jobs.create(request, { name: 'kim', role: 'runner' });
  await world.clock.settle();
  return job;
}

/** The bundle that came last. */
export function taken(agent: FakeAgent, session: FakeSession): OpenedBundle {
  const frame = session.of('deliver').at(-1);
  assert.ok(frame, 'nothing was delivered');
  return agent.open(frame);
}

/** The job that came last ran and wrote this. */
export async function reported(
  world: ControllerWorld,
  agent: FakeAgent,
  session: FakeSession,
  output: string,
): Promise<void> {
  const bundle = taken(agent, session);
  const data = Buffer.from(output);
  if (data.length > 0)
    session.send('output', {
      ...{ jobId: bundle.order.jobId, attempt: 1, stream: 'stdout', offset: 0, position: 0 },
      data,
    });
  session.send('report', agent.report(bundle, {}, data));
  await world.clock.settle();
}
