import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import type { JobBody, RunDetail } from '../../controller/api/job-messages.ts';
import { until } from '../support/until.ts';
import { type AgentHandle, startFleet, type TestFleet } from './fleet.ts';
import { oracleLine, readOracle } from './oracle.ts';

describe('a run outlives its agent', () => {
  let fleet: TestFleet;
  let agent: AgentHandle;
  const ends: (() => unknown)[] = [];
  before(async () => {
    fleet = await startFleet({ after: (fn) => void ends.push(fn) });
    agent = await fleet.agentWith('web-1', { flags: ['--parallel-runs', '1'] });
  });
  test.after(async () => {
    for (const end of ends) await end();
  });

  async function order(lines: string[], more: Partial<JobBody> = {}): Promise<string> {
    const tasks = lines.map((line) => ({ shell: { line } }));
    const { job } = await fleet.client.call('jobs.create', { body: { targets: 'web-1', tasks, ...more } });
    return job;
  }

  const runOf = async (job: string): Promise<RunDetail | undefined> =>
    (await fleet.client.call('jobs.show', { params: { job } })).runs[0];

  const over = (job: string): Promise<RunDetail> =>
    until(
      `job ${job} is over`,
      async () => {
        const shown = await fleet.client.call('jobs.show', { params: { job } });
        return shown.state === 'over' && shown.runs[0];
      },
      30_000,
    );

  async function output(job: string): Promise<string> {
    const [run] = (await fleet.client.call('jobs.show', { params: { job } })).runs;
    const params = { job, agent: run?.agentId ?? '' };
    let text = '';
    for await (const piece of await fleet.client.open('jobs.output', { params, query: {} }))
      text += Buffer.from(piece).toString();
    return text;
  }

  test('an orderly restart of the agent in the midst of output loses none of it, and whoever follows sees all', async () => {
    const line =
      'i=0; while [ $i -lt 200 ]; do echo "line $i"; i=$((i+1)); sleep 0.01; done; echo end >&2; exit 3';
    const following = fleet.begin(['run', '-t', 'web-1', '--', 'sh', '-c', line]);
    await until('it writes', () => following.stdout().includes('line 20\n'));
    await agent.stop();
    await agent.restart();
    const { stdout, stderr } = await following.ended;
    assert.equal(stdout, Array.from({ length: 200 }, (_, n) => `line ${n}\n`).join(''));
    assert.match(stderr, /end/);
    assert.doesNotMatch(stderr, /may lack/);
  });

  test('after kill −9 what ran is taken up, its next task is carried out, and what waited starts once', async () => {
    const oracle = join(fleet.folder, 'oracle');
    const flag = join(fleet.folder, 'flag');
    const mark = oracleLine(oracle);
    const first = await order([
      `${mark}echo one; while [ ! -e ${flag} ]; do sleep 0.05; done; echo two`,
      `${mark}echo three`,
    ]);
    await until('it writes', async () => (await output(first)) === 'one\n');
    const second = await order([`${mark}echo waited`]);
    await until('it waits', async () => (await runOf(second))?.state === 'accepted');
    await agent.stop('SIGKILL');
    writeFileSync(flag, '');
    await until('it ends without an agent', () => exitOf(agent, first).endsWith('exit 0\n'));
    await agent.restart();
    const [one, two] = [await over(first), await over(second)];
    assert.deepEqual([one.state, one.gaps, two.state], ['succeeded', [], 'succeeded'], one.reason ?? '');
    assert.equal(await output(first), 'one\ntwo\nthree\n');
    assert.equal(await output(second), 'waited\n');
    const starts = readOracle(oracle).map((start) => start.job);
    assert.deepEqual(starts, [first, first, second]);
  });

  test('a cancel reaches what was taken up', async () => {
    const job = await order(['echo up; sleep 300']);
    await until('it is up', async () => (await output(job)) === 'up\n');
    await agent.stop('SIGKILL');
    await fleet.client.call('jobs.cancel', { params: { job }, body: {} });
    await agent.restart();
    assert.equal((await over(job)).state, 'cancelled');
  });

  test('what nobody saw end is interrupted, and attempted again only where the order says that this is safe', async () => {
    for (const attempts of [1, 2]) {
      const oracle = join(fleet.folder, `oracle-${attempts}`);
      const line = `${oracleLine(oracle)}[ $MUSTER_ATTEMPT = 2 ] || sleep 300; echo again`;
      const job = await order([line], { attempts });
      await until('it has started', () => readOracle(oracle).length === 1);
      await agent.stop('SIGKILL');
      process.kill(Number.parseInt(readFileSync(join(folderOf(agent, job), 'pid'), 'utf8'), 10), 'SIGKILL');
      await agent.restart();
      const wanted = attempts === 2 ? 'succeeded' : 'interrupted';
      const run = await until(
        `it is ${wanted}`,
        async () => {
          const shown = await runOf(job);
          return shown?.state === wanted && shown;
        },
        30_000,
      );
      assert.equal(run.attempt, attempts);
      assert.deepEqual(
        readOracle(oracle).map(({ attempt }) => attempt),
        attempts === 2 ? [1, 2] : [1],
      );
    }
  });
});

function folderOf(agent: AgentHandle, job: string): string {
  const runs = join(agent.home, 'runs');
  const name = readdirSync(runs).find((one) => one.startsWith(`${job}-`) && !one.endsWith('.log'));
  return join(runs, name ?? 'none');
}

function exitOf(agent: AgentHandle, job: string): string {
  return readFileSync(join(folderOf(agent, job), 'exit'), 'utf8');
}
