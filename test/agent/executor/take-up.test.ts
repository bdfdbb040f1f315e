import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import type { Resumption, RunSpec, Task } from '../../../agent/executor/run.ts';
import { beginning, machine, shell, specOf, survivors, textOf, until } from './machine.ts';

const AGENT = join(import.meta.dirname, 'fixtures', 'agent.ts');
const NODE = [...process.execArgv.filter((flag) => flag.startsWith('--disable-warning')), AGENT];
const BOOT_IDS = { before: 'boot-1', now: 'boot-2' };
const SAME_BOOT: Resumption = { restarted: false, bootIds: BOOT_IDS, resumeAt: 0, goOn() {} };

/** An agent in a process of its own carries out the lines; a second one, in this process, takes them up. */
async function twoAgents(t: TestContext, lines: string[]) {
  // No spares: the other agent would clear them away.
  const m = await machine(t, { spares: 0 });
  const agent = spawn(process.execPath, [...NODE, m.spoolDir, 'run', ...lines], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => agent.kill('SIGKILL'));
  const gone = new Promise<void>((resolve) => agent.once('exit', () => resolve()));
  const said: { started?: string; read?: number; state?: string }[] = [];
  createInterface({ input: agent.stdout }).on('line', (line) => said.push(JSON.parse(line)));
  await until(() => said.length > 0, 'the run starts');
  const jobId = said[0]?.started ?? '';
  m.jobs.push(jobId);
  const tasks = lines.map((line) => shell(line));

  return {
    ...m,
    jobId,
    read: () => said.findLast((one) => one.read !== undefined)?.read ?? 0,
    exitOf: (index = 0): string => {
      try {
        return readFileSync(join(m.spoolDir, `${jobId}-1-${index}`, 'exit'), 'utf8');
      } catch {
        return '';
      }
    },
    async kill() {
      agent.kill('SIGKILL');
      await gone;
    },
    cancel: () => void agent.stdin.write('cancel\n'),
    async stop() {
      agent.stdin.end('stop\n');
      await gone;
    },
    async takeUp(
      more: Partial<RunSpec> & { elapsedMs?: number; resumed?: Partial<Resumption>; tasks?: Task[] } = {},
    ) {
      const { elapsedMs = 0, resumed, tasks: others = tasks, ...change } = more;
      const spec = specOf(others, { jobId, outputCapBytes: 32 << 20, ...change });
      const checked = await m.executor.check(spec);
      return m.executor.start(checked, { ...beginning(), elapsedMs }, { ...SAME_BOOT, ...resumed });
    },
  };
}

const lineCount = (file: string): number => readFileSync(file, 'utf8').split('\n').length - 1;

test('a command goes on over kill −9 of its agent, and its outcome and all of its output are the next one’s', async (t) => {
  const flag = join((await machine(t)).folder, 'flag');
  const at = await twoAgents(t, [
    `echo before; while [ ! -e '${flag}' ]; do sleep 0.02; done; echo after; exit 7`,
  ]);
  await until(() => at.read() === 7, 'the first line is read');
  await at.kill();
  const run = await at.takeUp();
  await until(() => run.output.length === 7, 'what was read before is there');
  writeFileSync(flag, '');
  const result = await run.done;
  assert.deepEqual([result.state, result.tasks[0]?.exitCode], ['failed', 7]);
  assert.equal(textOf(run, 'stdout'), 'before\nafter\n');
  assert.deepEqual(result.output.gaps, []);
  assert.deepEqual(
    Buffer.from(result.output.sha512),
    createHash('sha512').update('before\nafter\n').digest(),
  );
});

test('a command that ended while no agent was there keeps its outcome and its last words', async (t) => {
  const flag = join((await machine(t)).folder, 'flag');
  const at = await twoAgents(t, [
    `while [ ! -e '${flag}' ]; do sleep 0.02; done; head -c 50000 /dev/zero; echo bye >&2`,
  ]);
  await until(() => at.exitOf() === 'start\n', 'it started');
  await at.kill();
  writeFileSync(flag, '');
  await until(() => at.exitOf().endsWith('exit 0\n'), 'it ended');
  const beganAt = Date.now();
  const run = await at.takeUp({ timeoutMs: 60_000, elapsedMs: 70_000 });
  const result = await run.done;
  assert.equal(result.state, 'succeeded', 'it ended before its time was found to be up');
  assert.ok(result.endedAtMs <= beganAt, 'it ended when it ended');
  assert.equal(textOf(run, 'stdout').length, 50_000);
  assert.equal(textOf(run, 'stderr'), 'bye\n');
  assert.deepEqual(result.output.gaps, []);
  await run.dispose();
  assert.deepEqual(
    readdirSync(at.spoolDir).filter((name) => name.startsWith(at.jobId)),
    [],
  );
});

test('the shim that held the last words goes when they were taken', async (t) => {
  const at = await twoAgents(t, ['sleep 0.3; echo done']);
  await until(() => at.exitOf() === 'start\n', 'it started');
  const shim = Number.parseInt(readFileSync(join(at.spoolDir, `${at.jobId}-1-0`, 'pid'), 'utf8'), 10);
  await at.kill();
  await until(() => commandOf(shim) === 'sleep', 'the shim waits');
  const run = await at.takeUp();
  run.terminate('cancel');
  assert.equal((await run.done).state, 'succeeded', 'it had ended before the cancel came');
  assert.equal(textOf(run, 'stdout'), 'done\n');
  await run.dispose();
  await until(() => commandOf(shim) !== 'sleep', 'the shim goes');
});

function commandOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return undefined;
  }
}

test('after an orderly stop nothing is missing, however much was on its way', async (t) => {
  const at = await twoAgents(t, ['i=0; while [ $i -lt 60000 ]; do echo "line $i"; i=$((i+1)); done']);
  await until(() => at.read() > 100_000, 'it writes');
  await at.stop();
  const run = await at.takeUp();
  const result = await run.done;
  assert.equal(result.state, 'succeeded');
  assert.deepEqual(result.output.gaps, []);
  assert.equal(textOf(run, 'stdout'), Array.from({ length: 60_000 }, (_, n) => `line ${n}\n`).join(''));
});

test('what is left after kill −9 in the midst of writing is complete, or has its gap named', async (t) => {
  for (let round = 0; round < 3; round++) {
    const at = await twoAgents(t, ['i=0; while [ $i -lt 30000 ]; do echo "line $i"; i=$((i+1)); done']);
    await until(() => at.read() > 30_000 * (round + 1), 'it writes');
    await at.kill();
    const run = await at.takeUp();
    const result = await run.done;
    assert.equal(result.state, 'succeeded');
    const whole = Array.from({ length: 30_000 }, (_, n) => `line ${n}\n`).join('');
    const text = textOf(run, 'stdout');
    if (result.output.gaps.length === 0) assert.equal(text, whole);
    else {
      const [gap] = result.output.gaps;
      assert.equal(gap?.stream, 'stdout');
      assert.equal(text.slice(0, gap?.offset), whole.slice(0, gap?.offset));
    }
    await run.dispose();
  }
});

test('what was read and never reached the log is a gap at its place, even if all the rest is there', async (t) => {
  const flag = join((await machine(t)).folder, 'flag');
  const at = await twoAgents(t, [`echo one; while [ ! -e '${flag}' ]; do sleep 0.02; done; echo two`]);
  await until(() => at.read() === 4, 'the first line is read');
  await at.kill();
  // As if the agent had died between the reading and the writing: the log lacks its last record.
  const log = join(at.spoolDir, `${at.jobId}-1.log`);
  writeFileSync(log, readFileSync(log).subarray(0, 24));
  const folder = join(at.spoolDir, `${at.jobId}-1-0`);
  // The reading leaves its time on the pipe.
  const { utimesSync } = await import('node:fs');
  utimesSync(join(folder, 'out'), new Date(), new Date());
  writeFileSync(flag, '');
  const run = await at.takeUp();
  const result = await run.done;
  assert.deepEqual(result.output.gaps, [{ stream: 'stdout', offset: 0 }]);
  assert.equal(textOf(run, 'stdout'), 'two\n');
});

test('the other tasks of a bundle are carried out by the next agent, each once, and earlier results are kept', async (t) => {
  const { folder } = await machine(t);
  const oracle = join(folder, 'oracle');
  const flag = join(folder, 'flag');
  const at = await twoAgents(t, [
    `echo a | tee -a '${oracle}'`,
    `echo b | tee -a '${oracle}'; while [ ! -e '${flag}' ]; do sleep 0.02; done`,
    `echo c | tee -a '${oracle}'`,
  ]);
  await until(() => at.read() === 4, 'the second is at work');
  await at.kill();
  const run = await at.takeUp();
  assert.equal(run.task, 1);
  const tasks: number[] = [];
  run.onTask(() => tasks.push(run.task));
  writeFileSync(flag, '');
  const result = await run.done;
  assert.equal(result.state, 'succeeded', result.reason);
  assert.deepEqual(
    result.tasks.map(({ state, outputFrom, outputTo }) => [state, outputFrom, outputTo]),
    [
      ['succeeded', 0, 2],
      ['succeeded', 2, 4],
      ['succeeded', 4, 6],
    ],
  );
  assert.equal(readFileSync(oracle, 'utf8'), 'a\nb\nc\n');
  assert.deepEqual(tasks, [2]);
});

test('a cancel ends what was taken up, whole', async (t) => {
  const at = await twoAgents(t, ['setsid sleep 300 & trap "" TERM; echo up; sleep 300']);
  await until(() => at.read() === 3, 'it is up');
  await at.kill();
  const run = await at.takeUp({ killGraceMs: 100 });
  run.terminate('cancel');
  const result = await run.done;
  assert.equal(result.state, 'cancelled');
  assert.deepEqual(result.leftover, []);
  assert.deepEqual(survivors(at.jobId), []);
});

test('what an agent was ending when it was killed is ended by the next one, whole, and told as such', async (t) => {
  const stubborn = 'trap "" TERM; echo up; while :; do sleep 0.05; done';
  const at = await twoAgents(t, [`setsid sh -c '${stubborn}' & wait`, 'echo never']);
  await until(() => at.read() === 3, 'it is up');
  at.cancel();
  await until(() => /exit 143\n$/.test(at.exitOf()), 'the command itself has ended');
  await at.kill();
  assert.notDeepEqual(survivors(at.jobId), []);
  const result = await (await at.takeUp({ killGraceMs: 100 })).done;
  assert.deepEqual(
    [result.state, result.tasks.map(({ state }) => state)],
    ['cancelled', ['cancelled', 'skipped']],
  );
  assert.deepEqual(survivors(at.jobId), []);
});

test('the time that a run had before counts', async (t) => {
  const at = await twoAgents(t, ['echo up; sleep 300']);
  await until(() => at.read() === 3, 'it is up');
  await at.kill();
  const run = await at.takeUp({ timeoutMs: 60_000, elapsedMs: 59_900 });
  assert.equal((await run.done).state, 'timed-out');
});

test('a shim that was killed while no agent was there leaves the outcome unknown, and nothing alive', async (t) => {
  const at = await twoAgents(t, ['echo up; sleep 300']);
  await until(() => at.read() === 3, 'it is up');
  await at.kill();
  const shim = Number.parseInt(readFileSync(join(at.spoolDir, `${at.jobId}-1-0`, 'pid'), 'utf8'), 10);
  process.kill(shim, 'SIGKILL');
  const run = await at.takeUp();
  const result = await run.done;
  assert.equal(result.state, 'interrupted');
  assert.match(result.reason ?? '', /its end was not seen/);
  assert.deepEqual(survivors(at.jobId), []);
});

test('a folder in which nothing can be read leaves the outcome unknown, and the agent alive', async (t) => {
  const at = await twoAgents(t, ['sleep 60']);
  await until(() => at.exitOf() === 'start\n', 'it started');
  await at.kill();
  rmSync(join(at.spoolDir, `${at.jobId}-1-0`, 'exit'));
  const result = await (await at.takeUp()).done;
  assert.equal(result.state, 'interrupted');
  assert.match(result.reason ?? '', /cannot be looked at: ENOENT/);
});

test('a process that has the shim’s pid since is not taken for it, and not touched', async (t) => {
  const at = await twoAgents(t, ['echo up; sleep 300']);
  await until(() => at.read() === 3, 'it is up');
  await at.kill();
  const file = join(at.spoolDir, `${at.jobId}-1-0`, 'pid');
  const shim = Number.parseInt(readFileSync(file, 'utf8'), 10);
  process.kill(shim, 'SIGKILL');
  const other: ChildProcess = spawn('sleep', ['300'], { stdio: 'ignore' });
  t.after(() => other.kill('SIGKILL'));
  await until(() => commandOf(other.pid ?? 0) === 'sleep', 'the other is up');
  writeFileSync(file, `${other.pid} 1\n`);
  const run = await at.takeUp();
  assert.equal((await run.done).state, 'interrupted');
  await run.dispose();
  assert.equal(other.exitCode, null);
  assert.equal(other.signalCode, null);
});

test('a folder whose shim left without a start is no start: the command is started, once', async (t) => {
  const { folder } = await machine(t);
  const oracle = join(folder, 'oracle');
  const at = await twoAgents(t, [`echo ran >> '${oracle}'; echo up; sleep 300`]);
  await until(() => at.read() === 3, 'it is up');
  await at.kill();
  const of = join(at.spoolDir, `${at.jobId}-1-0`);
  const shim = Number.parseInt(readFileSync(join(of, 'pid'), 'utf8'), 10);
  process.kill(shim, 'SIGKILL');
  await until(() => commandOf(shim) === undefined, 'the shim is gone');
  for (const pid of survivors(at.jobId)) process.kill(pid, 'SIGKILL');
  await until(() => survivors(at.jobId).length === 0, 'all is gone');
  rmSync(oracle, { force: true });
  writeFileSync(join(of, 'exit'), '');
  const run = await at.takeUp({ tasks: [shell(`echo ran >> '${oracle}'`)] });
  const { state, reason } = await run.done;
  assert.equal(state, 'succeeded', reason);
  assert.equal(lineCount(oracle), 1);
});

test('a run of another boot is interrupted, with the output that its log has, and none of it starts', async (t) => {
  const { folder } = await machine(t);
  const oracle = join(folder, 'oracle');
  const at = await twoAgents(t, ['echo up', 'echo two; sleep 300', `echo ran >> '${oracle}'`]);
  await until(() => at.read() === 7, 'the second is at work');
  await at.kill();
  const run = await at.takeUp({ resumed: { restarted: true } });
  const result = await run.done;
  assert.equal(result.state, 'interrupted');
  assert.match(result.reason ?? '', /restarted/);
  assert.deepEqual(
    result.tasks.map(({ state }) => state),
    ['succeeded', 'interrupted', 'interrupted'],
  );
  assert.equal(textOf(run, 'stdout'), 'up\ntwo\n');
  assert.equal(result.output.gaps.length, 2);
  assert.throws(() => readFileSync(oracle), { code: 'ENOENT' });
});
