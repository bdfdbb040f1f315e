import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { until } from '../support/until.ts';
import { startFleet } from './fleet.ts';
import { oracleLine, readOracle } from './oracle.ts';

test('a controller restored from a backup runs nothing twice, and learns what became of what it had sent since', async (t) => {
  const fleet = await startFleet(t);
  const agent = await fleet.agent('web-1');
  const oracle = join(fleet.folder, 'oracle');
  const order = async (line: string): Promise<string> => {
    const body = { targets: 'web-1', tasks: [{ shell: { line: `${oracleLine(oracle)}${line}` } }] };
    return (await fleet.client.call('jobs.create', { body: { ...body, ttlMs: 3_600_000 } })).job;
  };
  const ended = (job: string, state: string) =>
    until(
      `${job} is ${state}`,
      async () => {
        const [run] = (await fleet.client.call('jobs.show', { params: { job } })).runs;
        return run?.state === state && run;
      },
      30_000,
    );
  const before = await order('echo before');
  await ended(before, 'succeeded');
  await agent.stop();
  await fleet.online('web-1', false);
  const queued = await order('echo queued; exit 7');

  const file = join(fleet.folder, 'muster.tar');
  const made = await fleet.muster(['backup', file, '--json']);
  assert.equal(made.status, 0, made.stderr);
  assert.match(made.stderr, /it holds the keys of the fleet: whoever can read it owns the fleet/);
  assert.equal(JSON.parse(made.stdout).file, file);
  const piped = await fleet.begin(['backup', '-']).ended;
  assert.equal(piped.status, 0, piped.stderr);
  assert.match(piped.stdout.slice(0, 20), /^manifest\.json/);

  await agent.restart();
  await ended(queued, 'failed');
  const since = await order('echo since');
  await ended(since, 'succeeded');
  assert.equal(readOracle(oracle).length, 3);

  const inUse = await fleet.muster(['restore', file, '--force']);
  assert.deepEqual([inUse.status, /another controller uses this home/.test(inUse.stderr)], [5, true]);
  await fleet.stopController('SIGKILL');
  const unasked = await fleet.muster(['restore', file]);
  assert.deepEqual([unasked.status, /with --force that is moved aside/.test(unasked.stderr)], [2, true]);
  const restored = await fleet.muster(['restore', file, '--force']);
  assert.equal(restored.status, 0, restored.stderr);
  assert.match(restored.stdout, /runs that may have been sent since: 1 are asked for, 0 are lost/);
  assert.match(
    restored.stdout,
    new RegExp(`not over, also if cancelled since: 1 jobs: ${queued.slice(0, 12)}`),
  );
  await fleet.startController();
  await fleet.online('web-1', true);
  const run = await ended(queued, 'failed');
  assert.equal(run.exitCode, 7, 'the real outcome');
  assert.equal((await ended(before, 'succeeded')).storedBytes, 7);
  const unknown = await fleet.muster(['jobs', 'show', since]);
  assert.equal(unknown.status, 2, 'what was made since is not known any more');
  assert.equal((await fleet.muster(['run', '-t', 'web-1', '--', 'true'])).status, 0, 'and it goes on');
  assert.deepEqual(
    readOracle(oracle).map(({ job }) => job),
    [before, queued, since],
    'each once',
  );
  assert.equal((await fleet.muster(['audit', 'verify'])).status, 0);
});

test('a controller refuses to start on a newer schema or a damaged database, says what to do, and leaves it as it is', async (t) => {
  const fleet = await startFleet(t);
  await fleet.stopController();
  const path = join(fleet.home, 'muster.db');
  const good = readFileSync(path);
  const files = (): string[] => readdirSync(fleet.home).filter((name) => name.startsWith('muster.db'));
  const refused = async (): Promise<string> => {
    const before = readFileSync(path);
    const { status, stderr } = await fleet.muster(['serve', '--listen', '127.0.0.1:0']);
    assert.equal(status, 5, stderr);
    assert.deepEqual(readFileSync(path), before);
    assert.ok(files().length >= 1);
    return stderr;
  };
  const newer = new DatabaseSync(path);
  newer.exec('pragma journal_mode = delete; pragma user_version = 9999');
  newer.close();
  assert.match(await refused(), /a newer Muster wrote this database; install that version again/);
  for (const damage of ['nothing of a database', 'a page overwritten'] as const) {
    const bad = Buffer.from(good);
    if (damage === 'a page overwritten') bad.fill(0x5a, 4096 * 6, 4096 * 7);
    else bad.fill('text ', 0, 4096);
    writeFileSync(path, bad);
    assert.match(await refused(), /database is damaged; .*"muster restore FILE"/, damage);
  }
});
