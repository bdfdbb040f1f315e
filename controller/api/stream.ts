import type { Clock } from '../../proto/clock.ts';
import type { Listener } from '../events.ts';
import { type History, type HistoryRequest, openHistory } from './history.ts';
import { API_LIMITS } from './limits.ts';
import type { EndData, StreamEvents } from './stream-messages.ts';
import type { JobVerbs, RunEvent } from './verbs.ts';

/** What this door needs of the controller's events. */
export interface ApiBus {
  on(listener: Listener): () => void;
}

export interface StreamPorts {
  jobs: Pick<JobVerbs, 'events'>;
  bus: ApiBus;
  clock: Clock;
  /** The reader is gone. */
  gone: AbortSignal;
  /** The controller is stopping. */
  stopping: AbortSignal;
}

/**
 * A job's history and then its present, as server-sent events (WHATWG HTML, section 9.2): the pieces of text to send.
 *
 * It pulls: a page is read from the store only when the pieces of the one before were taken, so that a slow reader costs
 * one page of memory however much the job writes. The bus says only that there is more. Throws, before the first
 * piece, what the first page throws.
 */
export async function openEvents(
  ports: StreamPorts,
  request: HistoryRequest & { follow: boolean },
): Promise<AsyncGenerator<string>> {
  const bell = createBell(ports.clock);
  // Before the first page is read, so that nothing which comes after it goes unheard.
  const off = ports.bus.on((event) => {
    if ((event.type === 'job-changed' || event.type === 'job-ended') && event.jobId === request.jobId)
      bell.ring();
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
    const history = openHistory(ports.jobs, request);
    const first = await history.next();
    return pieces(ports, request.follow, history, first, bell, close);
  } catch (error) {
    close();
    throw error;
  }
}

async function* pieces(
  { gone, stopping }: StreamPorts,
  follow: boolean,
  history: History,
  first: Awaited<ReturnType<History['next']>>,
  bell: Bell,
  close: () => void,
): AsyncGenerator<string> {
  try {
    yield 'retry: 2000\n\n';
    let page = first;
    // A job that was over before a page was read has no row after the last page.
    let wasOver = false;
    while (!gone.aborted) {
      yield* batched(page.events);
      if (stopping.aborted) return yield endOf('stopping', history);
      if (!page.more) {
        if (wasOver) return yield endOf('over', history);
        if (!follow && !page.over) return yield endOf('no-follow', history);
        if (!page.over) {
          while ((await bell.wait(API_LIMITS.heartbeatMs)) === 'quiet') yield ': still here\n\n';
          if (gone.aborted) return;
        }
      }
      wasOver = page.over;
      page = await history.next();
    }
  } finally {
    close();
  }
}

/** Small events travel together; a piece is not much larger than one large event, and is made when the one before was taken. */
function* batched(events: readonly RunEvent[]): Generator<string> {
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
function endOf(why: EndData['why'], history: History): string {
  const data: EndData = { why, after: history.seq };
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
