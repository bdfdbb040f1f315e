/** Links that die without a word, in real time: swallowed packets, and an agent that stands still for a minute. */
import assert from 'node:assert/strict';
import { type AgentHandle, startFleet, type TestFleet } from '../e2e/fleet.ts';
import { createNetwork } from '../e2e/network.ts';
import { until } from '../support/until.ts';
import type { Section } from './main.ts';

/** Promised: noticed by both sides within it. */
const NOTICED_MS = 45_000;
/** What a slow machine may add. */
const SLACK_MS = 5_000;

export const halfOpen: Section = async (t) => {
  const network = createNetwork(t, ['far', 'still']);
  const fleet = await startFleet(t, { by: network.controllerBy, host: network.host });
  const [far, still] = await Promise.all(
    ['far', 'still'].map((name) => fleet.agentWith(name, { by: network.agentBy(name) })),
  );
  assert.ok(far && still);
  const running = fleet.begin(['run', '-t', 'all', '--timeout', '5m', '--shell', 'sleep 2; echo done']);
  await until('both run it', async () => (await runningOn(fleet)) === 2);
  const beganMs = performance.now();
  const since = (): number => Math.round((performance.now() - beganMs) / 1000);
  network.swallow('far');
  still.process.child.kill('SIGSTOP');
  const seen = await Promise.all([
    until('the agent notices', () => noticed(far) && since(), NOTICED_MS + SLACK_MS),
    fleet.online('far', false, NOTICED_MS + SLACK_MS).then(since),
    fleet.online('still', false, NOTICED_MS + SLACK_MS).then(since),
  ]);
  network.mend('far');
  still.process.child.kill('SIGCONT');
  await Promise.all(['far', 'still'].map((name) => fleet.online(name, true, 70_000)));
  const backS = since();
  const { stdout, status, stderr } = await running.ended;
  assert.equal(status, 0, stderr);
  assert.equal(stdout.match(/done/g)?.length, 2, stdout);
  const again = await fleet.muster(['run', '-t', 'all', '--', 'true']);
  assert.equal(again.status, 0, again.stderr);
  return `swallowed packets: the agent noticed after ${seen[0]} s, the controller after ${seen[1]} s; an agent standing still: after ${seen[2]} s; all back after ${backS} s`;
};

const noticed = (agent: AgentHandle): boolean =>
  agent.process.stderr().includes('nothing was heard of the controller any more');

async function runningOn(fleet: TestFleet): Promise<number> {
  const [job] = await fleet.json<{ counts: { running?: number } }[]>(['jobs', '--json']);
  return job?.counts.running ?? 0;
}
