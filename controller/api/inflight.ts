import { finished } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { type Clock, delay } from '../../proto/clock.ts';
import { ROUTES, type RouteName } from './contract.ts';
import type { Traffic } from './traffic.ts';

/** The requests that are being answered: each is counted and logged when it is over, and a stop waits for them. */
export interface Inflight {
  /** `by`: who asks, as far as that is known at the end. */
  begin(request: FastifyRequest, reply: FastifyReply, by: () => string | undefined): void;
  /** Resolves when none is left, at the latest after `maxMs`; what is left then is cut off. */
  drain(maxMs: number): Promise<void>;
}

export function createInflight(clock: Clock, log: Logger, traffic: Traffic): Inflight {
  const begun = new Set<FastifyRequest>();
  let onDrained = (): void => {};

  return {
    begin(request, reply, by) {
      const beganMs = clock.monotonicMs();
      begun.add(request);
      // Fastify's onResponse hears nothing of an answer whose reader left, and that would be in flight forever.
      finished(reply.raw, () => {
        begun.delete(request);
        if (begun.size === 0) onDrained();
        const ms = clock.monotonicMs() - beganMs;
        const { route = 'none' } = request.routeOptions.config;
        // 499 is what nginx writes where the client left before there was an answer.
        const status = reply.raw.headersSent ? reply.statusCode : 499;
        traffic.record(route, status, isFlow(route) ? undefined : ms / 1000);
        const line = { reqId: request.id, route, status, ms: Math.round(ms), by: by(), from: request.ip };
        if (request.method === 'GET') log.debug(line, 'request');
        else log.info(line, 'request');
      });
    },
    async drain(maxMs) {
      if (begun.size > 0) {
        const giveUp = new AbortController();
        const drained = new Promise<void>((resolve) => {
          onDrained = resolve;
        });
        await Promise.race([drained, delay(clock, maxMs, giveUp.signal).catch(() => undefined)]);
        giveUp.abort();
      }
      for (const request of begun) request.raw.destroy();
    },
  };
}

/** A stream takes as long as its reader wants: its time says nothing of this side. */
function isFlow(route: string): boolean {
  return Object.hasOwn(ROUTES, route) && ['events', 'bytes'].includes(ROUTES[route as RouteName].answer);
}
