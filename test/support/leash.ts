import type { Database } from '../../controller/db/database.ts';

export interface Leash {
  /** What the process is given in place of the store. */
  readonly db: Database;
  /** Kills the process at its `call`-th call of the store from now on (from 1): before that has any effect, or right after. */
  dieAt(call: number, when: 'before' | 'after'): void;
  /** From now on none of its calls has an effect or returns: for the rest of the world it is gone. */
  cut(): void;
  readonly isDead: boolean;
}

/** A store as a process sees it that can be killed: nothing that a dead one asked for is ever answered. */
export function leash(store: Database): Leash {
  let left = Number.POSITIVE_INFINITY;
  let after = false;
  const never = (): Promise<never> => new Promise(() => {});
  const through = <T>(call: () => Promise<T>): Promise<T> => {
    if (left <= 0) return never();
    left -= 1;
    if (left > 0) return call();
    if (after) void call();
    return never();
  };
  return {
    db: {
      ...store,
      // Looked up at every call: a test may put something else in their place.
      read: (query) => through(() => store.read(query)),
      write: (batch, lane) => through(() => store.write(batch, lane)),
    },
    dieAt(call, when) {
      left = call;
      after = when === 'after';
    },
    cut() {
      left = 0;
    },
    get isDead() {
      return left <= 0;
    },
  };
}
