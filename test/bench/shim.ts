/** What the shim, the pipes and the pool around it cost a command of about two milliseconds. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Executor } from '../../agent/executor/executor.ts';
import { createLocalExecutor } from '../../agent/executor/local.ts';
import type { RunSpec } from '../../agent/executor/run.ts';
import { systemClock } from '../../proto/system.ts';
import { sharedMs } from './child.ts';
import { durations, median, over, percentile, short } from './figures.ts';
import { interleave, type Sampler } from './interleave.ts';
import { cpuOf } from './proc.ts';

const COMMAND = ['/bin/sh', '-c', 'i=0; while [ $i -lt 500 ]; do i=$((i+1)); done; echo done'] as const;
const WARM_UP = 10;
/** Until a spare that was taken has been made anew. */
const REFILL_MS = 60;

let serial = 0;

const specOf = (argv: readonly string[]): RunSpec => ({
  jobId: (serial++).toString(16).padStart(32, '0'),
  attempt: 1,
  tasks: [{ kind: 'command', argv, stdin: new Uint8Array(0) }],
  user: '',
  cwd: '/',
  env: {},
  timeoutMs: 30_000,
  killGraceMs: 5_000,
  outputCapBytes: 1024 * 1024,
  check: false,
  nice: 0,
});

/** All that was spent for `sample`, here and in its processes. */
async function withCpu(spent: { ms: number }, sample: Sampler): Promise<number> {
  const before = cpuOf('self');
  const tookMs = await sample();
  const after = cpuOf('self');
  spent.ms += after.ownMs - before.ownMs + after.childrenMs - before.childrenMs;
  return tookMs;
}

async function throughExecutor(executor: Executor): Promise<number> {
  const from = sharedMs();
  const run = executor.start(await executor.check(specOf(COMMAND)), {
    startedAtMs: Date.now(),
    elapsedMs: 0,
    awaitReboot() {},
  });
  const { state, output } = await run.done;
  const tookMs = sharedMs() - from;
  if (state !== 'succeeded' || output.stored !== 5) throw new Error(`the command ${state}`);
  await run.dispose();
  await wait(REFILL_MS);
  return tookMs;
}

function bare(): Promise<number> {
  const [program, ...args] = COMMAND;
  return new Promise((resolve, reject) => {
    const from = sharedMs();
    const child = spawn(program, args, { cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.resume();
    child.stderr.resume();
    child.once('error', reject);
    child.once('close', () => resolve(sharedMs() - from));
  });
}

export async function shim({ rounds }: { rounds: number }): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'muster-bench-'));
  const make = (name: string, spares: number) =>
    createLocalExecutor({ clock: systemClock, spoolDir: join(folder, name), spares });
  const warm = make('warm', 3);
  const cold = make('cold', 0);
  try {
    for (const { pool } of [warm, cold]) await pool.start();
    const spent = { bare: { ms: 0 }, spare: { ms: 0 } };
    const samples = await interleave(
      {
        bare: () => withCpu(spent.bare, bare),
        spare: () => withCpu(spent.spare, () => throughExecutor(warm.executor)),
        made: () => throughExecutor(cold.executor),
      },
      { rounds, warmUp: WARM_UP },
    );
    const each = ({ ms }: { ms: number }): string => short(ms / (rounds + WARM_UP));
    const more = over(samples.spare, samples.bare);
    return [
      'A shell that counts to 500 and says so, in one process; homes on disk',
      durations([
        { name: 'bare spawn', samples: samples.bare },
        { name: 'executor, from a waiting spare', samples: samples.spare, against: samples.bare },
        { name: 'executor, nothing made ahead', samples: samples.made, against: samples.bare },
      ]),
      `the shim costs, pair by pair: p50 ${short(median(more))} ms, p99 ${short(percentile(more, 0.99))} ms (it was started before the command came)`,
      `CPU of one, with its processes: bare ${each(spent.bare)} ms, from a spare ${each(spent.spare)} ms, the next spare included`,
    ].join('\n');
  } finally {
    for (const { executor, pool } of [warm, cold]) {
      executor.stop();
      await pool.stop();
    }
    rmSync(folder, { recursive: true, force: true });
  }
}
