import { API_LIMITS } from './limits.ts';
import type { EventPage, JobVerbs } from './verbs.ts';

/** A place in one job's history, which moves forward page by page. */
export interface History {
  /** The sequence number up to which all was read, or where it began. */
  readonly seq: number;
  /** Reads on from `seq`. `more`: the page was full, so there may be another one at once. */
  next(): Promise<EventPage & { more: boolean }>;
}

export interface HistoryRequest {
  jobId: string;
  after: number;
  agentId?: string;
}

/**
 * A page is counted in rows, and a row may be 40 bytes or 64 KiB: the number of rows follows what they weigh, so that a
 * reader holds little memory, from the first page on, while small rows still come many at a time.
 */
export function openHistory(jobs: Pick<JobVerbs, 'events'>, request: HistoryRequest): History {
  const { jobId, agentId } = request;
  let seq = request.after;
  let rows: number = API_LIMITS.pageRowsMin;

  async function next(): Promise<EventPage & { more: boolean }> {
    const page = await jobs.events(jobId, seq, rows, agentId);
    const more = page.events.length >= rows;
    const bytes = page.events.reduce(
      (sum, event) => sum + (event.kind === 'output' ? event.data.length : 0),
      0,
    );
    if (bytes > API_LIMITS.pageBytes) rows = Math.max(API_LIMITS.pageRowsMin, rows >> 1);
    else if (more && bytes < API_LIMITS.pageBytes / 4) rows = Math.min(API_LIMITS.pageRowsMax, rows << 1);
    // Also past what others wrote meanwhile: one quiet run of a large job would have all of that read again for every new row.
    seq = page.readTo ?? page.events.at(-1)?.seq ?? seq;
    const events = page.events.filter(
      (event) => agentId === undefined || event.kind === 'job' || event.agentId === agentId,
    );
    return { events, over: page.over, more };
  }

  return {
    get seq() {
      return seq;
    },
    next,
  };
}
