import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { createPool } from '../../../agent/executor/pool.ts';
import { identify } from '../../../agent/executor/proc.ts';
import type { Spare } from '../../../agent/executor/spare.ts';
import { virtualClock } from '../../support/virtual-clock.ts';
import { until } from './machine.ts';

function spoolOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'muster-pool-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'spool');
}

const isAlive = (spare: Spare) => identify(spare.root.pid)?.startTicks === spare.root.startTicks;

test('spares are ready after the start, and are made up for some time after one was taken', async (t) => {
  const spoolDir = spoolOf(t);
  const clock = virtualClock();
  const pool = createPool({ clock, spoolDir, size: 2, refillMs: 100 });
  await pool.start();
  assert.equal(readdirSync(spoolDir).length, 2);
  assert.equal(statSync(spoolDir).mode & 0o777, 0o711);

  const spare = await pool.take();
  assert.ok(isAlive(spare));
  assert.deepEqual(readdirSync(spare.folder).sort(), ['err', 'exit', 'out', 'pid']);
  assert.equal(statSync(join(spare.folder, 'out')).mode, 0o010600);
  assert.equal(
    readFileSync(join(spare.folder, 'pid'), 'utf8'),
    `${spare.root.pid} ${spare.root.startTicks}\n`,
  );
  await clock.advance(99);
  assert.equal(readdirSync(spoolDir).length, 2);
  await clock.advance(1);
  await until(() => readdirSync(spoolDir).length === 3, 'a new spare');
  await spare.discard();
  await pool.stop();
  await until(() => !isAlive(spare), 'the discarded shim leaves');
});

test('stopping leaves no process, no folder and no timer', async (t) => {
  const spoolDir = spoolOf(t);
  const clock = virtualClock();
  const pool = createPool({ clock, spoolDir, size: 3 });
  await pool.start();
  const taken = await pool.take();
  const pids = readdirSync(spoolDir).map((name) =>
    Number.parseInt(readFileSync(join(spoolDir, name, 'pid'), 'utf8'), 10),
  );
  assert.equal(pids.length, 3);
  await taken.discard();
  await pool.stop();
  assert.deepEqual(readdirSync(spoolDir), []);
  assert.equal(clock.pending, 0);
  await until(() => pids.every((pid) => identify(pid) === undefined), 'every shim left');
});

test('stopping in the midst of making a spare waits for that one too', async (t) => {
  const spoolDir = spoolOf(t);
  const clock = virtualClock();
  const pool = createPool({ clock, spoolDir, size: 1, refillMs: 0 });
  await pool.start();
  const taken = await pool.take();
  await clock.advance(0);
  assert.equal(readdirSync(spoolDir).length, 2, 'the next one is begun');
  await pool.stop();
  await taken.discard();
  assert.deepEqual(readdirSync(spoolDir), []);
});

test('a waiting shim that somebody stopped does not hold the end of the pool', async (t) => {
  const pool = createPool({ clock: virtualClock(), spoolDir: spoolOf(t), size: 1 });
  const spare = await pool.take();
  process.kill(spare.root.pid, 'SIGSTOP');
  await spare.discard();
  assert.equal(isAlive(spare), false);
});

test('an empty pool makes a spare when it is asked, started or not', async (t) => {
  const pool = createPool({ clock: virtualClock(), spoolDir: spoolOf(t), size: 1 });
  const spares = [await pool.take(), await pool.take()];
  assert.ok(spares.every(isAlive));
  for (const spare of spares) await spare.discard();
});

test('a spare that died while it waited is not given away', async (t) => {
  const spoolDir = spoolOf(t);
  const pool = createPool({ clock: virtualClock(), spoolDir, size: 1 });
  await pool.start();
  const [name = ''] = readdirSync(spoolDir);
  const pid = Number.parseInt(readFileSync(join(spoolDir, name, 'pid'), 'utf8'), 10);
  process.kill(pid, 'SIGKILL');
  await until(() => readdirSync(spoolDir).length === 0, 'the dead spare is cleared away');
  const spare = await pool.take();
  assert.ok(isAlive(spare));
  await spare.discard();
  await pool.stop();
});

test('the start clears away the spares of an earlier agent, and no run', async (t) => {
  const spoolDir = spoolOf(t);
  for (const name of ['spare-1-0', 'abc-1-0']) {
    mkdirSync(join(spoolDir, name), { recursive: true });
    writeFileSync(join(spoolDir, name, 'exit'), '');
  }
  const pool = createPool({ clock: virtualClock(), spoolDir, size: 0 });
  await pool.start();
  assert.deepEqual(readdirSync(spoolDir), ['abc-1-0']);
  await pool.stop();
});

test('a shell or a spool that is not there is an error of the one who asks, not of the agent', async (t) => {
  const spoolDir = spoolOf(t);
  const noShell = createPool({ clock: virtualClock(), spoolDir, size: 1, shell: '/no/such/shell' });
  await noShell.start();
  await assert.rejects(noShell.take(), /ENOENT/);
  assert.deepEqual(readdirSync(spoolDir), []);
  await noShell.stop();
  const noSpool = createPool({ clock: virtualClock(), spoolDir: '/dev/null/spool', size: 1 });
  await assert.rejects(noSpool.take(), /ENOTDIR/);
});

const AGENT = join(import.meta.dirname, 'fixtures', 'agent.ts');
const NODE = [...process.execArgv.filter((flag) => flag.startsWith('--disable-warning')), AGENT];

test('after kill −9 of the agent its commands go on, are not broken by the loss of their reader, and record their end', async (t) => {
  const spoolDir = spoolOf(t);
  mkdirSync(spoolDir);
  const flag = join(spoolDir, 'flag');
  // More than a pipe takes would block; less must not be killed by SIGPIPE.
  const line = `while [ ! -e '${flag}' ]; do sleep 0.02; done; head -c 5000 /dev/zero; echo fine; exit 4`;
  const agent = spawn(process.execPath, [...NODE, spoolDir, 'run', line], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => agent.kill('SIGKILL'));
  const lines = createInterface({ input: agent.stdout });
  const jobId = await new Promise<string>((resolve) =>
    lines.once('line', (said) => resolve(JSON.parse(said).started)),
  );
  const folder = join(spoolDir, `${jobId}-1-0`);
  await until(() => readdirSync(spoolDir).includes(`${jobId}-1-0`), 'the run folder');
  await until(() => readFileSync(join(folder, 'exit'), 'utf8') === 'start\n', 'the start');
  agent.kill('SIGKILL');
  await new Promise((resolve) => agent.once('exit', resolve));
  writeFileSync(flag, '');
  await until(() => readFileSync(join(folder, 'exit'), 'utf8') === 'start\nexit 4\n', 'the recorded end');
  // The shim holds what the command wrote for the next agent.
  const shim = Number.parseInt(readFileSync(join(folder, 'pid'), 'utf8'), 10);
  await until(() => readFileSync(`/proc/${shim}/comm`, 'utf8') === 'sleep\n', 'the shim waits');
  process.kill(shim, 'SIGKILL');
  // The spares of the dead agent leave as well.
  const spares = readdirSync(spoolDir).filter((name) => existsSync(join(spoolDir, name, 'pid')));
  const pids = spares.map((name) => Number.parseInt(readFileSync(join(spoolDir, name, 'pid'), 'utf8'), 10));
  await until(() => pids.every((pid) => identify(pid) === undefined), 'the waiting shims leave');
});

test('an agent without descriptors says so of each run, and lives', (t) => {
  const spoolDir = spoolOf(t);
  const limited = [
    '-c',
    'ulimit -n 80; exec "$@"',
    'sh',
    process.execPath,
    ...NODE,
    spoolDir,
    'starve',
    'echo hi',
  ];
  const { stdout, stderr, status } = spawnSync('/bin/sh', limited, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  const said = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
    .filter((what) => 'state' in what);
  assert.equal(said.length, 18);
  for (const { state, reason, stdout } of said) {
    if (state === 'succeeded') assert.equal(stdout, 'hi\n');
    else assert.match(reason, /could not be started: .*EMFILE/);
  }
  assert.ok(said.some((what) => what.state === 'failed'));
  assert.equal(said.at(0).state, 'succeeded');
});
