/** A command that writes far more than is kept, and what that costs everybody: memory of both sides, and time of other commands. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import type { RunDetail } from '../../controller/api/job-messages.ts';
import { until } from '../support/until.ts';
import type { TestFleet } from './fleet.ts';

const MIB = 1024 * 1024;

export interface Flood {
  readonly run: RunDetail;
  readonly seconds: number;
  /** Beyond what each had before, at most. */
  readonly grownMib: Readonly<Record<string, number>>;
  /** Of small commands on another agent, in ms, sorted. */
  readonly beside: readonly number[];
}

export async function flood(
  fleet: TestFleet,
  options: { on: string; beside: string; bytes: number; capBytes: number; pids: Record<string, number> },
): Promise<Flood> {
  const before = Object.entries(options.pids).map(([name, pid]) => [name, pid, rssMib(pid)] as const);
  const grownMib: Record<string, number> = {};
  const beside: number[] = [];
  const line = `head -c ${options.bytes} /dev/zero`;
  const beganMs = performance.now();
  const { job } = await fleet.client.call('jobs.create', {
    body: { targets: options.on, tasks: [{ shell: { line } }], outputCapBytes: options.capBytes },
  });
  for (;;) {
    for (const [name, pid, mib] of before)
      grownMib[name] = Math.max(grownMib[name] ?? 0, Math.round(rssMib(pid) - mib));
    const { state, runs } = await fleet.client.call('jobs.show', { params: { job } });
    const [run] = runs;
    assert.ok(run);
    if (state === 'over')
      return {
        run,
        seconds: (performance.now() - beganMs) / 1000,
        grownMib,
        beside: beside.sort((a, b) => a - b),
      };
    beside.push(await timed(fleet, options.beside));
    await wait(20);
  }
}

/** A small command, from the request until it is over. */
export async function timed(fleet: TestFleet, name: string): Promise<number> {
  const beganMs = performance.now();
  const { job } = await fleet.client.call('jobs.create', {
    body: { targets: name, tasks: [{ command: { argv: ['true'] } }] },
  });
  await until(
    'the small command is over',
    async () => (await fleet.client.call('jobs.show', { params: { job } })).state === 'over',
    30_000,
  );
  return performance.now() - beganMs;
}

function rssMib(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
}

export function assertBounded({ run, grownMib, beside }: Flood, bytes: number, capBytes: number): void {
  assert.equal(run.state, 'succeeded', run.reason ?? '');
  assert.deepEqual([run.outputBytes, run.storedBytes, run.truncated], [bytes, capBytes, true]);
  // What is kept may be held a few times over; what was thrown away may not.
  for (const [name, mib] of Object.entries(grownMib))
    assert.ok(mib < 64 + (4 * capBytes) / MIB, `${name} grew by ${mib} MiB`);
  assert.ok(beside.length > 0 && (beside.at(-1) ?? 0) < 10_000, `beside it: ${beside.map(Math.round)} ms`);
}
