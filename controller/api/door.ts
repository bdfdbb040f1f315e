import type { FastifyReply, FastifyRequest } from 'fastify';
import { MusterError } from '../../proto/errors.ts';
import { API_LIMITS } from './limits.ts';

/** On every answer: nothing is kept on the way, nothing is taken for what it does not say it is. */
export const SAFE_HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
} as const;

/**
 * What is checked of every request before anybody asks who it is from.
 * The API has no cookies and no CORS: a browser sends Origin only from a page, and pages of others have no business here.
 * `Host` proves nothing and is not looked at.
 */
export function checkRequest(request: FastifyRequest, reply: FastifyReply, door: DoorRules): void {
  reply.headers(SAFE_HEADERS);
  if (door.stopping.aborted) throw new MusterError('shutting-down');
  // Node drops what is past its own count without a word; that count is set a little higher than this one.
  if (request.raw.rawHeaders.length / 2 > API_LIMITS.headers)
    throw new MusterError('bad-request', `the request has more than ${API_LIMITS.headers} headers`);
  const { origin } = request.headers;
  if (origin !== undefined && !door.origins.has(origin)) throw new MusterError('foreign-origin');
}

export interface DoorRules {
  stopping: AbortSignal;
  /** Origins that are this controller's own, as browsers write them: `https://host:port`. */
  origins: ReadonlySet<string>;
}

/** The key of Idempotency-Key, if there is one; it ends up in the store, so it has bounds. */
export function idempotencyKeyOf(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (
    typeof header === 'string' &&
    header.length <= API_LIMITS.idempotencyKeyChars &&
    /^[\x21-\x7e]+$/.test(header)
  )
    return header;
  throw new MusterError(
    'bad-request',
    `header idempotency-key: expected 1 to ${API_LIMITS.idempotencyKeyChars} printable characters`,
  );
}

/** Last-Event-ID is what a browser's EventSource sends by itself; `after` is for everybody else. The larger counts. */
export function resumeAfter(after: number | undefined, lastEventId: string | string[] | undefined): number {
  if (lastEventId === undefined || lastEventId === '') return after ?? 0;
  if (typeof lastEventId !== 'string' || !/^\d{1,15}$/.test(lastEventId))
    throw new MusterError('bad-request', 'header last-event-id: expected a whole number');
  return Math.max(after ?? 0, Number(lastEventId));
}

/**
 * Where a download goes on (RFC 9110, section 14): only what is asked for by those who were cut, `bytes=N-`. Undefined for anything else: all
 * of it is sent then, as the RFC allows.
 */
export function rangeFrom(header: string | undefined, length: number): number | undefined {
  const digits = /^bytes=(\d{1,15})-$/.exec(header ?? '')?.[1];
  return digits !== undefined && Number(digits) < length ? Number(digits) : undefined;
}
