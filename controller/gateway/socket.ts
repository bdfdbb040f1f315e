/** The agents' door: the only file of the controller that knows ws. */
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ServerOptions, WebSocketServer } from 'ws';
import { LIMITS } from '../../proto/limits.ts';

/** One websocket, binary messages only. */
export interface Socket {
  readonly address: string | null;
  send(bytes: Uint8Array): void;
  /** Bytes that wait to be sent. */
  buffered(): number;
  pause(): void;
  resume(): void;
  /** The other side proved who it is: from now on it may send as much as a session needs. */
  trust(): void;
  /** Says goodbye; the socket is gone soon after, whatever the other side does, and at once where it is not trusted. */
  close(code: number, reason: string): void;
  terminate(): void;
  /** To be set at once; undefined message: one that is not binary. */
  onMessage: (bytes: Uint8Array | undefined) => void;
  onClose: () => void;
}

export interface Door {
  /** Takes no more sockets. */
  close(): void;
}

export const AGENT_PATH = '/agent';
const FRAME_OVERHEAD = 64;
/**
 * What a stranger may send in all, counted before ws puts messages together, which it does up to `maxPayload`: up to its proof,
 * as much again to enrol, and the frames around both.
 */
const UNTRUSTED_BYTES = 2 * LIMITS.preProofBytes + 8 * FRAME_OVERHEAD;
/** ws waits this long for the other side's close before it cuts. */
const CLOSE_TIMEOUT_MS = 3_000;

/** Serves upgrades of `/agent` on this server; every other upgrade is refused. */
export function openDoor(server: Server, onSocket: (socket: Socket) => void): Door {
  // The published types do not know closeTimeout yet.
  const webSockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: LIMITS.frameBytes + FRAME_OVERHEAD,
    // The session has its own keep-alive; answering floods of pings is nobody's business.
    autoPong: false,
    closeTimeout: CLOSE_TIMEOUT_MS,
  } as ServerOptions);

  function upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    stream.on('error', () => stream.destroy());
    const refuse = (status: string): void =>
      void stream.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`, () => stream.destroy());
    if (request.url !== AGENT_PATH) return refuse('404 Not Found');
    // Agents are no browsers: a page of somebody else's must not open this door from an operator's machine.
    if (request.headers.origin !== undefined) return refuse('403 Forbidden');
    webSockets.handleUpgrade(request, stream, head, (webSocket) => {
      let trusted = false;
      let left = UNTRUSTED_BYTES;
      const count = (chunk: Buffer): void => {
        left -= chunk.length;
        if (left < 0) stream.destroy();
      };
      stream.prependListener('data', count);
      const socket: Socket = {
        address: request.socket.remoteAddress ?? null,
        send: (bytes) => webSocket.send(bytes),
        buffered: () => webSocket.bufferedAmount,
        pause: () => webSocket.pause(),
        resume: () => webSocket.resume(),
        trust() {
          trusted = true;
          stream.off('data', count);
        },
        close(code, reason) {
          webSocket.close(code, reason);
          if (!trusted) stream.end(() => stream.destroy());
        },
        terminate: () => webSocket.terminate(),
        onMessage: () => {},
        onClose: () => {},
      };
      webSocket.on('message', (data: Buffer, isBinary: boolean) =>
        socket.onMessage(isBinary ? data : undefined),
      );
      webSocket.on('close', () => socket.onClose());
      // A broken frame; `close` follows.
      webSocket.on('error', () => webSocket.terminate());
      onSocket(socket);
    });
  }

  server.on('upgrade', upgrade);
  return {
    close() {
      server.off('upgrade', upgrade);
      webSockets.close();
    },
  };
}
