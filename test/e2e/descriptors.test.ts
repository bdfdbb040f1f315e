import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import type { JobDetail } from '../../controller/api/job-messages.ts';
import { requires } from '../support/requires.ts';
import { until } from '../support/until.ts';
import { startFleet, type TestFleet } from './fleet.ts';
import { oracleLine, readOracle } from './oracle.ts';

const limited = (files: number): string[] => ['prlimit', `--nofile=${files}:${files}`];

async function over(fleet: TestFleet, job: string): Promise<JobDetail> {
  return until(
    `job ${job} is over`,
    async () => {
      const detail = await fleet.client.call('jobs.show', { params: { job } });
      return detail.state === 'over' && detail;
    },
    40_000,
  );
}

test(
  'an agent without descriptors for more runs says so of them, never guesses, and goes on',
  requires('prlimit'),
  async (t) => {
    const fleet = await startFleet(t);
    const agent = await fleet.agentWith('web-1', { by: limited(48), flags: ['--parallel-runs', '40'] });
    const oracle = join(fleet.folder, 'oracle');
    const line = `${oracleLine(oracle)}sleep 1; echo done`;
    const body = { targets: 'web-1', tasks: [{ shell: { line } }], ttlMs: 60_000 };
    const jobs = await Promise.all(
      Array.from({ length: 30 }, async () => (await fleet.client.call('jobs.create', { body })).job),
    );
    const details = await Promise.all(jobs.map((job) => over(fleet, job)));
    const starts = readOracle(oracle);
    let failures = 0;
    for (const { job, runs } of details) {
      const ran = starts.filter((start) => start.job === job).length;
      const [run] = runs;
      assert.ok(run);
      const told = `${run.state}: ${run.reason}`;
      assert.ok(ran <= 1, told);
      if (run.state === 'succeeded') assert.equal(ran, 1, told);
      else {
        failures += 1;
        assert.equal(ran, 0, told);
        assert.notEqual(run.reason, null, told);
        assert.notEqual(run.state, 'lost');
      }
    }
    assert.ok(failures > 0, 'the limit was never met');
    assert.equal(agent.process.child.exitCode, null, agent.process.stderr());
    const again = await fleet.muster(['run', '-t', 'web-1', '--', 'echo', 'well again']);
    assert.equal(again.stdout, 'well again\n', again.stderr);
  },
);

test(
  'a controller whose descriptors strangers use up keeps its agents, and serves again when they are gone',
  requires('prlimit'),
  async (t) => {
    const files = 96;
    const fleet = await startFleet(t, { by: limited(files) });
    await fleet.agent('web-1');
    const { hostname, port } = new URL(fleet.url);
    const pid = fleet.controller.child.pid ?? 0;
    const strangers: Socket[] = [];
    t.after(() => strangers.forEach((socket) => void socket.destroy()));
    const line = 'sleep 2; echo ran through it';
    const running = fleet.begin(['run', '-t', 'web-1', '--shell', line]);
    await until(
      'it was sent',
      async () => (await fleet.client.call('jobs.list', { query: {} }))[0]?.counts.running === 1,
    );
    for (let count = 0; count < 2 * files; count++)
      strangers.push(connect(Number(port), hostname).on('error', () => {}));
    await until('no descriptor is left', () => readdirSync(`/proc/${pid}/fd`).length >= files - 1);
    for (const socket of strangers) socket.destroy();
    const { stdout, status, stderr } = await running.ended;
    assert.deepEqual([stdout, status], ['ran through it\n', 0], stderr);
    assert.equal(fleet.controller.child.exitCode, null, fleet.controller.stderr());
    const { stdout: after } = await fleet.muster(['run', '-t', 'web-1', '--', 'echo', 'well again']);
    assert.equal(after, 'well again\n');
  },
);
