import type { Transport } from './transport.ts';

/** A transport's messages, taken one by one during a handshake and handed on as they come afterwards. */
export interface Inbox {
  /** The next message; rejects with `closedBy`'s error when the transport closes first. */
  next(): Promise<Uint8Array>;
  /** From now on every message goes to `message`, first those that wait. */
  pipe(handlers: { message(bytes: Uint8Array): void; closed(reason: string): void }): void;
}

export function inbox(transport: Transport, closedBy: (reason: string) => Error): Inbox {
  const waiting: Uint8Array[] = [];
  let closed: string | undefined;
  let taker: { resolve(bytes: Uint8Array): void; reject(error: Error): void } | undefined;
  let sink: { message(bytes: Uint8Array): void; closed(reason: string): void } | undefined;
  transport.receive({
    message(bytes) {
      if (sink) return sink.message(bytes);
      if (!taker) return void waiting.push(bytes);
      taker.resolve(bytes);
      taker = undefined;
    },
    closed(reason) {
      closed = reason;
      sink?.closed(reason);
      taker?.reject(closedBy(reason));
      taker = undefined;
    },
  });
  return {
    next: () =>
      new Promise((resolve, reject) => {
        const first = waiting.shift();
        if (first) resolve(first);
        else if (closed !== undefined) reject(closedBy(closed));
        else taker = { resolve, reject };
      }),
    pipe(handlers) {
      sink = handlers;
      for (const bytes of waiting.splice(0)) handlers.message(bytes);
      if (closed !== undefined) handlers.closed(closed);
    },
  };
}
