import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createLauncher } from '../../../agent/executor/launcher.ts';
import { createPool, type Pool } from '../../../agent/executor/pool.ts';
import { identify, localProcessTable as tableOf } from '../../../agent/executor/proc.ts';
import type { Launch } from '../../../agent/executor/process.ts';
import { systemClock } from '../../../proto/system.ts';
import { virtualClock } from '../../support/virtual-clock.ts';
import { bytes, until } from './machine.ts';

const localProcessTable = tableOf();

function spool() {
  const folder = mkdtempSync(join(tmpdir(), 'muster-launcher-'));
  const pool = createPool({ clock: virtualClock(), spoolDir: folder, size: 0 });
  const launch = (argv: string[], stdin = ''): Launch => ({
    folder: join(folder, 'run'),
    command: { argv, env: {}, cwd: '/', stdin: bytes(stdin) },
    nice: 0,
    onData: () => true,
    onBroken() {},
  });
  return { folder, pool, launch, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** A pool whose spares have one file on a disk that is full. */
function fullDisk(pool: Pool, file: string, pids: number[]): Pool {
  return {
    ...pool,
    async take() {
      const spare = await pool.take();
      pids.push(spare.root.pid);
      rmSync(join(spare.folder, file), { force: true });
      symlinkSync('/dev/full', join(spare.folder, file));
      return spare;
    },
  };
}

test('a full disk at the start is an error, and starts nothing', async (t) => {
  const s = spool();
  t.after(s.remove);
  const proof = join(s.folder, 'proof');
  const pids: number[] = [];
  const launcher = createLauncher(fullDisk(s.pool, 'in', pids), systemClock);
  await assert.rejects(
    launcher.launch(s.launch(['touch', proof], 'input'), new AbortController().signal),
    /ENOSPC/,
  );
  await until(() => pids.every((pid) => identify(pid) === undefined), 'the shim leaves');
  assert.equal(readdirSync(s.folder).includes('proof'), false);
});

test('a start that was called off leaves no folder and no shim', async (t) => {
  const s = spool();
  t.after(s.remove);
  const called = new AbortController();
  called.abort();
  await assert.rejects(createLauncher(s.pool, systemClock).launch(s.launch(['true']), called.signal), {
    name: 'AbortError',
  });
  await until(() => readdirSync(s.folder).length === 0, 'the shim leaves, and then the folder goes');
});

test('a shim that was killed before its order has started nothing, and says so', async (t) => {
  const s = spool();
  t.after(s.remove);
  const launcher = createLauncher(
    {
      ...s.pool,
      async take() {
        const spare = await s.pool.take();
        const gone = new Promise((resolve) => spare.shim.once('exit', resolve));
        process.kill(spare.root.pid, 'SIGKILL');
        await gone;
        return spare;
      },
    },
    systemClock,
  );
  const started = await launcher.launch(s.launch(['true']), new AbortController().signal);
  assert.deepEqual(await started.ended, {
    kind: 'not-started',
    reason: 'the command could not be started',
  });
  assert.equal(started.drain(), false);
});

test('a signal goes to the very process that was seen, never to one that has its pid since', async (t) => {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  t.after(() => child.kill('SIGKILL'));
  assert.ok(child.pid);
  const id = identify(child.pid);
  assert.ok(id);
  assert.equal(localProcessTable.signal({ pid: id.pid, startTicks: id.startTicks - 1 }, 'SIGKILL'), true);
  assert.deepEqual(identify(child.pid), id);
  assert.equal(child.killed, false);
  const ended = new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal)));
  assert.equal(localProcessTable.signal(id, 'SIGINT'), true);
  assert.equal(await ended, 'SIGINT');
});

test('the mark of a job is a whole variable with its whole value', async (t) => {
  const envs = [
    { MUSTER_JOB: 'ab' },
    { OLD_MUSTER_JOB: 'ab' },
    { MUSTER_JOB: 'abc' },
    { A: 'x\nMUSTER_JOB=ab' },
  ];
  const children = envs.map((env) => spawn('/bin/sleep', ['60'], { stdio: 'ignore', env }));
  t.after(() => children.map((child) => child.kill('SIGKILL')));
  const marked = () =>
    localProcessTable
      .snapshot({ mark: 'MUSTER_JOB=ab', sinceTicks: 0, shims: [] })
      .filter((entry) => entry.marked)
      .map((entry) => entry.pid);
  await until(() => marked().length > 0, 'the first has its environment');
  assert.deepEqual(marked(), [children[0]?.pid]);
  const told: number[] = [];
  localProcessTable.snapshot({ mark: 'MUSTER_JOB=ab', sinceTicks: 0, shims: [] }, (entry) =>
    told.push(entry.pid),
  );
  assert.deepEqual(told, [children[0]?.pid]);
  const [first] = children;
  const ticks = identify(first?.pid ?? 0)?.startTicks ?? 0;
  const later = localProcessTable.snapshot({ mark: 'MUSTER_JOB=ab', sinceTicks: ticks + 1, shims: [] });
  assert.equal(later.find((entry) => entry.pid === first?.pid)?.marked, false);
});
