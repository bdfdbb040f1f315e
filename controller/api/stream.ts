import type { Clock } from '../../proto/clock.ts';
import type { ControllerEvent, Listener } from '../events.ts';
import { type HistoryRequest, openHistory } from './history.ts';
import { API_LIMITS } from './limits.ts';
import type { RolloutEvent } from './rollout-messages.ts';
import type { EndData, RolloutStreamEvents, StreamEvents } from './stream-messages.ts';
import type { JobVerbs, RolloutVerbs, RunEvent } from './verbs.ts';

/** What this door needs of the controller's events. */
export interface ApiBus {
  on(listener: Listener): () => void;
}

export interface StreamPorts {
  bus: ApiBus;
  clock: Clock;
  /** The reader is gone. */
  gone: AbortSignal;
  /** The controller is stopping. */
  stopping: AbortSignal;
}

/** A place in a history, which moves forward page by page. */
interface Source<E> {
  /** The sequence number up to which all was read, or where it began. */
  readonly seq: number;
  /** `over`: nothing follows what was there when the page was read. `more`: there may be another page at once. */
  next(): Promise<{ events: readonly E[]; over: boolean; more: boolean }>;
}

/** A job's events. Throws, before the first piece, what the first page throws. */
export async function openEvents(
  { jobs, ...ports }: StreamPorts & { jobs: Pick<JobVerbs, 'events'> },
  request: HistoryRequest & { follow: boolean },
): Promise<AsyncGenerator<string>> {
  const isMeant = (event: ControllerEvent): boolean =>
    (event.type === 'job-changed' || event.type === 'job-ended') && event.jobId === request.jobId;
  return openStream(ports, openHistory(jobs, request), isMeant, textOf, request.follow);
}

/** A rollout's events. Throws, before the first piece, what the first page throws. */
export async function openRolloutEvents(
  { rollouts, ...ports }: StreamPorts & { rollouts: Pick<RolloutVerbs, 'events'> },
  request: { rollout: string; after: number; follow: boolean },
): Promise<AsyncGenerator<string>> {
  let seq = request.after;
  const source: Source<RolloutEvent> = {
    get seq() {
      return seq;
    },
    async next() {
      const { events, over } = await rollouts.events(request.rollout, seq, API_LIMITS.pageRowsMax);
      seq = events.at(-1)?.seq ?? seq;
      return { events, over, more: events.length >= API_LIMITS.pageRowsMax };
    },
  };
  const isMeant = (event: ControllerEvent): boolean =>
    event.type === 'rollout-changed' && event.rolloutId === request.rollout;
  const text = (event: RolloutEvent): string =>
    `id: ${event.seq}\nevent: ${'rollout' satisfies keyof RolloutStreamEvents}\ndata: ${JSON.stringify(event)}\n\n`;
  return openStream(ports, source, isMeant, text, request.follow);
}

/**
 * A history and then its present, as server-sent events (WHATWG HTML, section 9.2): the pieces of text to send.
 *
 * It pulls: a page is read from the store only when the pieces of the one before were taken, so that a slow reader costs
 * one page of memory however much is written. The bus says only that there is more.
 */
async function openStream<E>(
  ports: StreamPorts,
  source: Source<E>,
  isMeant: (event: ControllerEvent) => boolean,
  textOf: (event: E) => string,
  follow: boolean,
): Promise<AsyncGenerator<string>> {
  const bell = createBell(ports.clock);
  // Before the first page is read, so that nothing which comes after it goes unheard.
  const off = ports.bus.on((event) => {
    if (isMeant(event)) bell.ring();
  });
  const close = (): void => {
    off();
    ports.gone.removeEventListener('abort', leave);
    ports.stopping.removeEventListener('abort', bell.ring);
    bell.ring();
  };
  // Here and not only at the end of the pieces: a reader may be gone before it took the first.
  const leave = (): void => close();
  ports.gone.addEventListener('abort', leave);
  ports.stopping.addEventListener('abort', bell.ring);
  try {
    const first = await source.next();
    return pieces(ports, follow, source, first, textOf, bell, close);
  } catch (error) {
    close();
    throw error;
  }
}

async function* pieces<E>(
  { gone, stopping }: StreamPorts,
  follow: boolean,
  source: Source<E>,
  first: Awaited<ReturnType<Source<E>['next']>>,
  textOf: (event: E) => string,
  bell: Bell,
  close: () => void,
): AsyncGenerator<string> {
  try {
    yield 'retry: 2000\n\n';
    let page = first;
    // What was over before a page was read has no row after the last page.
    let wasOver = false;
    while (!gone.aborted) {
      yield* batched(page.events, textOf);
      if (stopping.aborted) return yield endOf('stopping', source);
      if (!page.more) {
        if (wasOver) return yield endOf('over', source);
        if (!follow && !page.over) return yield endOf('no-follow', source);
        if (!page.over) {
          while ((await bell.wait(API_LIMITS.heartbeatMs)) === 'quiet') yield ': still here\n\n';
          if (gone.aborted) return;
        }
      }
      wasOver = page.over;
      page = await source.next();
    }
  } finally {
    close();
  }
}

/** Small events travel together; a piece is not much larger than one large event, and is made when the one before was taken. */
function* batched<E>(events: readonly E[], textOf: (event: E) => string): Generator<string> {
  let piece = '';
  for (const event of events) {
    piece += textOf(event);
    if (piece.length < 32 * 1024) continue;
    yield piece;
    piece = '';
  }
  if (piece !== '') yield piece;
}

function textOf(event: RunEvent): string {
  switch (event.kind) {
    case 'output': {
      const { agentId, attempt, stream, offset, position, data, atMs } = event;
      const base64 = Buffer.from(data.buffer, data.byteOffset, data.length).toString('base64');
      return textWithId(event.seq, 'output', { agentId, attempt, stream, offset, position, base64, atMs });
    }
    case 'state': {
      const { agentId, attempt, state, task, outcome, tasks, atMs } = event;
      return textWithId(event.seq, 'state', { agentId, attempt, state, task, outcome, tasks, atMs });
    }
    case 'job': {
      const { what, by, atMs } = event;
      return textWithId(event.seq, 'job', { what, by, atMs });
    }
  }
}

function textWithId<E extends keyof StreamEvents>(seq: number, event: E, data: StreamEvents[E]): string {
  return `id: ${seq}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Without an id, so that whoever comes back with the last one misses nothing. */
function endOf(why: EndData['why'], { seq }: { seq: number }): string {
  const data: EndData = { why, after: seq };
  return `event: end\ndata: ${JSON.stringify(data)}\n\n`;
}

interface Bell {
  ring: () => void;
  /** Returns at once when it rang since the last wait. */
  wait(maxMs: number): Promise<'rung' | 'quiet'>;
}

function createBell(clock: Clock): Bell {
  let rung = false;
  let wake: (() => void) | undefined;
  return {
    ring() {
      rung = true;
      wake?.();
    },
    async wait(maxMs) {
      if (!rung) {
        await new Promise<void>((resolve) => {
          const cancel = clock.after(maxMs, resolve);
          wake = () => {
            cancel();
            resolve();
          };
        });
        wake = undefined;
      }
      const heard = rung ? 'rung' : 'quiet';
      rung = false;
      return heard;
    },
  };
}
