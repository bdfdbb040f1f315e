import { LIMITS } from '../../proto/limits.ts';
import type { Late, Statement, Transaction } from '../db/database.ts';
import type { Changes } from './changes.ts';
import {
  capAfterTurn,
  capDeadlines,
  capTurns,
  dueRuns,
  moveDeadlines,
  nextDeadline,
  spareDeadlines,
} from './deadline-store.ts';
import { deadlineOf, dueReason, whenDue } from './due.ts';
import { paceOfJob } from './pace-store.ts';
import type { JobsPorts } from './ports.ts';
import { NO_OUTCOME, RUN_STATES } from './run.ts';
import type { Steady } from './steady.ts';
import { type JobRow, openJobs } from './store.ts';

const PAGE = 500;
/** After a failing store, and where nothing is due for long: look again. */
const LOOK_AGAIN_MS = 60_000;
const RETRY_MS = 1_000;
/** What became overdue while nobody was here is given so long to come back and tell: agents try at least once a minute. */
export const START_GRACE_MS = 90_000;

/** The one loop that ends what nobody answers for. */
export interface Deadlines {
  start(): void;
  stop(): void;
  /** A run's deadline is at this time, on the scale of steady.ts; wakes the loop then. */
  expect(atMs: number): void;
}

export function createDeadlines(ports: JobsPorts & { steady: Steady }, changes: Changes): Deadlines {
  const { clock, steady, db, inventory, log } = ports;
  let wakeAtMs = Number.POSITIVE_INFINITY;
  let cancelTimer: (() => void) | undefined;
  let running = false;
  let busy = false;
  let prepared = false;

  function sleepUntil(atMs: number): void {
    cancelTimer?.();
    wakeAtMs = atMs;
    cancelTimer = clock.after(Math.max(0, atMs - steady.now()), () => void wake());
  }

  async function wake(): Promise<void> {
    if (!running || busy) return;
    busy = true;
    wakeAtMs = Number.POSITIVE_INFINITY;
    let nextMs: number;
    try {
      if (!prepared) await prepare();
      prepared = true;
      await followWall();
      await endDue();
      const [next] = await db.read(nextDeadline());
      nextMs = next?.at_ms ?? Number.POSITIVE_INFINITY;
    } catch (error) {
      log.error({ err: error }, 'deadlines could not be kept');
      nextMs = steady.now() + RETRY_MS;
    }
    busy = false;
    if (running) sleepUntil(Math.min(nextMs, wakeAtMs, steady.now() + LOOK_AGAIN_MS));
  }

  /**
   * While no controller was here time is known by the wall clock alone. Where it was set back, nothing is waited for longer than
   * it could have been from now; and nobody is called lost before he could have come back.
   */
  async function prepare(): Promise<void> {
    const nowMs = steady.now();
    const capped = (tx: Transaction, job: JobRow): Statement[] => {
      const { id: jobId, timeout_ms: timeoutMs, kill_grace_ms: killGraceMs } = job;
      const orderEndMs = nowMs + job.expires_at_ms - job.created_at_ms;
      const [pace] = tx.read(paceOfJob({ jobId }));
      const times = {
        orderEndMs,
        timeoutMs,
        killGraceMs,
        sendByMs: nowMs + (pace?.ttl_ms ?? LIMITS.ttlMaxMs),
      };
      return [
        capDeadlines({ jobId, state: 'queued', atMs: orderEndMs }),
        capTurns({ jobId, nowMs }),
        ...RUN_STATES.flatMap((state) => {
          const atMs = deadlineOf(state, { ...times, sendByMs: Math.min(times.sendByMs, orderEndMs) }, nowMs);
          return atMs === undefined ? [] : [capAfterTurn({ jobId, state, atMs })];
        }),
      ];
    };
    await db.write([
      { late: (tx) => tx.read(openJobs()).flatMap((job) => capped(tx, job)) },
      spareDeadlines({ atMs: nowMs + START_GRACE_MS }),
    ]);
  }

  /**
   * Somebody set the wall clock: what is stored goes along, so that as much time is left as before, also after a restart. But agents
   * go by the wall clock, and an order that has expired by it starts nowhere: what was not sent waits no longer than that.
   */
  async function followWall(): Promise<void> {
    const byMs = steady.look();
    if (byMs === 0) return;
    // At once, so that what is written from now on is on the new scale, and what was written before is moved.
    const capQueued: Late = {
      late: (tx) =>
        tx
          .read(openJobs())
          .map((job) => capDeadlines({ jobId: job.id, state: 'queued', atMs: job.expires_at_ms })),
    };
    const written = db.write([moveDeadlines({ byMs }), capQueued]);
    steady.move(byMs);
    try {
      await written;
    } catch (error) {
      steady.move(-byMs);
      throw error;
    }
    log.warn({ byMs }, 'the wall clock was set; deadlines go on as they were');
  }

  async function endDue(): Promise<void> {
    for (;;) {
      const due = await db.read(dueRuns({ nowMs: steady.now(), limit: PAGE }));
      await changes.commit((change) =>
        due.flatMap((run) => {
          const to = whenDue(run.state);
          const agent = inventory.get(run.agent_id);
          const offlineSince = agent?.online ? undefined : (agent?.lastSeenMs ?? null);
          const reason = dueReason(run.state, offlineSince, run.turn_at_ms !== null);
          const outcome = { ...NO_OUTCOME, reason, awaySinceMs: offlineSince ?? null };
          return to
            ? [change({ jobId: run.job_id, agentId: run.agent_id, from: run.state, to, outcome })]
            : [];
        }),
      );
      if (due.length < PAGE) return;
    }
  }

  return {
    start() {
      running = true;
      void wake();
    },
    stop() {
      running = false;
      cancelTimer?.();
    },
    expect(atMs) {
      if (!running || atMs >= wakeAtMs) return;
      if (busy) wakeAtMs = atMs;
      else sleepUntil(atMs);
    },
  };
}
