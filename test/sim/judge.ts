import { toHex } from '../../proto/ids.ts';
import type { Central } from './central.ts';
import type { Ask, Operators } from './operators.ts';
import { short } from './operators.ts';
import type { Oracle, Performance } from './oracle.ts';
import type { Post } from './post.ts';
import { createRecord, isOver, isReal, type RunFigures, type Told } from './record.ts';
import type { Scheduler } from './scheduler.ts';
import { Violation } from './verdict.ts';

/** What was done to a host that a promise makes an exception for, or that must be there for an outcome to be true. */
export interface Suffered {
  agentDeaths: number;
  reboots: number;
  journalLostMs: number | undefined;
  journalPutBackMs: number | undefined;
  diskFull: number;
}

export interface Judge {
  acknowledged(ask: Ask, job: string, targets: readonly string[]): void;
  started(performance: Performance): void;
  committed(): void;
  receipted(post: Post, epoch: Uint8Array, seq: number): void;
  accepted(post: Post, jobId: string): void;
  storePutBack(): void;
  /** Every now and then. */
  look(): void;
  /** Whether nothing is left to wait for. */
  isSettled(): boolean;
  /** At the end, after all faults have ended and everything had its time. */
  conclude(): void;
}

export interface JudgePorts {
  readonly scheduler: Scheduler;
  readonly central: Central;
  readonly posts: readonly Post[];
  readonly operators: Operators;
  readonly oracle: Oracle;
  suffered(host: string): Suffered;
  /** How far the host's idea of the controller's time may lag, ms. */
  lagMs(host: string): number;
  /** When its road was last other than good. */
  disturbedMs(host: string): number;
  road(host: string): { readonly dark: boolean; readonly asleep: boolean };
  darkSinceMs(host: string): number;
  /** When it was last woken from a suspend. */
  wokenMs(host: string): number;
}

/** The loop that keeps deadlines looks every minute for a clock that was set. */
const LOST_SLACK_MS = 5_000;
const CLOCK_SET_MS = 65_000;
/** And it tries again soon after a disk was full. */
const DISK_FULL_MS = 12_000;

export function createJudge(ports: JudgePorts): Judge {
  const { scheduler, central, posts, operators, oracle } = ports;
  const record = createRecord(central.disk);
  const byId = new Map(posts.map((post) => [post.agentId, post]));
  const byName = new Map(posts.map((post) => [post.name, post]));
  const askOfJob = new Map<string, Ask>();
  /** When an agent took an order, by host and job. */
  const acceptedMs = new Map<string, number>();
  /** When the controller's disk was last seen full. */
  let fullMs = Number.NEGATIVE_INFINITY;
  let putBacks = 0;

  function fail(promise: number, what: string): never {
    throw new Violation(promise, what);
  }

  const nameOf = (told: Told): string => {
    const post = byId.get(told.agentId);
    return `${askOfJob.get(told.jobId)?.name ?? short(told.jobId)} on ${post?.name ?? told.agentId}`;
  };

  const acks: { ask: Ask; job: string; targets: readonly string[]; putBacks: number }[] = [];

  function checkAck({ ask, job, targets }: (typeof acks)[number]): void {
    const stored = record.job(job);
    if (!stored) fail(1, `${ask.name} was acknowledged as ${short(job)}, and is not in the store`);
    const names = record
      .runs()
      .filter((run) => run.job_id === job)
      .map((run) => run.agent_name);
    if (stored.targets !== targets.length || names.toSorted().join() !== [...targets].toSorted().join())
      fail(1, `${ask.name} was acknowledged for ${targets.join(' ')}, and the store has ${names.join(' ')}`);
  }

  function checkStart(performance: Performance): void {
    const { host, token, jobId, attempt, index } = performance;
    const ask = operators.askOf(token);
    const post = byName.get(host);
    if (!ask || !post) return fail(8, `${host} starts ${token}, which nobody asked for`);
    if (!ask.hosts.includes(host)) fail(8, `${host} starts ${token}, which was not for it`);
    const known = askOfJob.get(jobId);
    if (known && known !== ask) fail(8, `${host} starts ${token} as a task of ${known.name}`);
    askOfJob.set(jobId, ask);
    const earlier = oracle.of(host, jobId).filter((one) => one !== performance);
    const twice = earlier.find((one) => one.index === index && one.attempt === attempt);
    if (twice) fail(2, `${host} starts ${token} a second time in attempt ${attempt}`);
    const attempts = new Set([...earlier.map((one) => one.attempt), attempt]);
    if (attempts.size > ask.attempts)
      fail(2, `${host} starts ${token} in ${attempts.size} attempts; ${ask.attempts} were allowed`);
    const others = oracle.performances.find(
      (one) => one.host === host && one.token === token && one.jobId !== jobId,
    );
    if (others && !ask.isOfTwoJobs && putBacks === 0)
      fail(1, `${host} starts ${token} for two jobs, ${short(others.jobId)} and ${short(jobId)}`);
    checkInTime(performance, ask, post);
    checkJournalled(performance, post);
    checkUncancelled(performance, ask, post);
    const told = record.told(jobId, post.agentId);
    if (told && (told.state === 'cancelled' || told.state === 'expired' || told.state === 'rejected'))
      fail(told.state === 'expired' ? 7 : 8, `${host} starts ${token} after its run was ${told.state}`);
  }

  function checkInTime({ host, token, jobId, index }: Performance, ask: Ask, post: Post): void {
    const stored = record.job(jobId);
    // A later task of a run that began in time goes on.
    if (!stored || index > 0) return;
    const lateMs = central.machine.times.wallMs() - unknownMs(post) - stored.expiresAtMs;
    const allowedMs = ports.lagMs(post.name) + START_MS;
    if (lateMs > allowedMs)
      fail(7, `${host} starts ${token} ${Math.round(lateMs)} ms after ${ask.name} had expired`);
  }

  /** What the controller's clock was set forward by that this host cannot have heard of. */
  function unknownMs(post: Post): number {
    const disturbedMs = ports.disturbedMs(post.name);
    let sum = 0;
    for (const { atMs, byMs } of central.machine.steps) {
      // A session begins with the time, and it is asked for again and again while all is well.
      const told =
        post.sessionMs > atMs + GREETING_MS || scheduler.nowMs - Math.max(atMs, disturbedMs) > TOLD_EVERY_MS;
      if (!told && byMs > 0) sum += byMs;
    }
    return sum;
  }

  function checkJournalled({ host, token, jobId, attempt }: Performance, post: Post): void {
    const state = post.journalled(jobId, attempt);
    if (state !== 'running' && state !== 'over')
      fail(14, `${host} starts ${token}, and its journal does not say so (${state ?? 'nothing'})`);
  }

  /** A cancel that was acknowledged goes before the order in every session that begins after it. */
  function checkUncancelled({ host, token, jobId }: Performance, ask: Ask, post: Post): void {
    const takenMs = acceptedMs.get(`${host}/${jobId}`) ?? 0;
    if (
      ask.cancelledMs !== undefined &&
      ask.cancelledMs < post.sessionMs &&
      post.sessionMs < takenMs &&
      putBacks === 0
    )
      fail(8, `${host} starts ${token}, of which it was told before that it is cancelled`);
  }

  /** Both sides notice a link that carries nothing, within 45 s of it. */
  function checkSilence(): void {
    for (const post of posts) {
      const { dark, asleep } = ports.road(post.name);
      const sinceMs = Math.max(ports.darkSinceMs(post.name), ports.wokenMs(post.name));
      const silentMs = dark ? scheduler.nowMs - sinceMs : 0;
      if (silentMs < NOTICED_MS || asleep) continue;
      if (post.link === 'online' && post.machine.times.monotonicMs() - (post.aliveSinceMs ?? 0) > NOTICED_MS)
        fail(
          12,
          `nothing got through to ${post.name} for ${Math.round(silentMs)} ms, and its agent is online`,
        );
      const upMs = central.upSinceMs === undefined ? 0 : scheduler.nowMs - central.upSinceMs;
      if (upMs > NOTICED_MS && central.isOnline(post.agentId))
        fail(
          12,
          `nothing came from ${post.name} for ${Math.round(silentMs)} ms, and the controller calls it online`,
        );
    }
  }

  /** A run is ended with its timeout, by an agent that lives. */
  function checkTimeouts(): void {
    for (const performance of oracle.performances) {
      const { host, token, end, unseen, startedMs } = performance;
      const post = byName.get(host);
      const ask = operators.askOf(token);
      if (end || unseen || !post?.machine.on || !ask || post.aliveSinceMs === undefined) continue;
      if (post.aliveSinceMs > startedMs) continue;
      const ageMs = post.machine.times.monotonicMs() - Math.max(startedMs, post.aliveSinceMs);
      if (ageMs > ask.timeoutMs + ask.killGraceMs + KILL_MS)
        fail(9, `${token} runs on ${host} for ${Math.round(ageMs)} ms; its timeout is ${ask.timeoutMs}`);
    }
  }

  /** What goes out of a job at once, and after failures, stays within what was asked for. */
  function checkPace(told: Told): void {
    const ask = askOfJob.get(told.jobId);
    if (!ask || putBacks > 0 || (ask.batch === undefined && ask.maxFailures === undefined)) return;
    const runs = record.ofJob(told.jobId);
    const atOnce = runs.filter(
      ({ state }) => state === 'sent' || state === 'accepted' || state === 'running',
    ).length;
    if (ask.batch !== undefined && atOnce > ask.batch)
      fail(17, `${nameOf(told)} is sent: ${atOnce} hosts at once, and ${ask.batch} were allowed`);
    const failures = runs.filter(({ state }) => FAILED.has(state)).length;
    if (ask.maxFailures !== undefined && failures > ask.maxFailures)
      fail(17, `${nameOf(told)} is sent after ${failures} hosts failed; ${ask.maxFailures} may`);
  }

  /** What an outcome says has to be what the programs did. */
  function checkOutcome(told: Told): void {
    const post = byId.get(told.agentId);
    const ask = askOfJob.get(told.jobId) ?? askByStarts(told, post);
    if (!post || !ask) return;
    const done = oracle.of(post.name, told.jobId).filter((one) => one.attempt === told.attempt);
    const where = nameOf(told);
    const evidence = done.map(evidenceOf).join('; ') || 'nothing was started';
    const last = done.at(-1);
    switch (told.state) {
      case 'succeeded':
        if (done.length !== ask.programs.length || done.some((one) => one.end?.exitCode !== 0))
          fail(3, `${where} is succeeded, but ${evidence}`);
        return;
      case 'failed':
        if (
          last &&
          (last.end === undefined || last.end.exitCode === 0) &&
          !last.unseen &&
          !saysNotStarted(told)
        )
          fail(3, `${where} is failed (${told.reason}), but ${evidence}`);
        return;
      case 'rejected':
      case 'expired': {
        const any = oracle.of(post.name, told.jobId).map(evidenceOf);
        if (any.length > 0) fail(3, `${where} is ${told.state}, but ${any.join('; ')}`);
        return;
      }
      case 'cancelled':
        if (ask.cancelAskedMs === undefined && ask.maxFailures === undefined)
          fail(3, `${where} is cancelled, and nobody asked for that`);
        return checkEnded(told, post, where);
      case 'timed-out':
        if (!last) fail(3, `${where} is timed-out, but ${evidence}`);
        return checkEnded(told, post, where);
      case 'interrupted': {
        const { agentDeaths, reboots } = ports.suffered(post.name);
        if (agentDeaths + reboots === 0) fail(3, `${where} is interrupted, and its agent never died`);
        const { journalLostMs, journalPutBackMs, diskFull } = ports.suffered(post.name);
        const wasHarmed =
          reboots + diskFull > 0 || journalLostMs !== undefined || journalPutBackMs !== undefined;
        if (!wasHarmed && done.length > 0)
          fail(10, `${where} is interrupted, though only its agent died, and nothing else of its machine`);
        return;
      }
      default:
        return;
    }
  }

  /** Nothing of a run is left that was ended from outside. */
  function checkEnded(told: Told, post: Post, where: string): void {
    const left = post.machine.alive(`MUSTER_JOB=${told.jobId}`);
    if (left.length > 0)
      fail(
        9,
        `${where} is ${told.state}, and ${left.length} of its processes live (${left.map((one) => one.pid)})`,
      );
  }

  function askByStarts(told: Told, post: Post | undefined): Ask | undefined {
    const [one] = post ? oracle.of(post.name, told.jobId) : [];
    return one && operators.askOf(one.token);
  }

  function checkOutput(run: RunFigures, told: Told, post: Post, ask: Ask): void {
    const all = oracle.of(post.name, run.job_id);
    const hasStarted = all.some((one) => one.attempt === run.attempt);
    // A last attempt that did not come to its start leaves the output of the one before.
    const attempt = hasStarted || told.outputAttempt === 0 ? run.attempt : told.outputAttempt;
    const done = all.filter((one) => one.attempt === attempt);
    const written = Buffer.concat(done.flatMap((one) => one.written));
    const stored = Buffer.concat(told.outputAttempt === attempt ? told.output : []);
    const where = nameOf(told);
    const isLacking = run.gaps !== '[]';
    const hasGap = isLacking || run.truncated === 1;
    const same = written.subarray(0, stored.length).equals(stored);
    // With its journal an agent loses what it knew of gaps; then nobody says how the run ended either.
    const { journalLostMs, journalPutBackMs } = ports.suffered(post.name);
    const isUnknown =
      isOver(run.state) && !isReal(run.state) && (journalLostMs ?? journalPutBackMs) !== undefined;
    if (!same && !isLacking && !isUnknown)
      fail(6, `the stored output of ${where} (${run.state}) is not what was written, and no gap is named`);
    if (run.state !== 'succeeded' && run.state !== 'failed') return;
    if (!hasGap && stored.length < Math.min(written.length, ask.capBytes))
      fail(
        6,
        `${where} has ${stored.length} of ${written.length} bytes, and nothing says that some are missing`,
      );
  }

  return {
    acknowledged(ask, job, targets) {
      if (ask.jobId !== undefined && ask.jobId !== job && putBacks === 0)
        fail(1, `${ask.name} was acknowledged as ${short(ask.jobId)}, and then as ${short(job)}`);
      ask.jobId = job;
      ask.ackedMs ??= scheduler.nowMs;
      const other = askOfJob.get(job);
      if (other && other !== ask) fail(1, `${ask.name} was acknowledged as the job of ${other.name}`);
      askOfJob.set(job, ask);
      const ack = { ask, job, targets, putBacks };
      acks.push(ack);
      checkAck(ack);
    },
    started: checkStart,
    committed: () =>
      record.read((told, before) => {
        if (isOver(told.state)) checkOutcome(told);
        else if (told.state === 'sent' && before !== 'sent') checkPace(told);
      }),
    receipted(post, epoch, seq) {
      if (putBacks > 0) return;
      if (!record.hasReport(post.agentId, toHex(epoch), seq))
        fail(5, `${post.name} has a receipt for report ${seq}, which is not stored`);
    },
    accepted: (post, jobId) => void acceptedMs.set(`${post.name}/${jobId}`, scheduler.nowMs),
    storePutBack() {
      putBacks += 1;
      record.replaced(central.disk);
      record.read(() => {});
    },
    look() {
      checkTimeouts();
      checkSilence();
      if (central.upSinceMs === undefined || scheduler.nowMs - central.upSinceMs < 60_000) return;
      const setMs = central.machine.steps.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY;
      if (central.machine.diskFull) fullMs = scheduler.nowMs;
      if (scheduler.nowMs - fullMs < DISK_FULL_MS || scheduler.nowMs - setMs < CLOCK_SET_MS) return;
      const [late] = record.overdue(central.machine.times.wallMs() - LOST_SLACK_MS);
      if (late)
        fail(
          4,
          `${askOfJob.get(late.job_id)?.name} on ${late.agent_name} is ${late.state} past its deadline`,
        );
    },
    isSettled: () =>
      posts.every((post) => post.link === 'online' && central.isOnline(post.agentId)) &&
      record.waitsFor() === 0,
    conclude() {
      for (const post of posts) {
        if (post.link !== 'online') fail(11, `${post.name} did not come back: its link is ${post.link}`);
        if (!central.isOnline(post.agentId))
          fail(11, `${post.name} has a session, and the controller calls it offline`);
      }
      for (const ack of acks) if (ack.putBacks === putBacks) checkAck(ack);
      for (const run of record.runs()) {
        const told = record.told(run.job_id, run.agent_id);
        const post = byId.get(run.agent_id);
        const ask = askOfJob.get(run.job_id);
        if (!told || !post || !ask) continue;
        if (run.ended_at_ms === null) fail(4, `${nameOf(told)} is ${run.state} long after its deadline`);
        if (told.state !== run.state)
          fail(4, `${nameOf(told)} is ${run.state}, and its history says ${told.state}`);
        checkOutput(run, told, post, ask);
        const { journalLostMs, journalPutBackMs } = ports.suffered(post.name);
        const knows = journalLostMs === undefined && journalPutBackMs === undefined && putBacks === 0;
        if (run.state === 'lost' && knows && oracle.of(post.name, run.job_id).length > 0)
          fail(4, `${nameOf(told)} stays lost, though its agent is back and has run it`);
      }
    },
  };
}

/** A handshake may take so long; the time comes at its beginning. */
const GREETING_MS = 45_000;
/** The agent asks for the time every 15 s, and its question and the answer may crawl. */
const TOLD_EVERY_MS = 60_000;
const FAILED: ReadonlySet<string> = new Set([
  'failed',
  'timed-out',
  'rejected',
  'expired',
  'interrupted',
  'lost',
]);
/** Promised is 45 s; a look comes every 5. */
const NOTICED_MS = 50_000;
/** After grace: for the tree to end, for a look, and for a list that is looked at every few seconds. */
const KILL_MS = 15_000;
/** From the journal to the program's first breath. */
const START_MS = 50;

/** A task that its host could not even start, with all of those before it done. */
function saysNotStarted({ reason }: Told): boolean {
  return reason !== undefined && /could not be started/.test(reason);
}

function evidenceOf({ token, end, unseen }: Performance): string {
  if (unseen) return `${token} was cut off`;
  if (!end) return `${token} still runs`;
  return end.signal === undefined ? `${token} exited ${end.exitCode}` : `${token} died of ${end.signal}`;
}
