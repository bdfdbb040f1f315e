import { rolesOf, signerProblem } from '../bundle/open.ts';
import { policyProblem } from '../bundle/policy.ts';
import { type Beginning, type Resumption, type Run, type RunResult, wasTakenBack } from '../executor/run.ts';
import { keyOf } from '../spool/forward.ts';
import type { OrderRow, RunKey, StoredReport } from '../spool/journal.ts';
import { concludeSurely } from './conclusion.ts';
import { due } from './due.ts';
import { createIntake } from './intake.ts';
import type { Runs, RunsPorts } from './ports.ts';
import { mayTryAgain, type Recovery, recoveryOf, startInThisBoot } from './recovery.ts';
import type { Verdict } from './report.ts';
import { type ActiveRun, applyRun } from './run.ts';
import { readWork } from './work.ts';

/**
 * The runs that this agent has taken: starts them as places become free, ends them, and sees that each gets its one report.
 * What comes in is judged in intake.ts.
 */
export function createRuns(ports: RunsPorts): Runs {
  const { clock, journal, log, outbox } = ports;
  /** In the order in which they came. */
  const active = new Map<string, ActiveRun>();
  /** Runs whose output could not be put away: theirs is the only copy until the receipt. By `keyOf`. */
  const held = new Map<string, Run>();
  /**
   * Job ids of what waits since before this agent. The journal may be an older copy, after which they did start: until the
   * controller's receipt agrees with it they are not started.
   */
  const doubted = new Set<string>();
  let cancelLook = (): void => {};

  const intake = createIntake(ports, {
    active: (jobId) => active.get(jobId),
    waiting: () => count('waiting'),
    waitingBytes() {
      let bytes = 0;
      for (const run of active.values()) if (run.at.state === 'waiting') bytes += run.bytes;
      return bytes;
    },
    isFull: () => count('running') >= ports.limits.parallel || count('waiting') > 0,
    take(run, startsNow) {
      active.set(run.jobId, run);
      if (startsNow) begin(run);
      else {
        tell(run);
        look();
      }
    },
    cancel,
  });

  function count(state: ActiveRun['at']['state']): number {
    let found = 0;
    for (const run of active.values()) if (run.at.state === state) found += 1;
    return found;
  }

  function tell(run: ActiveRun): void {
    const { jobId, orderHash, attempt, at } = run;
    if (at.state === 'ending') return;
    const status = { jobId, orderHash, attempt, atMs: run.startedAtMs || clock.now() };
    if (at.state === 'running') ports.tell({ ...status, state: 'running', task: at.run.task });
    else ports.tell({ ...status, state: 'accepted' });
  }

  /** Running is durable by now. */
  function begin(waiting: ActiveRun, elapsedMs = 0, resumed?: Resumption): void {
    const { startedAtMs } = waiting;
    const beginning: Beginning = {
      startedAtMs,
      elapsedMs,
      awaitReboot: (resumeAt) => journal.awaitReboot(waiting, resumeAt),
    };
    let run: Run;
    try {
      run = ports.executor.start(waiting.checked, beginning, resumed);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      const state = resumed ? 'interrupted' : 'failed';
      return end(waiting, { state, reason, startedAtMs, endedAtMs: clock.now() });
    }
    const started = applyRun(waiting, { event: 'start', run });
    active.set(started.jobId, started);
    tell(started);
    outbox.attach(started, run.output);
    run.onOutput(outbox.wake);
    run.onTask(() => tell(started));
    run.done.then((result) => ended(started, run, result));
  }

  function ended(started: ActiveRun, run: Run, result: RunResult): void {
    if (result.leftover.length > 0)
      log.warn({ job: started.jobId, pids: result.leftover }, 'processes outlived the end of their run');
    const isUnsure = result.state === 'interrupted' && !result.tasks.some(wasTakenBack);
    const again = isUnsure && mayTryAgain(started, ports.nowMs()) && !isCancelled(started);
    end(started, result, run, again);
  }

  function end(run: ActiveRun, outcome: Verdict | RunResult, of?: Run, again = false): void {
    active.set(run.jobId, applyRun(run, { event: 'end' }));
    concludeSurely(ports, run, outcome, { ...(of && { run: of }), again }).then((report) => {
      if (!report) return;
      active.delete(run.jobId);
      settle(report, of);
      const { attempt } = run;
      log.info({ job: run.jobId, attempt, state: outcome.state, reason: outcome.reason }, 'run over');
      if (again) tryAgain(run);
      look();
    });
  }

  /** Its next attempt was accepted with the report of this one. */
  function tryAgain(run: ActiveRun): void {
    const attempt = run.attempt + 1;
    const checked = { ...run.checked, spec: { ...run.checked.spec, attempt } };
    const next: ActiveRun = { ...run, attempt, checked, startedAtMs: 0, at: { state: 'waiting' } };
    active.set(next.jobId, next);
    // It may have been cancelled while the report of the last attempt was written.
    if (isCancelled(next)) end(next, neverStarted(next, 'cancelled', CANCELLED));
    else tell(next);
  }

  function settle(report: StoredReport, run: Run | undefined): void {
    outbox.settle(report);
    if (!run) return;
    if (report.kept === 'none' && report.outputEnd > 0) held.set(keyOf(report), run);
    else dispose(run, report.jobId);
  }

  function dispose(run: Run, jobId: string): void {
    run.dispose().catch((cause) => log.warn({ job: jobId, cause: String(cause) }, 'run folder not removed'));
  }

  /** Starts what may start and ends what came too late. */
  function look(): void {
    cancelLook();
    const nowMs = ports.nowMs();
    if (ports.stopping.aborted || nowMs === undefined) return;
    const waiting = [...active.values()].filter(
      (run) => run.at.state === 'waiting' && !doubted.has(run.jobId),
    );
    const next = due(waiting, ports.limits.parallel - count('running'), nowMs);
    for (const run of next.expired) end(run, neverStarted(run, 'expired', 'it was not started in time'));
    const failed = next.start.filter((run) => !startWaiting(run, nowMs));
    const againInMs = failed.length > 0 ? LOOK_AGAIN_MS : next.againInMs;
    if (againInMs !== undefined) cancelLook = clock.after(againInMs, look);
  }

  /** False when the journal does not take it; it goes on waiting then. */
  function startWaiting(run: ActiveRun, nowMs: number): boolean {
    const code = signerProblem(ports.opener.trust(), run.signerIds, run.kind, nowMs);
    const startedAtMs = clock.now();
    if (code) end(run, { ...neverStarted(run, 'rejected', run.attempt > 1 ? code : ''), code });
    else if (run.denied) end(run, { ...neverStarted(run, 'rejected', run.denied), code: 'policy-denied' });
    else {
      const start = { startedAtMs, startedUptimeMs: clock.uptimeMs(), bootId: ports.bootId };
      try {
        if (run.startedAtMs > 0) journal.goOn(run, start);
        else journal.start(run, start);
      } catch (cause) {
        log.error({ job: run.jobId, cause: String(cause) }, 'run not started');
        return false;
      }
      begin({ ...run, startedAtMs });
    }
    return true;
  }

  /** Of a run that had an attempt before, that one is what happened; and its effect is unknown. */
  function neverStarted(run: RunKey, state: Verdict['state'], reason: string): Verdict {
    const nothing = { startedAtMs: 0, endedAtMs: clock.now() };
    if (run.attempt > 1) {
      const before = `attempt ${run.attempt - 1} was interrupted; attempt ${run.attempt} was not started`;
      return { ...nothing, state: 'interrupted', reason: `${before}: ${reason}` };
    }
    const code = state === 'expired' ? 'order-expired' : undefined;
    return { ...nothing, state, reason, ...(code && { code }) };
  }

  function cancel(run: ActiveRun): void {
    if (run.at.state === 'waiting') return end(run, neverStarted(run, 'cancelled', CANCELLED));
    try {
      // For an agent after this one, should this one not live to see the end; and for another attempt.
      journal.rememberCancel(run.jobId, run.orderHash, run.expiresAtMs);
    } catch (cause) {
      log.error({ job: run.jobId, cause: String(cause) }, 'cancel not remembered');
    }
    if (run.at.state === 'running') run.at.run.terminate('cancel');
  }

  function isCancelled({ jobId, orderHash }: ActiveRun): boolean {
    try {
      return journal.isCancelled(jobId, orderHash);
    } catch {
      return false;
    }
  }

  /** Takes up what an agent before this one had accepted and not reported. */
  function recover(): void {
    for (const row of journal.unfinished()) {
      const found = {
        bootId: ports.bootId,
        nowMs: clock.now(),
        uptimeMs: clock.uptimeMs(),
        hasBegun: row.state === 'running' && ports.executor.hasBegun(row),
      };
      const recovery = recoveryOf(row, found);
      const run = restore(row);
      log.info(
        { job: row.jobId, attempt: row.attempt, state: row.state, recovery: recovery.is },
        'run found',
      );
      if (run === undefined) continue;
      active.set(run.jobId, run);
      if (recovery.is === 'waits') doubted.add(run.jobId);
      if (recovery.is === 'goes-on')
        takeUp(run, row, recovery, () => {
          journal.goOn(row, startInThisBoot(row, found, recovery.elapsedMs));
        });
      const at = active.get(run.jobId)?.at;
      if (!isCancelled(run)) continue;
      if (at?.state === 'waiting') end(run, neverStarted(run, 'cancelled', CANCELLED));
      else if (at?.state === 'running') at.run.terminate('cancel');
    }
    for (const run of ports.kept.list()) if (!journal.keepsFile(run)) ports.kept.remove(run);
  }

  /** What was accepted, not started by this agent. A run that the journal does not tell enough of is over. */
  function restore(row: OrderRow): ActiveRun | undefined {
    try {
      const work = journal.work(row.jobId);
      if (!work) throw new Error('its order is not in the journal');
      return readWork(row, work, (order, signerIds) =>
        policyProblem(order, rolesOf(ports.opener.trust(), signerIds, order.kind), ports.policy),
      );
    } catch (cause) {
      log.error({ job: row.jobId, cause: String(cause) }, 'run cannot be taken up');
      const reason = row.state === 'running' ? LOST.running : LOST.accepted;
      const { startedAtMs } = row;
      const verdict: Verdict = { state: 'interrupted', reason, startedAtMs, endedAtMs: clock.now() };
      concludeSurely(ports, row, verdict).then((report) => report && outbox.settle(report));
      return undefined;
    }
  }

  function takeUp(
    run: ActiveRun,
    { resumeAt, bootId }: OrderRow,
    { restarted, elapsedMs }: Extract<Recovery, { is: 'goes-on' }>,
    goOn: () => void,
  ): void {
    const bootIds = { before: bootId, now: ports.bootId };
    const isCutOff = restarted && !outlivesBoot(run, goOn);
    begin(run, elapsedMs, { restarted: isCutOff, bootIds, resumeAt, goOn });
  }

  /** Each step of an upgrade is durable before the next, so it goes on in another boot as in this one. */
  function outlivesBoot({ kind }: ActiveRun, goOn: () => void): boolean {
    if (kind !== 'upgrade') return false;
    try {
      goOn();
      return true;
    } catch (cause) {
      log.error({ cause: String(cause) }, 'not written down that a run goes on');
      return false;
    }
  }

  return {
    recover,
    deliver: intake.deliver,
    cancel: intake.cancel,
    renewed() {
      for (const jobId of doubted) {
        const run = active.get(jobId);
        if (run?.at.state !== 'waiting') continue;
        const { startedAtMs } = run;
        end(run, { state: 'interrupted', reason: FORGOTTEN, startedAtMs, endedAtMs: clock.now() });
      }
      doubted.clear();
    },
    resume() {
      doubted.clear();
      for (const run of active.values()) tell(run);
      look();
    },
    look,
    receipt(seq) {
      const receipted = journal.receipt(seq);
      outbox.release(receipted);
      for (const run of receipted) {
        if (run.kept === 'file') ports.kept.remove(run);
        const keeper = held.get(keyOf(run));
        held.delete(keyOf(run));
        if (keeper) dispose(keeper, run.jobId);
      }
    },
    stop: () => cancelLook(),
  };
}

/** A disk that did not take the journal is tried again after this; what expires meanwhile is found then. */
const LOOK_AGAIN_MS = 5_000;

const CANCELLED = 'cancelled before it started';

const FORGOTTEN = 'the journal is an older copy; whether it was started since is unknown';

const LOST = {
  running: 'the agent stopped while it ran; its effect is unknown',
  accepted: 'the agent stopped before it started; nothing was run',
};
