/** A small real proxy for CONNECT on loopback, to which every name is this machine; it ends with the test. */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { connect, type Socket } from 'node:net';

export interface ConnectProxy {
  readonly port: number;
  /** `host:port` that it was asked for, with the credentials that came along. */
  readonly asked: { to: string; credentials: string | undefined }[];
  /** Sockets that it joined. */
  readonly tunnels: { near: Socket; far: Socket }[];
  /** In place of a tunnel: this answer. */
  answer: { status: number; reason?: string } | undefined;
  /** Only with these: `user:password`. */
  credentials: string | undefined;
  /** Takes what comes and answers nothing. */
  mute: boolean;
  /** Passes nothing on any more, and closes nothing. */
  stall(): void;
  cut(): void;
}

export async function connectProxy(
  t: { after(fn: () => unknown): void },
  tls?: { cert: string; key: string },
): Promise<ConnectProxy> {
  const sockets = new Set<Socket>();
  const server = tls ? createSecureServer(tls) : createServer();
  const proxy: ConnectProxy & { port: number } = {
    ...{ port: 0, asked: [], tunnels: [], answer: undefined, credentials: undefined, mute: false },
    stall() {
      for (const { near, far } of proxy.tunnels) {
        near.unpipe(far).pause();
        far.unpipe(near).pause();
      }
    },
    cut() {
      for (const { near, far } of proxy.tunnels) {
        near.destroy();
        far.destroy();
      }
    },
  };
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
  };
  server.on('connection', keep);
  server.on('connect', (request: IncomingMessage, near: Socket) => {
    const [, basic = ''] = /^Basic (.*)$/.exec(request.headers['proxy-authorization'] ?? '') ?? [];
    const credentials = basic === '' ? undefined : Buffer.from(basic, 'base64').toString();
    proxy.asked.push({ to: request.url ?? '', credentials });
    near.on('error', () => {});
    if (proxy.mute) return;
    const refused = proxy.credentials !== undefined && proxy.credentials !== credentials;
    const answer = proxy.answer ?? (refused ? { status: 407 } : undefined);
    if (answer) {
      near.end(`HTTP/1.1 ${answer.status} ${answer.reason ?? 'No'}\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    const far = connect(Number(new URL(`http://${request.url}`).port), '127.0.0.1', () => {
      near.write('HTTP/1.1 200 Connection established\r\n\r\n');
      near.pipe(far).pipe(near);
      proxy.tunnels.push({ near, far });
    });
    keep(far);
    far.once('error', () => near.end('HTTP/1.1 502 Bad gateway\r\ncontent-length: 0\r\n\r\n'));
    near.once('close', () => far.destroy());
    far.once('close', () => near.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address === 'object' && address) proxy.port = address.port;
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return proxy;
}
