import type { Server as HttpServer } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { type Clock, delay } from '../../proto/clock.ts';
import { type Answer, createAnswers } from './answers.ts';
import { createApp } from './app.ts';
import { admit, REDACT } from './auth.ts';
import { IDEMPOTENCY_HEADER, ROUTES, type RouteName } from './contract.ts';
import { checkRequest, idempotencyKeyOf } from './door.ts';
import { createFlows } from './flow.ts';
import type { Given } from './handlers.ts';
import { API_LIMITS } from './limits.ts';
import type { Actor } from './messages.ts';
import type { ProcessFigures } from './probe.ts';
import type { Checks } from './readiness.ts';
import { readRequest } from './reading.ts';
import type { ApiBus } from './stream.ts';
import { createTraffic } from './traffic.ts';
import type { ApiVerbs } from './verbs.ts';

export interface ApiOptions {
  verbs: ApiVerbs;
  bus: ApiBus;
  clock: Clock;
  log: Logger;
  /** Made with SERVER_OPTIONS and shared with the agents' door; whoever made it opens it and closes it. */
  server: HttpServer | HttpsServer;
  /** Of Muster, for the OpenAPI document. */
  version: string;
  /** Origins of this controller's own pages, `https://host:port`; left out: no page may call. */
  origins?: readonly string[];
  checks: Checks;
  probe: { read(): ProcessFigures };
}

export interface Api {
  /** Its routes are complete; for tests, which inject requests. */
  readonly app: FastifyInstance;
  /** Ends the streams, refuses what comes now, and waits some seconds for what is in flight. */
  stop(): Promise<void>;
}

/** The operators' door, ready to answer on `server`. */
export async function createApi(options: ApiOptions): Promise<Api> {
  const { verbs, clock, server } = options;
  const log = options.log.child({}, { redact: REDACT });
  const stopping = new AbortController();
  const door = { stopping: stopping.signal, origins: new Set(options.origins) };
  const traffic = createTraffic();
  const flows = createFlows(clock, (error) => log.error({ err: error }, 'stream failed'));
  const answers = createAnswers({ ...options, flows, traffic, stopping: stopping.signal });
  const actors = new WeakMap<FastifyRequest, Actor>();
  /** Requests in flight, and when they began. */
  const begun = new Map<FastifyRequest, number>();
  let onDrained = (): void => {};

  const born = clock.now().toString(36);
  let requests = 0;
  const app = createApp({ server, log, requestId: () => `${born}-${++requests}` });
  const off = options.bus.on((event) => {
    if (event.type === 'stopping') stopping.abort();
  });

  app.addHook('onRequest', async (request, reply) => {
    begun.set(request, clock.monotonicMs());
    checkRequest(request, reply, door);
    const { role = 'public' } = request.routeOptions.config; // without one: no such route
    if (role === 'public') return;
    const { authorization } = request.headers;
    actors.set(request, await admit(role, authorization, (token) => verbs.operators.authenticate(token)));
  });
  app.addHook('onSend', async (_request, reply) => {
    if (stopping.signal.aborted) reply.header('connection', 'close');
  });
  app.addHook('onResponse', async (request, reply) => {
    const ms = clock.monotonicMs() - (begun.get(request) ?? clock.monotonicMs());
    begun.delete(request);
    if (begun.size === 0) onDrained();
    const { route = 'none' } = request.routeOptions.config;
    traffic.record(route, reply.statusCode, isFlow(route) ? undefined : ms / 1000);
    const line = {
      reqId: request.id,
      route,
      status: reply.statusCode,
      ms: Math.round(ms),
      by: actors.get(request)?.name,
      from: request.ip,
    };
    if (request.method === 'GET') log.debug(line, 'request');
    else log.info(line, 'request');
  });

  for (const name of Object.keys(ROUTES) as RouteName[]) {
    const { method, path, role } = ROUTES[name];
    app.route({
      method,
      url: path,
      config: { route: name, role },
      handler: (request, reply) => serve(name, request, reply),
    });
  }

  function serve<N extends RouteName>(
    name: N,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<unknown> {
    const answer: Answer<N> = answers[name];
    const read = readRequest(name, request);
    const idempotencyKey = idempotencyKeyOf(request.headers[IDEMPOTENCY_HEADER]);
    // A route's shape and its row in Calls are the same (a test holds that), and the hook above let nobody in unnamed.
    const given = { ...read, by: actors.get(request), idempotencyKey } as Given<N>;
    return answer(given, request, reply);
  }

  async function stop(): Promise<void> {
    off();
    stopping.abort();
    if (begun.size > 0) {
      const giveUp = new AbortController();
      const drained = new Promise<void>((resolve) => {
        onDrained = resolve;
      });
      await Promise.race([drained, delay(clock, API_LIMITS.drainMs, giveUp.signal).catch(() => undefined)]);
      giveUp.abort();
    }
    for (const request of begun.keys()) request.raw.destroy();
    server.closeIdleConnections();
    await app.close();
  }

  await app.ready();
  return { app, stop };
}

/** A stream takes as long as its reader wants: its time says nothing of this side. */
function isFlow(route: string): boolean {
  return Object.hasOwn(ROUTES, route) && ['events', 'bytes'].includes(ROUTES[route as RouteName].answer);
}
