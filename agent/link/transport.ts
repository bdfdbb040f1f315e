import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import { MusterError } from '../../proto/errors.ts';
import { LIMITS } from '../../proto/limits.ts';
import type { Via } from './proxy.ts';

/** A connection that carries whole binary messages, in order, until it closes. */
export interface Transport {
  /** Bytes given to `send` that the network has not taken yet. */
  readonly bufferedAmount: number;
  /** After it closed: does nothing. */
  send(bytes: Uint8Array): void;
  /** Lets what was sent go out, then closes. */
  close(): void;
  /** Cuts it at once; for a far end that does not answer. */
  terminate(): void;
  /** Nothing is delivered before this was called; `closed` is told once, whoever closed. */
  receive(handlers: TransportHandlers): void;
}

export interface TransportHandlers {
  message(bytes: Uint8Array): void;
  closed(reason: string): void;
}

/** Throws MusterError('unavailable') when nobody answers there, or the signal's reason. */
export type Dial = (url: string, signal: AbortSignal) => Promise<Transport>;

/** A frame is at most `frameBytes`, and its seal adds this much. */
const SEAL_BYTES = 16;
const HANDSHAKE_MS = 15_000;
/** How long a far end may take to agree to a close. */
const CLOSE_MS = 1_000;

/** Dials by itself, or through a proxy: then the code for that is loaded. */
export function dialVia(via: Via | undefined): Dial {
  if (!via) return dialWebSocket;
  return async (url, signal) => {
    const { throughProxy } = await import('./tunnel.ts');
    return open(url, signal, await throughProxy(via, url, signal));
  };
}

/** The only file that knows ws. */
export const dialWebSocket: Dial = (url, signal) => open(url, signal, undefined);

function open(url: string, signal: AbortSignal, through: Socket | undefined): Promise<Transport> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, {
      ...(through && { createConnection: () => through }),
      perMessageDeflate: false,
      maxPayload: LIMITS.frameBytes + SEAL_BYTES,
      handshakeTimeout: HANDSHAKE_MS,
      followRedirects: false,
      // TLS is for the network. Who the controller is, the handshake inside proves with a key that the fleet's root
      // vouches for (TRUST), so that a changed certificate strands no host.
      rejectUnauthorized: false,
    });
    const failed = (why: string): void => {
      signal.removeEventListener('abort', onAbort);
      reject(new MusterError('unavailable', `${url}: ${why}`));
    };
    function onAbort(): void {
      reject(signal.reason);
      socket.terminate();
    }
    socket.on('error', (error) => failed(error.message));
    socket.once('open', () => {
      signal.removeEventListener('abort', onAbort);
      socket.pause();
      resolve(over(socket));
    });
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}

function over(socket: WebSocket): Transport {
  return {
    get bufferedAmount() {
      return socket.bufferedAmount;
    },
    send(bytes) {
      if (socket.readyState === socket.OPEN) socket.send(bytes, { binary: true }, ignore);
    },
    close() {
      socket.close(1000);
      setTimeout(() => socket.terminate(), CLOSE_MS).unref();
    },
    terminate: () => socket.terminate(),
    receive({ message, closed }) {
      let why = '';
      socket.on('error', (error) => {
        why = error.message;
      });
      socket.on('message', (data, isBinary) => {
        if (isBinary) return message(data as Buffer);
        why = 'a text message';
        socket.terminate();
      });
      socket.once('close', (code, reason) => closed(why || `${code} ${reason.toString('utf8')}`.trim()));
      if (socket.readyState === socket.CLOSED) closed('it closed before it was used');
      else socket.resume();
    },
  };
}

/** A failing socket says so by its 'close'. */
function ignore(): void {}
