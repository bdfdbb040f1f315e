import { type Server as HttpServer, STATUS_CODES } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
  LogController,
} from 'fastify';
import type { Logger } from 'pino';
import { MusterError } from '../../proto/errors.ts';
import { checkAccess } from './auth.ts';
import type { Access } from './contract.ts';
import { SAFE_HEADERS } from './door.ts';
import { API_LIMITS } from './limits.ts';
import { refusalOf } from './refusal.ts';

export interface AppOptions {
  server: HttpServer | HttpsServer;
  log: Logger;
  requestId: () => string;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route's name, for log and metrics. */
    route?: string;
    role?: Access;
  }
}

/** Fastify, set up for this door: on somebody else's server, with our errors, and without routes; one without a role throws. */
export function createApp({ server, log, requestId }: AppOptions): FastifyInstance {
  const logger: FastifyBaseLogger = log;
  const app = fastify({
    loggerInstance: logger,
    // Our own lines say what is worth saying; Fastify's have URLs in them.
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestId,
    bodyLimit: API_LIMITS.bodyBytes,
    exposeHeadRoutes: false, // a HEAD of a stream would be a stream
    return503OnClosing: false, // the door answers that itself, in the shape of all errors
    routerOptions: { maxParamLength: 1024 },
    frameworkErrors: refuse,
    clientErrorHandler: refuseRaw,
    serverFactory(handler) {
      server.maxHeadersCount = API_LIMITS.headers * 2;
      server.on('request', handler);
      // Fastify's types know the two as different; what it does with them is the same.
      return server as HttpServer;
    },
  });
  app.addHook('onRoute', (route) => {
    checkAccess(`${String(route.method)} ${route.url}`, route.config?.role);
  });
  app.setErrorHandler(refuse);
  app.setNotFoundHandler(async (request) => {
    throw new MusterError('not-found', `${request.method} on this path`);
  });

  function refuse(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const refusal = refusalOf(error, request.id, request.routeOptions.bodyLimit);
    const { route } = request.routeOptions.config ?? {};
    const line = { err: error, reqId: request.id, route };
    if (refusal.ours) log.error(line, 'request failed');
    else if (refusal.status >= 500) log.warn(line, 'request refused');
    reply.headers(SAFE_HEADERS).code(refusal.status).send(refusal.body);
  }
  return app;
}

/** What is not even HTTP, or is too much of it, comes here before there is a request. */
function refuseRaw(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const status = RAW_STATUS[error.code ?? ''] ?? 400;
  const detail =
    status === 431 ? `the headers have more than ${API_LIMITS.headerBytes} bytes` : STATUS_CODES[status];
  const body = JSON.stringify(refusalOf(new MusterError('bad-request', detail), '').body);
  const headers = {
    ...SAFE_HEADERS,
    'content-type': 'application/json',
    'content-length': body.length,
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`);
}

const RAW_STATUS: Record<string, number> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};
