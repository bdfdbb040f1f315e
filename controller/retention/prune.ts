/**
 * Takes finished jobs, or their output, out of the store in small transactions: each takes a few milliseconds, and the event loop
 * turns in between. What a crash cuts off in the middle is noted in the store, and finished at the next start.
 */
import { type Clock, delay } from '../../proto/clock.ts';
import { MIB } from '../../proto/limits.ts';
import type { Database, Query } from '../db/database.ts';
import type { Scope } from './plan.ts';
import {
  agentsOfJob,
  deleteEvents,
  deleteJob,
  deleteOutput,
  deleteReports,
  deleteRollout,
  deleteRolloutEvents,
  deleteRuns,
  eventsOfJob,
  finishedJobs,
  forgetUnderWay,
  jobsWithOutput,
  markPruned,
  noteUnderWay,
  outputOfJob,
  type Place,
  rolloutEvents,
  rolloutOfJob,
  underWay,
} from './store.ts';

const JOBS_PAGE = 100;
const EVENTS_PAGE = 256;
const RUNS_PAGE = 500;
/** Of output, in one transaction. */
const BITE_BYTES = MIB;

export interface Finished {
  readonly id: string;
  /** What is stored of its output. */
  readonly outputBytes: number;
}

export interface Pruner {
  /** The jobs that a scope means, oldest end first. Those whose output is gone already are not among those of `output`. */
  meant(scope: Scope): AsyncGenerator<Finished>;
  /** False: it was stopped in the middle. */
  remove(what: Scope['what'], jobId: string): Promise<boolean>;
  /** Finishes what was cut off. */
  finish(): Promise<void>;
}

export function createPruner(ports: { db: Database; clock: Clock; stopping: AbortSignal }): Pruner {
  const { db, clock, stopping } = ports;

  interface JobRow {
    id: string;
    ended_at_ms: number | null;
    output_pruned_at_ms: number | null;
  }
  const pageOf = (scope: Scope, place: Place): Query<JobRow> => {
    const page = { ...place, beforeMs: scope.endedBeforeMs, limit: JOBS_PAGE };
    return scope.what === 'jobs' ? finishedJobs(page) : jobsWithOutput(page);
  };

  async function* meant(scope: Scope): AsyncGenerator<Finished> {
    let place: Place = { atMs: 0, id: '' };
    for (;;) {
      const jobs = await db.read(pageOf(scope, place));
      for (const job of jobs) {
        const [stored] =
          job.output_pruned_at_ms === null ? await db.read(outputOfJob({ jobId: job.id })) : [];
        yield { id: job.id, outputBytes: stored?.bytes ?? 0 };
        place = { atMs: job.ended_at_ms ?? 0, id: job.id };
      }
      if (jobs.length < JOBS_PAGE) return;
      await delay(clock, 0);
    }
  }

  /** First the mark: output that is partly gone is never shown as if it were all there was. */
  async function removeHistory(what: Scope['what'], jobId: string): Promise<boolean> {
    await db.write([markPruned({ jobId, atMs: clock.now() }), noteUnderWay({ value: Buffer.from(jobId) })]);
    const remove = what === 'jobs' ? deleteEvents : deleteOutput;
    for (let after = 0; ; ) {
      const rows = await db.read(eventsOfJob({ jobId, after, limit: EVENTS_PAGE }));
      let bytes = 0;
      let upTo = after;
      let isWorth = false;
      for (const row of rows) {
        if (bytes > 0 && bytes + row.bytes > BITE_BYTES) break;
        bytes += row.bytes;
        upTo = row.seq;
        isWorth ||= what === 'jobs' || row.kind === 'output';
      }
      if (upTo === after) return true;
      if (stopping.aborted) return false;
      if (isWorth) await db.write([remove({ jobId, after, upTo })]);
      else await delay(clock, 0);
      after = upTo;
    }
  }

  /** Before the first of its jobs. What a crash cuts off is gone on with: its jobs are still meant. */
  async function removeRollout(jobId: string): Promise<boolean> {
    const [found] = await db.read(rolloutOfJob({ jobId }));
    if (!found) return true;
    const rolloutId = found.rollout_id;
    for (;;) {
      const page = await db.read(rolloutEvents({ rolloutId, limit: EVENTS_PAGE }));
      const upTo = page.at(-1)?.seq ?? 0;
      if (page.length < EVENTS_PAGE) break;
      if (stopping.aborted) return false;
      await db.write([deleteRolloutEvents({ rolloutId, upTo })]);
    }
    await db.write([deleteRollout({ rolloutId })]);
    return true;
  }

  async function removeRuns(jobId: string): Promise<void> {
    for (let after = ''; ; ) {
      const page = await db.read(agentsOfJob({ jobId, after, limit: RUNS_PAGE }));
      const upTo = page.at(-1)?.agent_id ?? after;
      const reports = deleteReports({ jobId, after, upTo });
      if (page.length < RUNS_PAGE) return db.write([reports, deleteJob({ jobId })]);
      await db.write([reports, deleteRuns({ jobId, after, upTo })]);
      after = upTo;
    }
  }

  return {
    meant,
    async remove(what, jobId) {
      if (what === 'jobs' && !(await removeRollout(jobId))) return false;
      if (!(await removeHistory(what, jobId))) return false;
      if (what === 'jobs') await removeRuns(jobId);
      return true;
    },
    async finish() {
      const [job] = await db.read(underWay());
      if (!job) return;
      if (await removeHistory('output', Buffer.from(job.value).toString()))
        await db.write([forgetUnderWay()]);
    },
  };
}
