import { dueReason, whenDue } from './due.ts';
import type { JobsPorts } from './ports.ts';
import { NO_OUTCOME } from './run.ts';
import { dueRuns, nextDeadline } from './store.ts';
import type { Change, Changes } from './transition.ts';

const PAGE = 500;
/** After a failing store, and where nothing is due for long: look again. */
const LOOK_AGAIN_MS = 60_000;
const RETRY_MS = 1_000;

/** The one loop that ends what nobody answers for. */
export interface Deadlines {
  start(): void;
  stop(): void;
  /** A run's deadline is at this time; wakes the loop then. */
  expect(atMs: number): void;
}

export function createDeadlines(ports: JobsPorts, changes: Changes): Deadlines {
  const { clock, db, inventory, log } = ports;
  let wakeAtMs = Number.POSITIVE_INFINITY;
  let cancelTimer: (() => void) | undefined;
  let running = false;
  let busy = false;

  function sleepUntil(atMs: number): void {
    cancelTimer?.();
    wakeAtMs = atMs;
    cancelTimer = clock.after(Math.max(0, atMs - clock.now()), () => void wake());
  }

  async function wake(): Promise<void> {
    if (!running || busy) return;
    busy = true;
    wakeAtMs = Number.POSITIVE_INFINITY;
    let nextMs: number;
    try {
      await endDue();
      const [next] = await db.read(nextDeadline());
      nextMs = next?.at_ms ?? Number.POSITIVE_INFINITY;
    } catch (error) {
      log.error({ err: error }, 'deadlines could not be kept');
      nextMs = clock.now() + RETRY_MS;
    }
    busy = false;
    if (running) sleepUntil(Math.min(nextMs, wakeAtMs, clock.now() + LOOK_AGAIN_MS));
  }

  async function endDue(): Promise<void> {
    for (;;) {
      const due = await db.read(dueRuns({ nowMs: clock.now(), limit: PAGE }));
      const ends = due.flatMap((run): Change[] => {
        const to = whenDue(run.state);
        const agent = inventory.get(run.agent_id);
        const offlineSince = agent?.online ? undefined : (agent?.lastSeenMs ?? null);
        const reason = dueReason(run.state, offlineSince);
        const outcome = { ...NO_OUTCOME, reason, awaySinceMs: offlineSince ?? null };
        return to ? [{ jobId: run.job_id, agentId: run.agent_id, from: run.state, to, outcome }] : [];
      });
      await changes.commit((change) => ends.map(change));
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
