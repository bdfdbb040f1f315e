import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { TestContext } from 'node:test';
import { type Certified, issueServer, makeAuthority } from '../../../certs/tls.ts';
import { type Calls, ROUTES, type RouteName, type StreamEvents } from '../../../controller/api/contract.ts';
import { ERRORS, MusterError } from '../../../proto/errors.ts';
import { systemRandom } from '../../../proto/system.ts';
import { temporaryFolder } from '../../support/folder.ts';

export interface FakeCall {
  name: RouteName;
  params: Record<string, string>;
  query: Record<string, string>;
  body: unknown;
  headers: IncomingHttpHeaders;
  /** The raw answer, for those that break it off. */
  reply: ServerResponse;
}

/** What is answered: the reply of the route, or pieces of a stream. What is thrown becomes a refusal. */
export type Handlers = { [N in RouteName]?: (call: FakeCall) => Answer<N> | Promise<Answer<N>> };
type Answer<N extends RouteName> = Calls[N]['reply'] | AsyncIterable<string | Uint8Array> | undefined;

export interface FakeApi {
  url: string;
  port: number;
  authority: Certified;
  calls: FakeCall[];
  /** Sockets that were ever accepted. */
  connections(): number;
  /** Cuts every connection, as a controller does that is killed. */
  cut(): void;
}

export const TOKEN = 'fake-token';
let authorities: Promise<{ own: Certified; foreign: Certified }> | undefined;

/** Made once: loading the library takes longer than the tests. */
export function testAuthorities(): Promise<{ own: Certified; foreign: Certified }> {
  const make = (name: string) => makeAuthority({ random: systemRandom, now: Date.now(), days: 2, name });
  authorities ??= Promise.all([make('Muster test fleet'), make('Example Corp CA')]).then(
    ([own, foreign]) => ({ own, foreign }),
  );
  return authorities;
}

export interface FakeApiOptions {
  authority?: Certified;
  hosts?: string[];
}

/** A controller's operators' door with made-up answers, over real TLS on loopback; gone after the test. */
export async function fakeApi(
  t: TestContext,
  handlers: Handlers,
  options: FakeApiOptions = {},
): Promise<FakeApi> {
  const authority = options.authority ?? (await testAuthorities()).own;
  const hosts = options.hosts ?? ['127.0.0.1'];
  const server = await issueServer({ random: systemRandom, authority, hosts, now: Date.now(), days: 1 });
  const calls: FakeCall[] = [];
  const sockets = new Set<Duplex>();
  let connections = 0;
  const https = createServer({ cert: server.certPem, key: server.keyPem }, (request, reply) => {
    void (async () => {
      const pieces: Uint8Array[] = [];
      for await (const piece of request as AsyncIterable<Uint8Array>) pieces.push(piece);
      const text = Buffer.concat(pieces).toString();
      await answer(
        { method: request.method ?? '', url: request.url ?? '', headers: request.headers, text },
        reply,
      );
    })().catch((error: unknown) => reply.destroy(error instanceof Error ? error : undefined));
  });
  https.on('connection', (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
  });
  https.on('tlsClientError', () => {});

  async function answer(
    request: { method: string; url: string; headers: IncomingHttpHeaders; text: string },
    reply: ServerResponse,
  ): Promise<void> {
    const url = new URL(request.url, 'https://x');
    const found = match(request.method, url.pathname);
    const handler = found && (handlers[found.name] as ((call: FakeCall) => Promise<unknown>) | undefined);
    try {
      if (!found || !handler)
        throw new MusterError('not-found', `${request.method} ${url.pathname} is not faked`);
      if (ROUTES[found.name].role !== 'public' && request.headers.authorization !== `Bearer ${TOKEN}`)
        throw new MusterError('unauthenticated');
      const isJson = request.headers['content-type'] === 'application/json';
      const body: unknown = isJson ? JSON.parse(request.text) : undefined;
      const call = {
        ...found,
        query: Object.fromEntries(url.searchParams),
        body,
        headers: request.headers,
        reply,
      };
      calls.push(call);
      await send(reply, await handler(call));
    } catch (error) {
      refuse(reply, error);
    }
  }

  https.listen(0, '127.0.0.1');
  await once(https, 'listening');
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  t.after(async () => {
    cut();
    https.close();
    await once(https, 'close');
  });
  const { port } = https.address() as AddressInfo;
  return { url: `https://127.0.0.1:${port}`, port, authority, calls, connections: () => connections, cut };
}

function match(
  method: string,
  path: string,
): { name: RouteName; params: Record<string, string> } | undefined {
  for (const [name, route] of Object.entries(ROUTES) as [RouteName, (typeof ROUTES)[RouteName]][]) {
    const pattern = new RegExp(`^${route.path.replace(/:(\w+)/g, '(?<$1>[^/]+)')}$`);
    const found = route.method === method ? pattern.exec(path) : null;
    if (!found) continue;
    const params = Object.entries(found.groups ?? {}).map(([key, value]) => [key, decodeURIComponent(value)]);
    return { name, params: Object.fromEntries(params) };
  }
  return undefined;
}

async function send(reply: ServerResponse, value: unknown): Promise<void> {
  if (reply.destroyed || reply.writableEnded) return;
  if (typeof value === 'object' && value !== null && Symbol.asyncIterator in value) {
    // As the controller does: what the first page throws is still a refusal.
    const pieces = (value as AsyncIterable<string | Uint8Array>)[Symbol.asyncIterator]();
    let step = await pieces.next();
    if (!reply.destroyed) reply.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    for (; !step.done && !reply.destroyed; step = await pieces.next()) reply.write(step.value);
    reply.end();
    return;
  }
  if (!reply.headersSent) reply.writeHead(200, { 'content-type': 'application/json' });
  reply.end(JSON.stringify(value));
}

function refuse(reply: ServerResponse, error: unknown): void {
  if (!(error instanceof MusterError)) {
    reply.destroy();
    return;
  }
  const { code, detail } = error;
  const { http, sentence: message, retryable } = ERRORS[code];
  reply.writeHead(http, { 'content-type': 'application/json' });
  reply.end(
    JSON.stringify({ error: { code, message, retryable, ...(detail === undefined ? {} : { detail }) } }),
  );
}

/** Server-sent events as the controller writes them; `end` has no id. */
export function sse<T extends keyof StreamEvents>(seq: number, type: T, data: StreamEvents[T]): string {
  return `${type === 'end' ? '' : `id: ${seq}\n`}event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** A new MUSTER_HOME, with a context for this API where one is given; gone after the test. */
export async function testHome(t: TestContext, api?: Pick<FakeApi, 'url' | 'authority'>): Promise<string> {
  const home = temporaryFolder(t);
  if (api) {
    const context = { url: api.url, ca: api.authority.certPem, token: TOKEN };
    await writeFile(join(home, 'context.json'), JSON.stringify(context), { mode: 0o600 });
  }
  return home;
}
