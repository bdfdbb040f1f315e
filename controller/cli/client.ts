import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { MusterError } from '../../proto/errors.ts';
import { MUSTER_VERSION } from '../../proto/version.ts';
import {
  type Calls,
  type Given,
  IDEMPOTENCY_HEADER,
  pathOf,
  ROUTES,
  type RouteName,
} from '../api/contract.ts';
import type { Context } from './context.ts';
import { trustOf } from './pinning.ts';
import { connectionError, replyError } from './reply-error.ts';

/** The operators' API, from outside: one kept connection (a second one while a stream is open). */
export interface Client {
  readonly url: string;
  /** PEM of the pinned authority. */
  readonly ca: string | undefined;
  /** Throws a MusterError (what the controller says, or `unavailable`) or a Failure. */
  call<N extends RouteName>(name: N, given: Given<N>, options?: CallOptions): Promise<Calls[N]['reply']>;
  /**
   * The body of the answer as it comes, of routes that answer with events or bytes. Ends early, with an error, when
   * the connection breaks or `signal` aborts.
   */
  open<N extends RouteName>(
    name: N,
    given: Given<N>,
    options?: CallOptions,
  ): Promise<AsyncIterable<Uint8Array>>;
  close(): void;
}

export interface CallOptions {
  idempotencyKey?: string;
  lastEventId?: string;
  /** A status that is not a refusal on this route, though it is 400 or more. */
  alsoGood?: number;
  signal?: AbortSignal;
  /** The body of a route that takes bytes. */
  bytes?: Uint8Array;
}

/** Without a byte for so long, nothing will come any more; a stream has a sign of life every 15 s. */
const PATIENCE = { connectMs: 10_000, silentMs: 120_000, streamSilentMs: 45_000 };
const REPLY_BYTES = 256 * 1024 * 1024;

export function createClient(
  context: Pick<Context, 'url' | 'ca'> & { token?: string },
  patience = PATIENCE,
): Client {
  const agent = new Agent({ keepAlive: true, ...trustOf(context.ca) });

  function send(name: RouteName, given: Parts, options: CallOptions): Promise<IncomingMessage> {
    const body = options.bytes ?? (given.body === undefined ? undefined : JSON.stringify(given.body));
    const headers: Record<string, string> = { 'user-agent': `muster/${MUSTER_VERSION}` };
    if (context.token !== undefined) headers.authorization = `Bearer ${context.token}`;
    if (body !== undefined)
      headers['content-type'] = options.bytes ? 'application/octet-stream' : 'application/json';
    if (body !== undefined) headers['content-length'] = String(Buffer.byteLength(body));
    if (options.idempotencyKey !== undefined) headers[IDEMPOTENCY_HEADER] = options.idempotencyKey;
    if (options.lastEventId !== undefined) headers['last-event-id'] = options.lastEventId;
    const { method, answer } = ROUTES[name];
    const silentMs = answer === 'json' ? patience.silentMs : patience.streamSilentMs;
    return new Promise((resolve, reject) => {
      const { signal } = options;
      const sent = request(`${context.url}${pathOf(name, given)}`, {
        method,
        agent,
        headers,
        // Without this a request is not told of its socket's timeouts.
        timeout: silentMs,
        ...(signal ? { signal } : {}),
      });
      let cause: unknown;
      sent.on('response', resolve);
      sent.on('error', (error) => reject(connectionError(error, context.url)));
      sent.on('socket', (socket) => {
        const isOnItsWay = (): void => {
          socket.setTimeout(silentMs);
          cause = Object.assign(new Error('silent'), { code: SILENT });
        };
        if (!socket.connecting) return isOnItsWay();
        socket.setTimeout(patience.connectMs);
        socket.once('secureConnect', isOnItsWay);
      });
      sent.on('timeout', () =>
        sent.destroy(new MusterError('unavailable', `${context.url} does not answer`, { cause })),
      );
      sent.end(body);
    });
  }

  /** An answer that says no becomes an error here. */
  async function accepted(name: RouteName, given: Parts, options: CallOptions): Promise<IncomingMessage> {
    const answer = await send(name, given, options);
    const status = answer.statusCode ?? 0;
    if ((status >= 200 && status < 300) || status === options.alsoGood) return answer;
    throw replyError(status, await readAll(answer), context.url);
  }

  async function readAll(answer: IncomingMessage): Promise<Buffer> {
    const pieces: Uint8Array[] = [];
    let bytes = 0;
    for await (const piece of bodyOf(answer)) {
      pieces.push(piece);
      bytes += piece.length;
      if (bytes > REPLY_BYTES)
        throw new MusterError('internal', `an answer of more than ${REPLY_BYTES} bytes`);
    }
    return Buffer.concat(pieces);
  }

  async function* bodyOf(answer: IncomingMessage): AsyncGenerator<Uint8Array> {
    try {
      yield* answer as AsyncIterable<Uint8Array>;
    } catch (error) {
      throw connectionError(error, context.url);
    }
  }

  async function json<N extends RouteName>(
    name: N,
    given: Given<N>,
    options: CallOptions,
  ): Promise<Calls[N]['reply']> {
    const bytes = await readAll(await accepted(name, given, options));
    try {
      return JSON.parse(bytes.toString()) as Calls[N]['reply'];
    } catch {
      throw replyError(200, bytes, context.url);
    }
  }

  return {
    url: context.url,
    ca: context.ca,
    async call(name, given, options = {}) {
      const safe = ROUTES[name].method === 'GET' || options.idempotencyKey !== undefined;
      try {
        return await json(name, given, options);
      } catch (error) {
        // A kept connection that the other side closed meanwhile, or a reply that was lost: asking again cannot do it twice.
        if (!safe || !wasCut(error)) throw error;
        return json(name, given, options).catch((again: unknown) => {
          // What became of the first request stays unknown, whatever keeps the second from being answered.
          if (!(again instanceof MusterError) || again.code !== 'unavailable') throw again;
          throw new MusterError('unavailable', again.detail, { cause: causeOf(error) });
        });
      }
    },
    open: async (name, given, options = {}) => bodyOf(await accepted(name, given, options)),
    close: () => agent.destroy(),
  };
}

interface Parts {
  params?: Record<string, string>;
  query?: object;
  body?: unknown;
}

function causeOf(error: unknown): unknown {
  return error instanceof MusterError ? error.cause : undefined;
}

const SILENT = 'ETIMEDOUT_SILENT';
const CUTS = ['ECONNRESET', 'EPIPE', SILENT];

/** Whether a request was on its way when the connection broke: it may have been taken. */
export function wasCut(error: unknown): boolean {
  const cause = causeOf(error);
  return cause instanceof Error && 'code' in cause && CUTS.includes(String(cause.code));
}
