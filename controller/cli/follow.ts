import { type Backoff, fullJitterMs } from '../../proto/backoff.ts';
import { type Clock, delay } from '../../proto/clock.ts';
import { ERRORS, MusterError } from '../../proto/errors.ts';
import type { RandomBytes } from '../../proto/random.ts';
import type { EndData, StreamEvents } from '../api/contract.ts';
import type { Client } from './client.ts';
import { EXIT, Failure } from './failure.ts';
import { createSseParser, SseOverflow } from './sse.ts';

export type JobEvent = {
  [T in Exclude<keyof StreamEvents, 'end'>]: { type: T; seq: number; data: StreamEvents[T] };
}[Exclude<keyof StreamEvents, 'end'>];

export interface FollowRequest {
  job: string;
  /** Only events after this one; 0: from the start. */
  after: number;
  agentId?: string;
  /** False: what is there now, then the end. */
  follow: boolean;
  /** Leaves. */
  signal: AbortSignal;
}

export interface FollowParts {
  client: Pick<Client, 'open' | 'url'>;
  clock: Clock;
  random: RandomBytes;
  note(text: string): void;
  /** Told when the connection breaks (since when it is gone), and when it is back. */
  away(sinceMs: number | undefined): void;
}

/** A stream of numbered events, as one of the API's routes has it. */
export interface EventSource<E extends { seq: number }> {
  /** What goes on while the connection is gone: `the job`. */
  what: string;
  /** One connection's worth of bytes. */
  open(
    after: number,
    options: { signal: AbortSignal; lastEventId?: string },
  ): Promise<AsyncIterable<Uint8Array>>;
  /** Undefined: a kind that a newer controller knows. */
  read(type: string, seq: number, data: string): E | undefined;
  /** The command that comes back to it after this event. */
  comeBack(after: number): string;
}

const BACKOFF: Backoff = { baseMs: 250, capMs: 3000 };
/** A controller that restarts is back long before; a script must not wait for ever. */
export const GONE_MS = 5 * 60_000;
const EVENT_CHARS = 4 * 1024 * 1024;

/** A job's events; see `followEvents`. */
export function followJob(
  parts: FollowParts,
  request: FollowRequest,
): AsyncGenerator<JobEvent, EndData['why'] | undefined> {
  const { job, agentId, follow, after, signal } = request;
  return followEvents<JobEvent>(
    parts,
    {
      what: 'the job',
      open(from, options) {
        const query = {
          follow,
          ...(from > 0 ? { after: from } : {}),
          ...(agentId === undefined ? {} : { agentId }),
        };
        return parts.client.open('jobs.events', { params: { job }, query }, options);
      },
      read: (type, seq, data) =>
        type === 'output' || type === 'state' || type === 'job'
          ? ({ type, seq, data: JSON.parse(data) } as JobEvent)
          : undefined,
      comeBack: (last) => `muster jobs logs -f ${job.slice(0, 12)} --after ${last}`,
    },
    { after, signal },
  );
}

/**
 * Events, each once and in order, until what they are of is over (or what is there has been told, when it is not followed).
 * A connection that breaks and a controller that restarts are survived: it comes back after the last event that it
 * saw. Returns undefined when it was told to leave.
 */
export async function* followEvents<E extends { seq: number }>(
  parts: FollowParts,
  source: EventSource<E>,
  request: { after: number; signal: AbortSignal },
): AsyncGenerator<E, EndData['why'] | undefined> {
  const { clock, random, note, away } = parts;
  const { signal } = request;
  let after = request.after;
  let attempt = 0;
  let lostAtMs: number | undefined;
  for (;;) {
    try {
      const events = streamOf(source, after, signal);
      for (let step = await events.next(); ; step = await events.next()) {
        if (step.done) {
          if (step.value === 'over' || step.value === 'no-follow') return step.value;
          break;
        }
        if (lostAtMs !== undefined) {
          note('muster: connected to the controller again');
          away(undefined);
        }
        lostAtMs = undefined;
        if (step.value === 'connected') continue;
        attempt = 0;
        after = step.value.seq;
        yield step.value;
      }
    } catch (error) {
      if (signal.aborted) return undefined;
      if (!mayPass(error)) throw error;
    }
    if (signal.aborted) return undefined;
    if (lostAtMs === undefined) {
      note(`muster: the connection to the controller broke; ${source.what} goes on, trying to come back`);
      lostAtMs = clock.monotonicMs();
      away(lostAtMs);
    }
    if (clock.monotonicMs() - lostAtMs > GONE_MS)
      throw new Failure(
        EXIT.refused,
        `${parts.client.url} did not come back within 5 minutes; ${source.what} goes on where it can`,
        `come back with "${source.comeBack(after)}"`,
      );
    try {
      await delay(clock, fullJitterMs(BACKOFF, attempt, random), signal);
    } catch {
      return undefined;
    }
    attempt += 1;
  }
}

/**
 * One connection's worth of events; `connected` with the first sign of life: something between may take a connection
 * and drop it. Returns why the controller ended it, or undefined when it was cut.
 */
async function* streamOf<E extends { seq: number }>(
  source: EventSource<E>,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<E | 'connected', EndData['why'] | undefined> {
  const body = await source.open(after, { signal, ...(after > 0 ? { lastEventId: String(after) } : {}) });
  let silent = true;
  const parse = createSseParser(EVENT_CHARS);
  for await (const bytes of body) {
    if (silent) yield 'connected';
    silent = false;
    for (const { id, type, data } of parse(bytes)) {
      if (type === 'end') return (JSON.parse(data) as EndData).why;
      const event = source.read(type, Number(id), data);
      if (event !== undefined) yield event;
    }
  }
  return undefined;
}

/** Whether coming back later may help. */
function mayPass(error: unknown): boolean {
  if (error instanceof SseOverflow || error instanceof SyntaxError) return false;
  return error instanceof MusterError && ERRORS[error.code].retryable;
}
