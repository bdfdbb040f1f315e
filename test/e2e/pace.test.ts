import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from '../support/until.ts';
import { startFleet } from './fleet.ts';

const NAMES = ['a', 'b', 'c', 'd', 'e'];

test('a job in batches keeps within them, starts once on each host and comes to its end, also through kills of the controller', async (t) => {
  const fleet = await startFleet(t);
  for (const name of NAMES) await fleet.agent(name);
  const oracle = join(fleet.folder, 'oracle');
  writeFileSync(oracle, '');
  const lines = (): string[] => readFileSync(oracle, 'utf8').split('\n').filter(Boolean);
  const line = `echo start >> ${oracle}; sleep 0.7; echo end >> ${oracle}`;
  const body = { targets: 'all', tasks: [{ shell: { line } }], batch: '2', ttlMs: 60_000, timeoutMs: 60_000 };
  const { job } = await fleet.client.call('jobs.create', { body });
  for (const begun of [1, 3]) {
    await until(
      `${begun} have begun`,
      () => lines().filter((one) => one === 'start').length >= begun,
      30_000,
    );
    await fleet.stopController('SIGKILL');
    await fleet.startController();
  }
  const shown = await until(
    'the job is over',
    async () => {
      const detail = await fleet.client.call('jobs.show', { params: { job } });
      return detail.state === 'over' && detail;
    },
    60_000,
  );
  assert.deepEqual(shown.counts, { succeeded: NAMES.length });
  let atOnce = 0;
  for (const one of lines()) {
    atOnce += one === 'start' ? 1 : -1;
    assert.ok(atOnce <= 2, lines().join(' '));
  }
  assert.equal(lines().filter((one) => one === 'start').length, NAMES.length);
});

test('too many failures stop a job, and it is done again where it did not succeed once the cause is gone', async (t) => {
  const fleet = await startFleet(t);
  for (const name of NAMES.slice(0, 3)) await fleet.agent(name);
  const cause = join(fleet.folder, 'mended');
  const words = ['run', '-t', 'all', '--batch', '1', '--max-failures', '0', '--', 'test', '-e', cause];
  const first = await fleet.muster(words);
  assert.equal(first.status, 1, first.stderr);
  assert.match(first.stderr, /1 failed, 2 cancelled/);
  assert.match(first.stderr, /not started: 1 run failed, --max-failures 0/);
  const [job = ''] = /job ([0-9a-f]{12})/.exec(first.stderr)?.slice(1) ?? [];
  const listed = await fleet.muster(['run', '--failed-of', job, '--list']);
  assert.equal(listed.stdout.match(/online/g)?.length, 3, listed.stderr);
  writeFileSync(cause, '');
  const again = await fleet.muster(['jobs', 'retry', job, '--failed']);
  assert.equal(again.status, 0, again.stderr);
  assert.match(again.stderr, /3 succeeded/);
  const nobody = await fleet.muster(['jobs', 'retry', job, '--state', 'lost']);
  assert.equal(nobody.status, 3, nobody.stderr);
});
