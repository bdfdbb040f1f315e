/**
 * A fleet under load whose controller and agents are killed with SIGKILL at random moments and started again. Afterwards what
 * Muster says is held against what its commands did.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { JobBody, JobDetail, OutputData, RunDetail } from '../../controller/api/contract.ts';
import { fraction } from '../../proto/random.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { until } from '../support/until.ts';
import { type AgentHandle, type Finished, startFleet, type TestFleet } from './fleet.ts';
import { oracleLine, readOracle, type Start } from './oracle.ts';

export interface StormOptions {
  seed: string;
  forMs: number;
  /** That are killed; one more is left alone, for whoever follows a job on it. */
  agents: number;
}

/** So long after the one before, this process is killed, and started again after a while. */
interface Fault {
  readonly gapMs: number;
  readonly who: 'controller' | number;
  readonly downMs: number;
}

/** What a job's command does, and what it writes where it comes to its end. */
interface Work {
  readonly line: string;
  readonly writes: string;
  readonly exitCode: number;
}

export interface Acknowledged {
  readonly job: string;
  readonly work: Work;
  readonly targets: readonly string[];
  /** Somebody asked for its end; its commands may have died of that. */
  readonly cancelled: boolean;
}

export interface Storm {
  readonly faults: readonly string[];
  readonly jobs: number;
  readonly starts: number;
  readonly counts: Readonly<Record<string, number>>;
}

const CALM = 'calm';
const TICKS_PER_SECOND = 5;
const HEAL_MS = 90_000;
/** How long a controller is left alone when it is ready, at least. */
const UP_MS = 500;

/**
 * The same seed is the same order of faults and of jobs; the moments within the processes are the machine's. The second is always the
 * controller's, early enough that who follows a job loses it on the way.
 */
export function faultsOf(seed: string, forMs: number, agents: number): Fault[] {
  const random = seededRandom(`faults ${seed}`);
  const faults: Fault[] = [];
  for (let atMs = 0; atMs < forMs; ) {
    const gapMs = 300 + fraction(random) * 1_500;
    const controller = fraction(random) < 0.25 || faults.length === 1;
    const who = controller ? 'controller' : Math.floor(fraction(random) * agents);
    faults.push({ gapMs, who, downMs: fraction(random) ** 2 * 2_000 });
    atMs += gapMs;
  }
  return faults;
}

/** Fails with what was promised and not kept. `t` ends all that was started. */
export async function killStorm(
  t: { after(fn: () => unknown): void },
  options: StormOptions,
): Promise<Storm> {
  const fleet = await startFleet(t);
  const oracle = join(fleet.folder, 'oracle');
  const names = Array.from({ length: options.agents }, (_, index) => `hit-${index}`);
  const [, ...agents] = await Promise.all([CALM, ...names].map((name) => fleet.agent(name)));
  const follower = await follow(fleet, options.forMs);
  const told: string[] = [];
  const beganMs = performance.now();
  const over = (): boolean => performance.now() - beganMs >= options.forMs;
  const [acknowledged] = await Promise.all([
    orderJobs(fleet, options.seed, names, oracle, over),
    injectFaults(fleet, agents, faultsOf(options.seed, options.forMs, options.agents), over, told),
  ]);
  const jobs = await healed(fleet, acknowledged);
  const starts = readOracle(oracle);
  checkJobs(acknowledged, jobs, starts);
  await checkOutputs(fleet, acknowledged, jobs);
  await checkStore(fleet, acknowledged);
  await follower.check();
  return { faults: told, jobs: acknowledged.length, starts: starts.length, counts: countsOf(jobs) };
}

async function injectFaults(
  fleet: TestFleet,
  agents: readonly AgentHandle[],
  faults: readonly Fault[],
  over: () => boolean,
  told: string[],
): Promise<void> {
  const down = new Map<Fault['who'], Promise<void>>();
  for (const { gapMs, who, downMs } of faults) {
    await wait(gapMs);
    // It may be on its way up from the last one; and on a slow machine, nobody would ever be up.
    await down.get(who);
    if (over()) break;
    const agent = typeof who === 'number' ? agents[who] : undefined;
    told.push(`${agent?.name ?? who} for ${Math.round(downMs)} ms`);
    if (agent) await agent.stop('SIGKILL');
    else await fleet.stopController('SIGKILL');
    const up = wait(downMs).then(async () => {
      if (agent) return agent.begin();
      await fleet.startController();
      await wait(UP_MS);
    });
    down.set(who, up);
  }
  await Promise.all(down.values());
}

/** One job after the other; each is asked for with its key until it is acknowledged. */
async function orderJobs(
  fleet: TestFleet,
  seed: string,
  names: readonly string[],
  oracle: string,
  over: () => boolean,
): Promise<Acknowledged[]> {
  const random = seededRandom(`jobs ${seed}`);
  const acknowledged: Acknowledged[] = [];
  for (let number = 0; !over(); number++) {
    const work = workOf(random, number, oracle);
    const targets = names.filter(() => fraction(random) < 0.6);
    const body: JobBody = {
      targets: targets.length > 0 ? targets.join(',') : (names[0] ?? ''),
      tasks: [{ shell: { line: work.line } }],
      timeoutMs: 30_000,
      ttlMs: fraction(random) < 0.3 ? 500 : 20_000,
    };
    const key = `storm-${number}`;
    const created = await until(
      `job ${number} is acknowledged`,
      () =>
        fleet.client.call('jobs.create', { body }, { idempotencyKey: key }).catch((): undefined => undefined),
      30_000,
    );
    const again = fraction(random) < 0.1;
    if (again) {
      const same = await fleet.client
        .call('jobs.create', { body }, { idempotencyKey: key })
        .catch((): undefined => undefined);
      if (same) assert.deepEqual([same.job, same.created], [created.job, false]);
    }
    const cancelled = fraction(random) < 0.1;
    acknowledged.push({
      job: created.job,
      work,
      cancelled,
      targets: created.targets.map(({ name }) => name),
    });
    if (cancelled)
      await fleet.client
        .call('jobs.cancel', { params: { job: created.job }, body: {} })
        .catch((): undefined => undefined);
    await wait(fraction(random) * 300);
  }
  return acknowledged;
}

function workOf(random: (length: number) => Uint8Array, number: number, oracle: string): Work {
  const mark = oracleLine(oracle);
  const dice = fraction(random);
  if (dice < 0.4) return { line: `${mark}echo quick ${number}`, writes: `quick ${number}\n`, exitCode: 0 };
  if (dice < 0.5) return { line: `${mark}exit 3`, writes: '', exitCode: 3 };
  if (dice < 0.75) {
    const seconds = (0.2 + fraction(random) * 2.5).toFixed(2);
    const writes = `begins ${number}\nends ${number}\n`;
    return {
      line: `${mark}echo begins ${number}; sleep ${seconds}; echo ends ${number}`,
      writes,
      exitCode: 0,
    };
  }
  const lines = Math.floor(200 + fraction(random) * 20_000);
  const half = Math.floor(lines / 2);
  const writes = Array.from({ length: lines }, (_, index) => `${index + 1}\n`).join('');
  const line = `${mark}seq 1 ${half}; sleep 0.3; seq ${half + 1} ${lines}`;
  return { line, writes, exitCode: 0 };
}

/** Everybody is there again: every run has to come to its end without anybody's help. */
async function healed(fleet: TestFleet, acknowledged: readonly Acknowledged[]): Promise<JobDetail[]> {
  const jobs: JobDetail[] = [];
  const deadline = performance.now() + HEAL_MS;
  for (const { job } of acknowledged) {
    const shown = await until(
      `job ${job} is over`,
      async () => {
        const detail = await fleet.client.call('jobs.show', { params: { job } });
        return detail.state === 'over' && detail;
      },
      Math.max(1, deadline - performance.now()),
    );
    jobs.push(shown);
  }
  return jobs;
}

const NEVER_STARTED: ReadonlySet<RunDetail['state']> = new Set(['expired', 'rejected']);
const ENDED_ITSELF: ReadonlySet<RunDetail['state']> = new Set(['succeeded', 'failed', 'timed-out']);

/** Pure: holds what Muster says against what its commands wrote. */
export function checkJobs(
  acknowledged: readonly Acknowledged[],
  jobs: readonly JobDetail[],
  starts: readonly Start[],
): void {
  const seen = new Map<string, number>();
  for (const { job, agent, attempt } of starts) {
    const key = `${job} on ${agent}, attempt ${attempt}`;
    seen.set(key, (seen.get(key) ?? 0) + 1);
  }
  for (const [key, count] of seen) assert.equal(count, 1, `started ${count} times: ${key}`);
  const known = new Set(acknowledged.map(({ job }) => job));
  for (const { job } of starts) assert.ok(known.has(job), `nobody was told of job ${job}, and it ran`);
  for (const { job, work, targets, cancelled } of acknowledged) {
    const detail = jobs.find((one) => one.job === job);
    assert.ok(detail, `acknowledged and not there: ${job}`);
    assert.deepEqual(detail.runs.map(({ agent }) => agent).sort(), [...targets].sort(), `targets of ${job}`);
    for (const run of detail.runs) {
      const where = `${job} on ${run.agent}: ${run.state} (${run.reason})`;
      const ran = starts.filter((start) => start.job === job && start.agent === run.agent);
      assert.ok(ran.length <= 1, `attempts default to one: ${where}`);
      if (ENDED_ITSELF.has(run.state)) assert.equal(ran.length, 1, `it never ran: ${where}`);
      if (NEVER_STARTED.has(run.state)) assert.equal(ran.length, 0, `it ran: ${where}`);
      if (run.state === 'cancelled' && run.startedAtMs === null)
        assert.equal(ran.length, 0, `it ran: ${where}`);
      assert.notEqual(run.state, 'lost', `everybody is back: ${where}`);
      if (run.state === 'succeeded') assert.equal(work.exitCode, 0, where);
      if (run.state === 'failed' && !cancelled) assert.equal(run.exitCode, work.exitCode, where);
    }
  }
}

/** What is shown of an output is what was written, up to where it is said to be missing. */
async function checkOutputs(
  fleet: TestFleet,
  acknowledged: readonly Acknowledged[],
  jobs: readonly JobDetail[],
): Promise<void> {
  for (const { job, work } of acknowledged) {
    const runs = jobs.find((one) => one.job === job)?.runs ?? [];
    for (const run of runs) {
      const written = Buffer.from(work.writes);
      let text = '';
      const bytes = await fleet.client.open('jobs.events', {
        params: { job },
        query: { follow: false, agentId: run.agentId },
      });
      for await (const piece of bytes) text += Buffer.from(piece).toString();
      let shownBytes = 0;
      for (const [, data = ''] of text.matchAll(/^event: output\ndata: (.*)$/gm)) {
        const { offset, base64, stream } = JSON.parse(data) as OutputData;
        const piece = Buffer.from(base64, 'base64');
        // A shell that is ended says so.
        if (stream === 'stderr') continue;
        assert.ok(
          offset >= shownBytes,
          `output twice: ${job} on ${run.agent} at ${offset}: ${piece.subarray(0, 80)}`,
        );
        assert.deepEqual(piece, written.subarray(offset, offset + piece.length), `other bytes: ${job}`);
        shownBytes = offset + piece.length;
      }
      const complete = shownBytes === written.length;
      // One that was ended early wrote no more than that.
      if (run.exitCode !== work.exitCode || complete) continue;
      const where = `${job} on ${run.agent}: ${shownBytes} of ${written.length} bytes; ${JSON.stringify(run)}`;
      assert.ok(run.gaps.length > 0, `a gap without a name: ${where}`);
    }
  }
}

async function checkStore(fleet: TestFleet, acknowledged: readonly Acknowledged[]): Promise<void> {
  const all = await fleet.client.call('jobs.list', { query: { limit: 1000 } });
  const known = new Set(acknowledged.map(({ job }) => job));
  // The follower's is the one that nobody in here asked for.
  const others = all.filter(({ job }) => !known.has(job));
  if (acknowledged.length < 1000) assert.equal(others.length, 1, 'jobs that nobody was told of');
  const verdict = await fleet.client.call('audit.verify', { query: {} });
  assert.equal(verdict.ok, true, JSON.stringify(verdict));
}

/** A real command line that watches an agent which nobody kills, while its controller comes and goes. */
async function follow(fleet: TestFleet, forMs: number): Promise<{ check(): Promise<void> }> {
  const ticks = Math.ceil((forMs / 1_000) * TICKS_PER_SECOND);
  const pause = 1 / TICKS_PER_SECOND;
  const line = `i=0; while [ $i -lt ${ticks} ]; do i=$((i+1)); echo tick $i; sleep ${pause}; done`;
  const running = fleet.begin(['run', '-t', CALM, '--timeout', '2h', '--shell', line]);
  await until('the follower sees the first line', () => running.stdout().includes('tick 1\n'));
  return {
    async check() {
      const { stdout, status, stderr }: Finished = await running.ended;
      const wanted = Array.from({ length: ticks }, (_, index) => `tick ${index + 1}\n`).join('');
      assert.equal(stdout, wanted, `the follower saw something else: ${stderr}`);
      assert.equal(status, 0, stderr);
      assert.match(stderr, /connected to the controller again/);
    },
  };
}

function countsOf(jobs: readonly JobDetail[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const run of jobs.flatMap((job) => job.runs)) counts[run.state] = (counts[run.state] ?? 0) + 1;
  return counts;
}
