import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { requires } from '../support/requires.ts';
import { until } from '../support/until.ts';
import { startFleet } from './fleet.ts';
import { createNetwork } from './network.ts';

const NEEDS = requires('root', 'network-namespaces', 'ip', 'nft');
const BACK_MS = 60_000;

interface Summary {
  state: string;
  runs: {
    state: string;
    reason: string | null;
    code: string | null;
    tasks: { state: string; code: string | null }[];
  }[];
}

/** An agent in a network of its own, and a bundle whose first task takes the network away. */
async function stage(t: { after(fn: () => unknown): void }) {
  const network = createNetwork(t, ['far']);
  const fleet = await startFleet(t, { by: network.controllerBy, host: network.host });
  const agent = await fleet.agentWith('far', { by: network.agentBy('far') });
  const told = join(fleet.folder, 'told');
  writeFileSync(told, '');
  const order = async (change: string, back: string): Promise<string> => {
    const bundle = join(fleet.folder, 'bundle.yaml');
    const tasks = [
      {
        shell: `echo change >>${told}; ${change}`,
        undo: { within: '3s', tasks: [{ shell: `echo back >>${told}; ${back}` }] },
      },
      { shell: `echo next >>${told}` },
    ];
    writeFileSync(bundle, JSON.stringify({ tasks }));
    const { stdout, stderr } = await fleet.muster(['apply', '-f', bundle, '-t', 'far', '--detach']);
    assert.match(stdout, /^[0-9a-f]{32}\n$/, stderr);
    return stdout.trim();
  };
  const over = (job: string) =>
    until(
      'the job is over',
      async () => {
        const shown = await fleet.json<Summary>(['jobs', 'show', job, '--json']);
        return shown.state === 'over' ? shown : undefined;
      },
      BACK_MS,
    );
  return { agent, order, over, told: () => readFileSync(told, 'utf8').trimEnd().split('\n'), fleet };
}

describe('a change that may cut a host off', { ...NEEDS, concurrency: 2 }, () => {
  test('is taken back by the agent itself where it did, and nothing after it is carried out', async (t) => {
    const { order, over, told } = await stage(t);
    const { runs } = await over(
      await order('ip link set veth0 down', 'ip link set veth0 up; ip route add default via 10.77.1.1'),
    );
    assert.deepEqual(told(), ['change', 'back']);
    const [run] = runs;
    assert.equal(run?.state, 'failed');
    assert.match(run?.reason ?? '', /the controller was not reached within 3 s after it; it was taken back/);
    assert.deepEqual(
      run?.tasks.map(({ state, code }) => [state, code]),
      [
        ['failed', 'undone'],
        ['skipped', null],
      ],
    );
  });

  test('counts at once where the controller is reached, and is not taken back', async (t) => {
    const { order, over, told } = await stage(t);
    const { runs } = await over(await order('true', 'false'));
    assert.deepEqual(told(), ['change', 'next']);
    assert.equal(runs[0]?.state, 'succeeded');
  });

  test('is taken back once by the next agent where the first was killed while it waited', async (t) => {
    const { agent, order, over, told } = await stage(t);
    const job = await order(
      'ip link set veth0 down',
      'ip link set veth0 up; ip route add default via 10.77.1.1',
    );
    await until('the change was made', () => told().includes('change'));
    const spool = join(agent.home, 'runs', `${job}-1.log`);
    await until('the agent waits', () => existsSync(spool) && readFileSync(spool).includes('"waits":0'));
    await agent.stop('SIGKILL');
    agent.begin();
    const { runs } = await over(job);
    assert.deepEqual(told(), ['change', 'back']);
    assert.deepEqual(
      runs[0]?.tasks.map(({ code }) => code),
      ['undone', null],
    );
  });

  test('says loudly where it could not be taken back', async (t) => {
    const { order, over, told } = await stage(t);
    const job = await order(
      'ip link set veth0 down',
      'ip link set veth0 up; ip route add default via 10.77.1.1; exit 3',
    );
    const { runs } = await over(job);
    assert.deepEqual(told(), ['change', 'back']);
    assert.equal(runs[0]?.tasks[0]?.code, 'undo-failed');
    assert.match(runs[0]?.reason ?? '', /taking it back failed: exit status 3/);
  });
});
