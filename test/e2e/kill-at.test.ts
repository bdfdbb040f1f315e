import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from '../support/until.ts';
import { startFleet } from './fleet.ts';
import { oracleLine, readOracle } from './oracle.ts';

const KILL_AT = join(import.meta.dirname, 'kill-at.ts');
const SOURCE = join(import.meta.dirname, '../../agent/main.ts');
const NODE = [process.execPath, '--disable-warning=ExperimentalWarning', `--import=${KILL_AT}`, SOURCE];

/** Accepted with running, the report, its receipt. */
const POINTS = [1, 2, 3].flatMap((nth) => [`before ${nth}`, `after ${nth}`]);

test('an agent killed right before and right after each commit of its journal: one start at most, and one true end', async (t) => {
  const fleet = await startFleet(t);
  const nameOf = (point: string): string => point.replace(' ', '-');
  const agents = await Promise.all(POINTS.map((point) => fleet.agent(nameOf(point))));
  await Promise.all(agents.map((agent) => agent.stop()));
  // The same homes, by the same source, with the killer below it.
  const doomed = POINTS.map((point, index) => agents[index]?.beginAs(NODE, { MUSTER_TEST_KILL_AT: point }));
  await Promise.all(POINTS.map((point) => fleet.online(nameOf(point), true)));
  const oracle = join(fleet.folder, 'oracle');
  const body = {
    targets: 'all',
    tasks: [{ shell: { line: `${oracleLine(oracle)}echo one; exit 3` } }],
    ttlMs: 120_000,
    timeoutMs: 60_000,
  };
  const { job } = await fleet.client.call('jobs.create', { body });
  await until(
    'each has met its commit',
    () => doomed.every((process) => process?.child.signalCode === 'SIGKILL'),
    30_000,
  );
  for (const agent of agents) agent.begin();
  const { runs } = await until(
    'the job is over',
    async () => {
      const detail = await fleet.client.call('jobs.show', { params: { job } });
      return detail.state === 'over' && detail;
    },
    60_000,
  );
  const starts = readOracle(oracle);
  for (const { agent, state, reason } of runs) {
    const ran = starts.filter((start) => start.agent === agent).length;
    const told = `${agent}: ran ${ran} times, ${state} (${reason})`;
    assert.ok(ran <= 1, told);
    if (state === 'failed') assert.equal(ran, 1, told);
    else assert.ok(state === 'interrupted', told);
  }
  // Nothing was durable before the first commit, so the order was new when it came again.
  assert.equal(runs.find(({ agent }) => agent === 'before-1')?.state, 'failed');
  t.diagnostic(`${runs.map(({ agent, state }) => `${agent} ${state}`).join(', ')}`);
});
