import type { Clock } from '../proto/clock.ts';
import { equalBytes } from '../proto/ids.ts';

export interface Gathered {
  readonly json: Uint8Array;
  /** 32 bytes, over what does not change by itself. */
  readonly digest: Uint8Array;
}

export interface FactsFeed {
  start(): void;
  stop(): void;
  /** Of the last facts; empty before the first. */
  digest(): Uint8Array;
  /** A session is up, and the controller holds facts of this digest. */
  compare(held: Uint8Array): void;
}

const AGAIN_MS = 600_000;

/** Gathers facts now and then, and sends those that the controller does not hold. */
export function createFactsFeed(ports: {
  clock: Clock;
  /** Never rejects. */
  gather(): Promise<Gathered>;
  /** Reaches the controller if a session is up. */
  send(facts: Gathered): void;
}): FactsFeed {
  let last: Gathered | undefined;
  let held: Uint8Array | undefined;
  let stopped = false;
  let cancel = (): void => {};

  function sendIfNew(): void {
    if (!last || !held || equalBytes(last.digest, held)) return;
    held = last.digest;
    ports.send(last);
  }

  async function gather(): Promise<void> {
    last = await ports.gather();
    if (stopped) return;
    sendIfNew();
    cancel = ports.clock.after(AGAIN_MS, gather);
  }

  return {
    start: () => void gather(),
    stop() {
      stopped = true;
      cancel();
    },
    digest: () => last?.digest ?? new Uint8Array(0),
    compare(digest) {
      held = digest;
      sendIfNew();
    },
  };
}
