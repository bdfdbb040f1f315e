import type { Clock } from '../../proto/clock.ts';
import { MIB } from '../../proto/limits.ts';
import type { Database, Statement } from '../db/database.ts';
import type { Bus } from '../events.ts';
import type { Log } from '../log.ts';
import { createLoop } from './loop.ts';
import { agedOut, excessBytes, type Keep, type Scope, spareBytes } from './plan.ts';
import { createPruner } from './prune.ts';
import { oldestJob, usageOf } from './store.ts';
import { createWall } from './wall.ts';

export interface RetentionPorts {
  clock: Clock;
  db: Database;
  bus: Pick<Bus, 'on'>;
  log: Log;
  audit: { entry(actor: { name: string }, action: string, detail: object): Statement };
  keep: Keep;
  /** Whether the disk has too little room for anything new. */
  isFull(): boolean;
  /** Resolves when no stored report is unchecked: one that is not what its agent signed must be seen before it can go. */
  verifyReports(): Promise<void>;
}

export interface PruneRequest {
  /** Counted from a job's end. */
  olderThanMs: number;
  outputOnly: boolean;
  /** Say what would go, remove nothing. */
  dryRun: boolean;
}

export interface Pruned {
  jobs: number;
  outputBytes: number;
  /** It took long enough for one answer: the same request goes on. */
  more: boolean;
}

export interface Retention {
  prune(request: PruneRequest, actor: { name: string }): Promise<Pruned>;
  /** Bytes of stored output, and since when there is history; null: there is none. */
  figures(): Promise<{ outputBytes: number; oldestJobAtMs: number | null }>;
  start(): void;
  /** What is under way ends with the transaction that it is in; the next start goes on with it. */
  stop(): void;
}

const SYSTEM = { name: 'muster' };
/** A request answers after so long at the latest. */
const ANSWER_MS = 60_000;
const SHRINK_BYTES = MIB;

/** What is kept, and for how long. Jobs that are not over are never touched, and the audit log never is. */
export function createRetention(ports: RetentionPorts): Retention {
  const { clock, db, log, audit, keep } = ports;
  const stopping = new AbortController();
  const pruner = createPruner({ ...ports, stopping: stopping.signal });
  const wall = createWall(clock);
  /** One at a time: two would count what the other removes. */
  let turn: Promise<unknown> = Promise.resolve();

  function inTurn<T>(action: () => Promise<T>): Promise<T> {
    const mine = turn.then(action, action);
    turn = mine.catch(() => {});
    return mine;
  }

  async function storedBytes(): Promise<number> {
    const [row] = await db.read(usageOf({ name: 'output' }));
    return row?.bytes ?? 0;
  }

  /** `enoughBytes`: of output; no more than what it takes goes. */
  async function removeAll(
    scope: Scope,
    limits: { enoughBytes?: number; untilMs?: number; dryRun?: boolean },
    entry?: (found: { jobs: number; outputBytes: number }) => Statement,
  ): Promise<Pruned> {
    const { enoughBytes = Number.POSITIVE_INFINITY, untilMs = Number.POSITIVE_INFINITY } = limits;
    const ids: string[] = [];
    const found = { jobs: 0, outputBytes: 0 };
    for await (const job of pruner.meant(scope)) {
      if (found.outputBytes >= enoughBytes || stopping.signal.aborted) break;
      ids.push(job.id);
      // Of jobs without output nothing goes where only that is meant; they are marked, and not looked at again.
      if (scope.what === 'jobs' || job.outputBytes > 0) found.jobs += 1;
      found.outputBytes += job.outputBytes;
    }
    if (limits.dryRun) return { ...found, more: false };
    if (found.jobs > 0) {
      await ports.verifyReports();
      if (entry) await db.write([entry(found)]);
    }
    for (const id of ids) {
      if (clock.monotonicMs() >= untilMs || !(await pruner.remove(scope.what, id)))
        return { ...found, more: true };
    }
    await pruner.finish();
    return { ...found, more: false };
  }

  async function prune(request: PruneRequest, actor: { name: string }): Promise<Pruned> {
    const { olderThanMs, outputOnly, dryRun } = request;
    const scope: Scope = {
      what: outputOnly ? 'output' : 'jobs',
      endedBeforeMs: clock.now() - olderThanMs,
    };
    const untilMs = clock.monotonicMs() + ANSWER_MS;
    const pruned = await removeAll(scope, { untilMs, dryRun }, (found) =>
      audit.entry(actor, 'jobs.prune', { ...scope, ...found }),
    );
    if (!dryRun) await giveBack();
    return pruned;
  }

  async function removeByAge(): Promise<void> {
    if (wall.isDoubted())
      return log.warn(
        'the wall clock was set far ahead: nothing is removed for its age until it is a day old',
      );
    for (const scope of agedOut(keep, clock.now())) {
      const pruned = await removeAll(scope, {}, (found) =>
        audit.entry(SYSTEM, 'jobs.prune', { ...scope, ...found, why: 'age' }),
      );
      if (pruned.jobs > 0) log.info({ ...scope, ...pruned }, 'pruned by age');
    }
  }

  async function removeExcess(): Promise<void> {
    const enoughBytes = excessBytes(keep, await storedBytes());
    if (enoughBytes === 0) return;
    const scope: Scope = { what: 'output', endedBeforeMs: clock.now() + 1 };
    const pruned = await removeAll(scope, { enoughBytes }, (found) =>
      audit.entry(SYSTEM, 'jobs.prune', { ...scope, ...found, why: 'size' }),
    );
    if (pruned.jobs > 0) log.info({ ...scope, ...pruned }, 'output pruned, there was more than may be kept');
  }

  async function giveBack(): Promise<void> {
    for (
      let spare = spareBytes(db.size(), ports.isFull());
      spare > 0 && !stopping.signal.aborted;
      spare -= SHRINK_BYTES
    ) {
      db.shrink(Math.min(spare, SHRINK_BYTES));
      await db.write([]); // the event loop turns
    }
  }

  const loop = createLoop({
    clock,
    bus: ports.bus,
    isOverCap: async () => excessBytes(keep, await storedBytes()) > 0,
    pass: () =>
      inTurn(async () => {
        await pruner.finish();
        await removeByAge();
        await removeExcess();
        await giveBack();
      }),
    onError(error) {
      if (!stopping.signal.aborted) log.error({ err: error }, 'nothing was pruned');
    },
  });

  return {
    prune: (request, actor) => inTurn(() => prune(request, actor)),
    async figures() {
      const [oldest] = await db.read(oldestJob());
      return { outputBytes: await storedBytes(), oldestJobAtMs: oldest?.created_at_ms ?? null };
    },
    start: loop.start,
    stop() {
      stopping.abort();
      loop.stop();
    },
  };
}
