import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { JobDetail } from '../../controller/api/job-messages.ts';
import { requires } from '../support/requires.ts';
import { until } from '../support/until.ts';
import { startFleet, type TestFleet } from './fleet.ts';
import { oracleLine, readOracle } from './oracle.ts';
import { smallDisk } from './small-disk.ts';

const MIB = 1024 * 1024;
/** 8 MB: more than the store's log may have room for from before, and less than what is kept of one run. */
const LINES = 1_200_000;

async function begin(fleet: TestFleet, line: string): Promise<string> {
  const body = { targets: 'web-1', tasks: [{ shell: { line } }], ttlMs: 60_000, timeoutMs: 120_000 };
  return (await fleet.client.call('jobs.create', { body })).job;
}

const show = (fleet: TestFleet, job: string): Promise<JobDetail> =>
  fleet.client.call('jobs.show', { params: { job } });

const over = (fleet: TestFleet, job: string) =>
  until(
    `job ${job} is over`,
    async () => {
      const { state, runs } = await show(fleet, job);
      return state === 'over' && runs[0];
    },
    30_000,
  );

test(
  "a controller's full disk: new jobs refused, results taken while they fit, kept by their agent when not, all there when there is room",
  requires('root', 'mounts'),
  async (t) => {
    const disk = smallDisk(t, 64);
    const home = join(disk.folder, 'controller');
    const fleet = await startFleet(t, { home, flags: ['--reserve', '16MiB'] });
    await fleet.agent('web-1');
    const oracle = join(fleet.folder, 'oracle');
    const gates = [join(fleet.folder, 'gate-1'), join(fleet.folder, 'gate-2')] as const;
    const waitFor = (gate: string): string => `until [ -e ${gate} ]; do sleep 0.05; done; `;
    const small = await begin(fleet, `${oracleLine(oracle)}${waitFor(gates[0])}echo small; exit 3`);
    const large = await begin(fleet, `${oracleLine(oracle)}${waitFor(gates[1])}seq ${LINES}`);
    await until('both run', () => readOracle(oracle).length === 2);

    disk.fill(12 * MIB);
    const refused = await until('new jobs are refused', async () => {
      const made = await fleet.muster(['run', '-t', 'web-1', '--detach', '--', 'true']);
      return made.status !== 0 && made;
    });
    assert.equal(refused.status, 5);
    assert.match(refused.stderr, /too little room for new jobs; results are still taken/);
    const status = await fleet.muster(['status']);
    assert.equal(status.status, 0);
    assert.match(status.stderr, /warning: new jobs are refused: \d+ MiB of its disk are free/);
    writeFileSync(gates[0], '');
    const first = await over(fleet, small);
    assert.deepEqual([first.state, first.exitCode, first.storedBytes], ['failed', 3, 6], 'from the reserve');

    disk.fill();
    writeFileSync(gates[1], '');
    await until(
      'nothing can be written',
      async () => {
        const { storage } = await fleet.client.call('status', {});
        return storage.full?.startsWith('the database cannot be written') === true;
      },
      30_000,
    );
    assert.equal((await show(fleet, large)).state, 'running', 'nothing is claimed that was not stored');
    const [agent] = await fleet.client.call('agents.list', { query: {} });
    assert.equal(agent?.online, true, 'a full disk cuts nobody off');
    assert.equal(existsSync(join(home, 'muster.db')), true);

    disk.empty();
    const second = await over(fleet, large);
    const whole = Array.from({ length: LINES }, (_, index) => `${index + 1}\n`).join('');
    assert.deepEqual(
      [second.state, second.exitCode, second.outputBytes, second.storedBytes, second.truncated],
      ['succeeded', 0, whole.length, whole.length, false],
    );
    const output = await fleet.muster(['jobs', 'output', large, 'web-1']);
    assert.equal(output.stdout, whole, 'byte for byte');
    await until('new jobs are taken again', async () => {
      const made = await fleet.muster(['run', '-t', 'web-1', '--', 'true']);
      return made.status === 0;
    });
    assert.equal(readOracle(oracle).length, 2, 'each ran once');
  },
);
