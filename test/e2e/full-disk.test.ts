import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { RunDetail } from '../../controller/api/job-messages.ts';
import { requires } from '../support/requires.ts';
import { until } from '../support/until.ts';
import { startFleet, type TestFleet } from './fleet.ts';
import { oracleLine, readOracle } from './oracle.ts';
import { smallDisk } from './small-disk.ts';

const NEEDS = requires('root', 'mounts');
const MIB = 1024 * 1024;
const DISK_MIB = 32;

async function order(
  fleet: TestFleet,
  name: string,
  line: string,
  more: { outputCapBytes?: number } = {},
): Promise<() => Promise<RunDetail>> {
  const body = { targets: name, tasks: [{ shell: { line } }], ttlMs: 60_000, timeoutMs: 60_000, ...more };
  const { job } = await fleet.client.call('jobs.create', { body });
  return () =>
    until(
      `the job on ${name} is over`,
      async () => {
        const { state, runs } = await fleet.client.call('jobs.show', { params: { job } });
        return state === 'over' && runs[0];
      },
      30_000,
    );
}

test(
  "an agent's full disk: refused with a code and never started, nothing lost of what ran, and well again by itself",
  NEEDS,
  async (t) => {
    const fleet = await startFleet(t);
    const disk = smallDisk(t, DISK_MIB);
    const homeOf = (name: string): string => join(disk.folder, `agent-${name}`);
    await fleet.agentWith('careful', { home: homeOf('careful'), flags: ['--reserve-mib', '4'] });
    const bold = await fleet.agentWith('bold', { home: homeOf('bold'), flags: ['--reserve-mib', '0'] });
    const oracle = join(fleet.folder, 'oracle');
    const gate = join(fleet.folder, 'gate');
    const begun = join(fleet.folder, 'begun');
    const waits = `echo before; : > ${begun}; until [ -e ${gate} ]; do sleep 0.05; done; echo after; exit 5`;
    const running = await order(fleet, 'bold', waits);
    await until('it runs', () => existsSync(begun));

    disk.fill(2 * MIB);
    const reserved = await (await order(fleet, 'careful', `${oracleLine(oracle)}true`))();
    assert.deepEqual([reserved.state, reserved.code], ['rejected', 'disk-reserve']);

    disk.fill();
    const unwritten = await (await order(fleet, 'bold', `${oracleLine(oracle)}true`))();
    assert.deepEqual(
      [unwritten.state, unwritten.code],
      ['rejected', 'journal-failed'],
      unwritten.reason ?? '',
    );
    const still = await (await order(fleet, 'careful', `${oracleLine(oracle)}true`))();
    assert.deepEqual([still.state, still.code], ['rejected', 'disk-reserve']);
    assert.deepEqual(readOracle(oracle), []);

    // The command ends while nothing can be written: how it ended is kept until it can.
    writeFileSync(gate, '');
    await until('the report cannot be written', () =>
      bold.process.stderr().includes('report not written; trying again'),
    );
    disk.empty();
    const ended = await running();
    assert.deepEqual([ended.state, ended.exitCode], ['failed', 5], ended.reason ?? '');
    assert.equal(ended.outputBytes, 'before\nafter\n'.length);
    for (const name of ['careful', 'bold']) {
      const again = await (await order(fleet, name, `${oracleLine(oracle)}true`))();
      assert.equal(again.state, 'succeeded', again.reason ?? '');
    }
    assert.equal(readOracle(oracle).length, 2);
  },
);

test(
  'output that would fill its agent’s disk is cut at the reserve, so that the run ends and the next one starts',
  NEEDS,
  async (t) => {
    const fleet = await startFleet(t);
    const disk = smallDisk(t, DISK_MIB);
    await fleet.agentWith('chatty', { home: join(disk.folder, 'agent'), flags: ['--reserve-mib', '8'] });
    const written = 48 * MIB;
    const line = `head -c ${written} /dev/zero`;
    const long = await (await order(fleet, 'chatty', line, { outputCapBytes: 64 * MIB }))();
    assert.deepEqual([long.state, long.outputBytes, long.truncated], ['succeeded', written, true]);
    const kept = long.storedBytes ?? 0;
    assert.ok(kept > 8 * MIB && kept < (DISK_MIB - 8) * MIB, `${kept} bytes were kept`);
    const oracle = join(fleet.folder, 'oracle');
    const next = await (await order(fleet, 'chatty', `${oracleLine(oracle)}true`))();
    assert.equal(next.state, 'succeeded', next.reason ?? '');
  },
);
