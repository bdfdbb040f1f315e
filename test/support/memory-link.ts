import type { Transport, TransportHandlers } from '../../agent/link/transport.ts';

export interface MemoryEnd extends Transport {
  /** What `bufferedAmount` says from now on: a network that does not take more. */
  holdBytes: number;
  readonly isClosed: boolean;
}

export interface MemoryLink {
  readonly agent: MemoryEnd;
  readonly controller: MemoryEnd;
  /** From now on nothing arrives in either direction, and neither end is told: a half-open link. */
  swallow(): void;
  /** Both ends are told. */
  cut(): void;
}

/** Two transports that deliver to each other, in order, each message in a microtask of its own. */
export function memoryLink(): MemoryLink {
  let swallowed = false;
  const agent = makeEnd(
    () => controller.take,
    () => swallowed,
  );
  const controller: ReturnType<typeof makeEnd> = makeEnd(
    () => agent.take,
    () => swallowed,
  );
  return {
    agent: agent.end,
    controller: controller.end,
    swallow() {
      swallowed = true;
    },
    cut() {
      agent.take.closed('cut');
      controller.take.closed('cut');
    },
  };
}

function makeEnd(
  far: () => TransportHandlers,
  swallowed: () => boolean,
): { end: MemoryEnd; take: TransportHandlers } {
  let handlers: TransportHandlers | undefined;
  let closed = false;
  const waiting: (() => void)[] = [];
  const whenReceived = (fn: () => void): void => {
    if (handlers) fn();
    else waiting.push(fn);
  };
  const take: TransportHandlers = {
    message: (bytes) => {
      if (!closed) whenReceived(() => handlers?.message(bytes));
    },
    closed(reason) {
      if (closed) return;
      closed = true;
      whenReceived(() => handlers?.closed(reason));
    },
  };
  const shut = (reason: string): void => {
    queueMicrotask(() => {
      if (!swallowed()) far().closed(reason);
      take.closed(reason);
    });
  };
  const end: MemoryEnd = {
    holdBytes: 0,
    get isClosed() {
      return closed;
    },
    get bufferedAmount() {
      return end.holdBytes;
    },
    send(bytes) {
      const copy = new Uint8Array(bytes);
      queueMicrotask(() => {
        if (!closed && !swallowed()) far().message(copy);
      });
    },
    close: () => shut('closed'),
    terminate: () => shut('terminated'),
    receive(given) {
      handlers = given;
      for (const fn of waiting.splice(0)) fn();
    },
  };
  return { end, take };
}
