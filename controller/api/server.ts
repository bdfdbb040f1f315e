import type { Server as HttpServer } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { Clock } from '../../proto/clock.ts';
import { type Answer, createAnswers } from './answers.ts';
import { createApp } from './app.ts';
import { admit, REDACT } from './auth.ts';
import { IDEMPOTENCY_HEADER, ROUTES, type RouteName } from './contract.ts';
import { checkRequest, idempotencyKeyOf } from './door.ts';
import { createFlows } from './flow.ts';
import type { Given } from './handlers.ts';
import { createInflight } from './inflight.ts';
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
  const onFailure = (error: unknown): void => log.error({ err: error }, 'stream failed');
  const flows = createFlows(clock, API_LIMITS.streams, onFailure);
  // Strangers take no place from operators.
  const downloads = createFlows(clock, API_LIMITS.downloads, onFailure);
  const answers = createAnswers({ ...options, flows, downloads, traffic, stopping: stopping.signal });
  const actors = new WeakMap<FastifyRequest, Actor>();
  const inflight = createInflight(clock, log, traffic);

  const born = clock.now().toString(36);
  let requests = 0;
  const app = createApp({ server, log, requestId: () => `${born}-${++requests}` });
  const off = options.bus.on((event) => {
    if (event.type === 'stopping') stopping.abort();
  });

  app.addHook('onRequest', async (request, reply) => {
    inflight.begin(request, reply, () => actors.get(request)?.name);
    checkRequest(request, reply, door);
    const { role = 'public' } = request.routeOptions.config; // without one: no such route
    if (role === 'public') return;
    const { authorization } = request.headers;
    actors.set(request, await admit(role, authorization, (token) => verbs.operators.authenticate(token)));
  });
  app.addHook('onSend', async (_request, reply) => {
    if (stopping.signal.aborted) reply.header('connection', 'close');
  });
  const addRoute = (to: FastifyInstance, name: RouteName): void => {
    const { method, path, role, takes } = ROUTES[name];
    to.route({
      method,
      url: path,
      config: { route: name, role },
      ...(takes === 'large' ? { bodyLimit: API_LIMITS.largeBodyBytes } : {}),
      handler: (request, reply) => serve(name, request, reply),
    });
  };
  for (const name of Object.keys(ROUTES) as RouteName[]) {
    if (ROUTES[name].takes === 'bytes') await app.register(async (own) => addRoute(takingBytes(own), name));
    else addRoute(app, name);
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
    await inflight.drain(API_LIMITS.drainMs);
    server.closeIdleConnections();
    await app.close();
  }

  await app.ready();
  return { app, stop };
}

/** A context of its own, whose routes get a body of bytes as a stream: no other route does. */
function takingBytes(own: FastifyInstance): FastifyInstance {
  own.removeAllContentTypeParsers();
  own.addContentTypeParser('application/octet-stream', (_request, payload, done) => done(null, payload));
  return own;
}
