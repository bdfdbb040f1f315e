import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { EventsQuery } from '../../../controller/api/contract.ts';
import { pathOf } from '../../../controller/api/contract.ts';
import { createSseParser, type SseEvent } from '../../../controller/cli/sse.ts';
import { bearer, JOB, until } from './fixture.ts';

/** One reader of a job's events over a real socket. */
export interface Reader {
  status: number;
  headers: IncomingMessage['headers'];
  events: SseEvent[];
  /** Everything that came, comments too. */
  text: string;
  /** The answer is complete; false while it lasts, and when it broke off. */
  ended: boolean;
  closed: boolean;
  pause(): void;
  resume(): void;
  leave(): void;
  /** Waits until so many events came. */
  until(count: number): Promise<SseEvent[]>;
  end(): Promise<void>;
}

export interface ReaderOptions {
  query?: EventsQuery;
  lastEventId?: string;
  job?: string;
  ca?: string;
  paused?: boolean;
}

export async function openReader(url: URL, options: ReaderOptions = {}): Promise<Reader> {
  const { query = {}, lastEventId, job = JOB, ca, paused = false } = options;
  const request: ClientRequest = (ca ? httpsRequest : httpRequest)(
    new URL(pathOf('jobs.events', { params: { job }, query }), url),
    {
      agent: false,
      headers: { ...bearer('viewer'), ...(lastEventId ? { 'last-event-id': lastEventId } : {}) },
      ...(ca ? { ca } : {}),
    },
  );
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', resolve).once('error', reject).end();
  });
  const parse = createSseParser(1 << 20);
  const reader: Reader = {
    status: response.statusCode ?? 0,
    headers: response.headers,
    events: [],
    text: '',
    ended: false,
    closed: false,
    pause: () => void response.pause(),
    resume: () => void response.resume(),
    leave: () => void request.destroy(),
    async until(count) {
      await until(() => reader.events.length >= count, `${count} events, there are ${reader.events.length}`);
      return reader.events;
    },
    end: () => until(() => reader.closed, 'the end of the stream'),
  };
  response.on('data', (bytes: Buffer) => {
    if (reader.text.length < 1 << 20) reader.text += bytes.toString();
    reader.events.push(...parse(bytes));
  });
  if (paused) response.pause();
  response.once('end', () => {
    reader.ended = true;
  });
  response.once('error', () => undefined); // a stream that breaks off: `closed` without `ended`
  response.once('close', () => {
    reader.closed = true;
  });
  return reader;
}
