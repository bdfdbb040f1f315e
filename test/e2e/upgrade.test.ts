import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { until } from '../support/until.ts';
import { startFleet } from './fleet.ts';
import { bundleOf, type Fault, installProgram, upgradeTask } from './installed.ts';

describe('an agent that Muster installed', { concurrency: 2 }, () => {
  /** One that nothing but its launcher restarts. */
  async function stage(t: TestContext) {
    const fleet = await startFleet(t);
    const agent = await fleet.agent('h1');
    await agent.stop();
    const installed = installProgram(join(fleet.folder, 'host'));
    agent.beginAs([installed.supervisor]);
    await fleet.online('h1', true);

    async function job(task: object, more: object = {}): Promise<string> {
      const body = { targets: 'h1', tasks: [task], ttlMs: 60_000, ...more };
      return (await fleet.client.call('jobs.create', { body: body as never })).job;
    }
    async function outcome(id: string) {
      return until(
        'the job is over',
        async () => {
          const shown = await fleet.client.call('jobs.show', { params: { job: id } });
          const [run] = shown.runs;
          return shown.state === 'over' && run ? { ...run, task: run.tasks[0] } : undefined;
        },
        60_000,
      );
    }
    async function upgrade(version: string, fault?: Fault, more: { onlineWithinMs?: number } = {}) {
      return outcome(await job(await upgradeTask(fleet.client, version, bundleOf(version, fault), more)));
    }
    const version = async (): Promise<string | null> =>
      (await fleet.client.call('agents.list', { query: {} }))[0]?.agentVersion ?? null;
    return { fleet, agent, installed, job, outcome, upgrade, version };
  }

  test('becomes the new version, and says so from there', async (t) => {
    const { installed, upgrade, version } = await stage(t);
    const run = await upgrade('0.2.0');
    assert.deepEqual([run.state, run.task?.change], ['succeeded', 'changed'], JSON.stringify(run));
    assert.equal(installed.current(), 'b');
    assert.equal(await version(), '0.2.0');
  });

  for (const [fault, onlineWithinMs, why] of [
    ['crashes', 60_000, /0\.2\.0 ended 3 times before it was online.*; 0\.1\.0 runs again/],
    ['exits', 60_000, /0\.2\.0 ended 3 times before it was online.*; 0\.1\.0 runs again/],
    ['hangs', 3_000, /0\.2\.0 did not come online within 3 s.*; 0\.1\.0 runs again/],
    ['cannot connect', 3_000, /0\.2\.0 did not come online within 3 s.*; 0\.1\.0 runs again/],
  ] as const)
    test(`goes back from a version that ${fault}`, async (t) => {
      const { installed, upgrade, version } = await stage(t);
      const run = await upgrade('0.2.0', fault, { onlineWithinMs });
      assert.equal(run.state, 'failed');
      assert.match(run.reason ?? '', why);
      assert.equal(installed.current(), 'a');
      assert.equal(await version(), '0.1.0');
    });
});
