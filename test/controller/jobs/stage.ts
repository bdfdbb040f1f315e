import assert from 'node:assert/strict';
import { decodeToken } from '../../../certs/enrolment.ts';
import type { JobRequest } from '../../../controller/api/verbs.ts';
import { ADMIN, type ControllerWorld } from '../../support/controller-world.ts';
import { type FakeAgent, type FakeSession, fakeAgent } from '../../support/fake-agent.ts';

export const RUNNER = { name: 'kim', role: 'runner' } as const;

export function request(more: Partial<JobRequest> = {}): JobRequest {
  return {
    targets: 'all',
    tasks: [{ command: { argv: ['true'] } }],
    timeoutMs: 60_000,
    ttlMs: 15_000,
    ...more,
  };
}

export async function joined(world: ControllerWorld, name: string): Promise<FakeAgent> {
  const { token } = await world.controller.verbs.tokens.create(
    { ttlMs: 60_000, labels: {}, allowLabels: [], uses: 2, approve: 'auto' },
    ADMIN,
  );
  const agent = fakeAgent(() => world.controller.gateway, world.clock, decodeToken(token), name);
  assert.equal((await agent.join(token)).of('enrolled').length, 1);
  return agent;
}

export async function create(world: ControllerWorld, more: Partial<JobRequest> = {}): Promise<string> {
  const { job } = await world.controller.verbs.jobs.create(request(more), RUNNER);
  await world.clock.settle();
  return job;
}

export async function states(world: ControllerWorld, job: string): Promise<Record<string, string>> {
  const { runs } = await world.controller.verbs.jobs.show(job);
  return Object.fromEntries(runs.map((run) => [run.agent, run.state]));
}

export async function history(world: ControllerWorld, job: string): Promise<string[]> {
  const { events } = await world.controller.verbs.jobs.events(job, 0, 1000);
  return events.map((event) =>
    event.kind === 'state' ? event.state : event.kind === 'job' ? event.what : event.stream,
  );
}

export function delivered(agent: FakeAgent, session: FakeSession) {
  const [frame] = session.of('deliver');
  assert.ok(frame, 'nothing was delivered');
  return agent.open(frame);
}
