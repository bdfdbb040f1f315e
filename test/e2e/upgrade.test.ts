import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { MusterError } from '../../proto/errors.ts';
import { MUSTER_VERSION } from '../../proto/version.ts';
import { until } from '../support/until.ts';
import { startFleet } from './fleet.ts';
import { bundleOf, type Fault, installProgram, upgradeTask } from './installed.ts';

describe('an agent that Muster installed', { concurrency: 2 }, () => {
  /** One that nothing but its launcher restarts. */
  async function stage(t: TestContext, begins = MUSTER_VERSION) {
    const fleet = await startFleet(t);
    const agent = await fleet.agent('h1');
    await agent.stop();
    const installed = installProgram(join(fleet.folder, 'host'), begins);
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

  test('becomes the new version, which goes on with what ran, and says so', async (t) => {
    const { fleet, installed, upgrade, version } = await stage(t);
    const oracle = join(fleet.folder, 'oracle');
    const line = `echo began >>${oracle}; for i in 1 2 3 4 5 6 7 8 9; do echo $i; sleep 1; done`;
    const running = fleet.begin(['run', '-t', 'h1', '--shell', line]);
    await until('it runs', () => running.stdout().includes('1'));
    const run = await upgrade('0.2.0');
    assert.ok(!running.stdout().includes('9'), 'it was there before the run had ended');
    assert.deepEqual([run.state, run.task?.change], ['succeeded', 'changed'], JSON.stringify(run));
    assert.equal(installed.current(), 'b');
    assert.equal(await version(), '0.2.0');
    const { status, stdout, stderr } = await running.ended;
    assert.deepEqual([status, stdout], [0, '1\n2\n3\n4\n5\n6\n7\n8\n9\n'], stderr);
    assert.equal(readFileSync(oracle, 'utf8'), 'began\n');
  });

  test('muster agents upgrade brings it to the version of the command, once, and names whom it leaves out', async (t) => {
    const { fleet, installed, version } = await stage(t, '0.0.9');
    await fleet.agent('checkout');
    const told = (name: string) =>
      until(`what ${name} is is known`, async () => {
        const known = await fleet.client
          .call('agents.facts', { params: { agent: name } })
          .catch((error: unknown) => {
            if (error instanceof MusterError && error.code === 'not-found') return undefined;
            throw error;
          });
        return known?.facts.agent !== undefined;
      });
    await Promise.all([told('h1'), told('checkout')]);
    const upgrade = (...args: string[]) => fleet.muster(['agents', 'upgrade', ...args]);

    const checked = await upgrade('-t', 'h1', '--check');
    assert.deepEqual([checked.status, checked.stdout], [0, `h1  would change: 0.0.9 → ${MUSTER_VERSION}\n`]);
    const first = await upgrade('-t', 'all', '--batch', '1');
    assert.deepEqual([first.status, first.stdout], [1, `h1  0.0.9 → ${MUSTER_VERSION}\n`], first.stderr);
    assert.match(first.stderr, /left out, Muster did not install the agent there: 1 host \(checkout\)/);
    assert.equal(await version(), MUSTER_VERSION);
    const again = await upgrade('-t', 'h1');
    assert.deepEqual([again.status, again.stdout], [0, `h1  unchanged, ${MUSTER_VERSION}\n`], again.stderr);
    assert.equal(installed.current(), 'b');
    const alone = await upgrade('-t', 'checkout');
    assert.equal(alone.status, 1);
    assert.match(alone.stderr, /there is nobody to upgrade/);
  });

  for (const [fault, onlineWithinMs, why] of [
    ['crashes', 60_000, /went back to 0\.1\.0: 0\.2\.0 ended 3 times before it was online/],
    [
      'changes the journal and ends',
      60_000,
      /went back to 0\.1\.0: 0\.2\.0 ended 3 times before it was online/,
    ],
    ['hangs', 3_000, /went back to 0\.1\.0: 0\.2\.0 did not come online within 3 s/],
    ['cannot connect', 3_000, /went back to 0\.1\.0: 0\.2\.0 did not come online within 3 s/],
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
