import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Cgroups } from '../../../agent/executor/cgroup.ts';
import { createLocalExecutor } from '../../../agent/executor/local.ts';
import type { Stream } from '../../../agent/executor/output.ts';
import { isAlive } from '../../../agent/executor/proc.ts';
import type { Beginning, CheckedRun, CommandTask, Run, RunSpec, Task } from '../../../agent/executor/run.ts';
import type { Steps } from '../../../agent/executor/step.ts';
import { systemClock } from '../../../proto/system.ts';

const NOTHING = new Uint8Array(0);
let serial = 0;

export const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'));
export const command = (...argv: string[]): CommandTask => ({ kind: 'command', argv, stdin: NOTHING });
export const shell = (line: string, stdin = ''): CommandTask => ({
  kind: 'shell',
  line,
  stdin: bytes(stdin),
});
export const script = (content: string, args: string[] = [], stdin = ''): CommandTask => ({
  kind: 'script',
  name: 'test',
  content: bytes(content),
  args,
  stdin: bytes(stdin),
});
export const fixture = (name: string, ...args: string[]) =>
  command('/bin/sh', join(import.meta.dirname, 'fixtures', name), ...args);

/** Of a run that starts now. */
export function beginning(): Beginning {
  return { startedAtMs: Date.now(), elapsedMs: 0, awaitReboot() {} };
}

export function specOf(tasks: Task | Task[], more: Partial<RunSpec> = {}): RunSpec {
  return {
    jobId: (process.pid * 0x10000 + serial++).toString(16).padStart(32, '0'),
    attempt: 1,
    tasks: Array.isArray(tasks) ? tasks : [tasks],
    user: '',
    cwd: '/',
    env: {},
    timeoutMs: 30_000,
    killGraceMs: 5_000,
    outputCapBytes: 1024 * 1024,
    check: false,
    nice: 0,
    ...more,
  };
}

/** What a step finds of its run, without a machine. */
export function checkedOf(more: Partial<RunSpec> = {}): { spec: RunSpec; checked: CheckedRun } {
  const spec = specOf([], more);
  const account = { name: 'a', uid: 1, gid: 1, home: '/', shell: '/bin/sh' };
  return { spec, checked: { spec, account, otherUser: false, cwd: '/' } };
}

/** Those who carry the job's mark; found without the code under test. */
export function survivors(jobId: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(`MUSTER_JOB=${jobId}`);
      } catch {
        return false;
      }
    });
}

export function textOf(run: Run, stream: Stream): string {
  return run.output
    .read(0, Number.MAX_SAFE_INTEGER)
    .filter((segment) => segment.stream === stream)
    .map((segment) => Buffer.from(segment.data).toString('latin1'))
    .join('');
}

/** Resolves once the run has written `text` to stdout. */
export function written(run: Run, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = () => textOf(run, 'stdout').includes(text) && resolve();
    run.onOutput(look);
    void run.done.then((result) => reject(new Error(`ended without it: ${JSON.stringify(result)}`)));
    look();
  });
}

/** Waits for what nobody tells of. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  for (let round = 0; round < 500; round++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`not within 5 s: ${what}`);
}

/** Shims that hold the pipes of a run that was not disposed of, for an agent that will not come. */
function shimsIn(spoolDir: string): number[] {
  return readdirSync(spoolDir)
    .filter((name) => !name.startsWith('spare-'))
    .flatMap((name) => {
      try {
        const [pid, ticks] = readFileSync(join(spoolDir, name, 'pid'), 'utf8')
          .split(/\s/)
          .map(Number);
        return isAlive({ pid: pid ?? 0, startTicks: ticks ?? 0 }) ? [pid ?? 0] : [];
      } catch {
        return [];
      }
    });
}

/** A spool, a pool and an executor of their own; what was started is ended with the test. */
export async function machine(
  t: TestContext,
  options: { shell?: string; spares?: number; steps?: Steps; cgroups?: Cgroups | undefined } = {},
) {
  const folder = mkdtempSync(join(tmpdir(), 'muster-executor-'));
  // Other users' commands have to pass through.
  chmodSync(folder, 0o711);
  const spoolDir = join(folder, 'spool');
  const { executor, pool } = createLocalExecutor({ clock: systemClock, spoolDir, spares: 1, ...options });
  await pool.start();
  const jobs: string[] = [];
  t.after(async () => {
    executor.stop();
    try {
      await until(() => {
        const left = [...jobs.flatMap(survivors), ...shimsIn(spoolDir)];
        for (const pid of left) {
          try {
            process.kill(pid, 'SIGKILL');
          } catch {
            // It went by itself.
          }
        }
        return left.length === 0;
      }, 'the test’s processes are gone');
    } finally {
      await pool.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  async function start(
    tasks: Task | Task[],
    more: Partial<RunSpec> = {},
  ): Promise<{ run: Run; jobId: string }> {
    const checked = await executor.check(specOf(tasks, more));
    jobs.push(checked.spec.jobId);
    return { run: executor.start(checked, beginning()), jobId: checked.spec.jobId };
  }

  return {
    folder,
    /** What is ended with the test. */
    jobs,
    spoolDir,
    executor,
    pool,
    start,
    /** Carries it out to its end. */
    async carryOut(tasks: Task | Task[], more: Partial<RunSpec> = {}) {
      const { run, jobId } = await start(tasks, more);
      const result = await run.done;
      return { run, jobId, result, stdout: textOf(run, 'stdout'), stderr: textOf(run, 'stderr') };
    },
  };
}
