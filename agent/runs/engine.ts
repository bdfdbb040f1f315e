import { signerProblem } from '../bundle/open.ts';
import type { Run, RunResult } from '../executor/run.ts';
import type { StoredReport } from '../spool/journal.ts';
import { concludeSurely } from './conclusion.ts';
import { due } from './due.ts';
import { createIntake } from './intake.ts';
import type { Runs, RunsPorts } from './ports.ts';
import type { Verdict } from './report.ts';
import { type Accepted, type ActiveRun, applyRun } from './run.ts';

/**
 * The runs that this agent has taken: starts them as places become free, ends them, and sees that each gets its one report.
 * What comes in is judged in intake.ts.
 */
export function createRuns(ports: RunsPorts): Runs {
  const { clock, journal, log, outbox } = ports;
  /** In the order in which they came. */
  const active = new Map<string, ActiveRun>();
  /** Runs whose output could not be put away: theirs is the only copy until the receipt. */
  const held = new Map<string, Run>();
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
    const state = at.state === 'waiting' ? 'accepted' : 'running';
    ports.tell({ jobId, orderHash, attempt, state, atMs: run.startedAtMs || clock.now() });
  }

  /** Running is durable by now. */
  function begin(waiting: ActiveRun): void {
    const startedAtMs = waiting.startedAtMs || clock.now();
    let run: Run;
    try {
      run = ports.executor.start(waiting.checked);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      return end(waiting, { state: 'failed', reason, startedAtMs, endedAtMs: clock.now() });
    }
    const started = applyRun(waiting, { event: 'start', run, startedAtMs });
    active.set(started.jobId, started);
    tell(started);
    outbox.attach(started, run.output);
    run.onOutput(outbox.wake);
    run.done.then((result) => ended(started, run, result));
  }

  function ended(started: ActiveRun, run: Run, result: RunResult): void {
    if (result.leftover.length > 0)
      log.warn({ job: started.jobId, pids: result.leftover }, 'processes outlived the end of their run');
    end(started, result, run);
  }

  function end(run: ActiveRun, outcome: Verdict | RunResult, of?: Run): void {
    active.set(run.jobId, applyRun(run, { event: 'end' }));
    concludeSurely(ports, run, outcome, of).then((report) => {
      if (!report) return;
      active.delete(run.jobId);
      settle(report, of);
      log.info({ job: run.jobId, state: outcome.state, reason: outcome.reason }, 'run over');
      look();
    });
  }

  function settle(report: StoredReport, run: Run | undefined): void {
    outbox.settle(report);
    if (!run) return;
    if (report.kept === 'none' && report.outputEnd > 0) held.set(report.jobId, run);
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
    const waiting = [...active.values()].filter((run) => run.at.state === 'waiting');
    const next = due(waiting, ports.limits.parallel - count('running'), nowMs);
    for (const run of next.expired) end(run, neverStarted('expired', 'it was not started in time'));
    const failed = next.start.filter((run) => !startWaiting(run, nowMs));
    const againInMs = failed.length > 0 ? LOOK_AGAIN_MS : next.againInMs;
    if (againInMs !== undefined) cancelLook = clock.after(againInMs, look);
  }

  /** False when the journal does not take it; it goes on waiting then. */
  function startWaiting(run: ActiveRun, nowMs: number): boolean {
    const code = signerProblem(ports.opener.trust(), run.signerIds, run.kind, nowMs);
    const startedAtMs = clock.now();
    if (code) end(run, { ...neverStarted('rejected', ''), code });
    else {
      try {
        journal.start(run, startedAtMs);
      } catch (cause) {
        log.error({ job: run.jobId, cause: String(cause) }, 'run not started');
        return false;
      }
      begin({ ...run, startedAtMs });
    }
    return true;
  }

  function neverStarted(state: Verdict['state'], reason: string): Verdict {
    const code = state === 'expired' ? 'order-expired' : undefined;
    return { state, reason, startedAtMs: 0, endedAtMs: clock.now(), ...(code && { code }) };
  }

  function cancel(run: ActiveRun): void {
    if (run.at.state === 'waiting') end(run, neverStarted('cancelled', 'cancelled before it started'));
    else if (run.at.state === 'running') run.at.run.terminate('cancel');
  }

  /** What an agent that died left unfinished: its effect is not guessed. */
  function recover(): void {
    for (const row of journal.unfinished()) {
      const hasStarted = row.state === 'running';
      const reason = INTERRUPTED[hasStarted ? 'running' : 'accepted'];
      const outcome = (hasStarted && ports.findEnding(row)) || {
        ...neverStarted('interrupted', reason),
        startedAtMs: row.startedAtMs,
      };
      log.warn({ job: row.jobId, state: outcome.state }, 'found a run that was not reported');
      concludeSurely(ports, row satisfies Accepted, outcome).then(
        (report) => report && outbox.settle(report),
      );
    }
    for (const run of ports.kept.list()) if (!journal.keepsFile(run)) ports.kept.remove(run);
  }

  return {
    recover,
    deliver: intake.deliver,
    cancel: intake.cancel,
    resume() {
      for (const run of active.values()) tell(run);
      look();
    },
    look,
    receipt(seq) {
      const receipted = journal.receipt(seq);
      outbox.release(receipted);
      for (const run of receipted) {
        if (run.kept === 'file') ports.kept.remove(run);
        const keeper = held.get(run.jobId);
        held.delete(run.jobId);
        if (keeper) dispose(keeper, run.jobId);
      }
    },
    stop: () => cancelLook(),
  };
}

/** A disk that did not take the journal is tried again after this; what expires meanwhile is found then. */
const LOOK_AGAIN_MS = 5_000;

const INTERRUPTED = {
  running: 'the agent stopped while it ran; its effect is unknown',
  accepted: 'the agent stopped before it started; nothing was run',
};
