import type { Clock } from '../../proto/clock.ts';

/** Thrown by the ports of a process that is no more: nothing that its code still does reaches anybody. */
export class Dead extends Error {
  constructor() {
    super('this process is dead');
  }
}

/**
 * One process, from its start to its kill -9. Every call of a port goes through it: each is a place where the process can die,
 * before or after the call had its effect. Once it is dead its promises never settle and its timers never fire.
 */
export interface Life {
  readonly alive: boolean;
  /** From now on it dies at its `calls`-th passing of a port; undefined: of its own it does not. */
  arm(calls: number | undefined): void;
  /** A port is about to be, or was, called. Throws Dead when the process is, also from here on. */
  pass(port: string): void;
  /** A synchronous effect with a place to die on both sides. */
  call<T>(port: string, effect: () => T): T;
  /** Settles as `promise` does, while the process lives. */
  living<T>(promise: Promise<T>): Promise<T>;
  /** Calls `fn` later, if it lives then. */
  after(delayMs: number, fn: () => void): () => void;
  kill(port?: string): void;
}

/** `after` is the time of the machine that it runs on. */
export function createLife(after: Life['after'], onDeath: (port: string) => void): Life {
  let alive = true;
  let left: number | undefined;

  const life: Life = {
    get alive() {
      return alive;
    },
    arm(calls) {
      left = calls;
    },
    pass(port) {
      if (!alive) throw new Dead();
      if (left === undefined || --left > 0) return;
      life.kill(port);
      throw new Dead();
    },
    call(port, effect) {
      life.pass(`before ${port}`);
      const result = effect();
      life.pass(`after ${port}`);
      return result;
    },
    living: (promise) =>
      new Promise((resolve, reject) => {
        promise.then(
          (value) => {
            if (alive) resolve(value);
          },
          (cause) => {
            if (alive) reject(cause);
          },
        );
      }),
    after: (delayMs, fn) =>
      after(delayMs, () => {
        if (alive) fn();
      }),
    kill(port = 'where it stood') {
      if (!alive) return;
      alive = false;
      onDeath(port);
    },
  };
  return life;
}

/** What a machine's clocks say. */
export interface Times {
  wallMs(): number;
  monotonicMs(): number;
  uptimeMs(): number;
  /** How much faster than true time they run. */
  readonly rate: number;
}

export function clockOf(life: Life, times: Times): Clock {
  return {
    now: () => Math.round(times.wallMs()),
    monotonicMs: times.monotonicMs,
    uptimeMs: times.uptimeMs,
    // A timer of Node takes a millisecond at least.
    after: (delayMs, fn) => life.after(Math.max(1, delayMs) / times.rate, fn),
  };
}
