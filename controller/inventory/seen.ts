import type { Clock } from '../../proto/clock.ts';
import type { Database } from '../db/database.ts';
import type { Log } from '../log.ts';
import { setLastSeen } from './store.ts';

/** After a controller that was killed an absence is told as at most this much too long. */
const EVERY_MS = 60_000;
const AT_ONCE = 500;

/**
 * Stores, once a minute, that the agents that are here are here. The end of a session stores it too; but a controller that is killed
 * ends none, and would say afterwards that whoever does not return was away since its last session began.
 */
export function createSeen(parts: {
  clock: Pick<Clock, 'now' | 'after'>;
  db: Pick<Database, 'write'>;
  log: Log;
  present(): string[];
}): { start(): void; stop(): void } {
  const { clock, db, log, present } = parts;
  let cancelTimer = (): void => {};
  let running = false;

  async function store(): Promise<void> {
    const ids = present();
    try {
      for (let from = 0; from < ids.length && running; from += AT_ONCE) {
        const nowMs = clock.now();
        await db.write(ids.slice(from, from + AT_ONCE).map((id) => setLastSeen({ id, nowMs })));
      }
    } catch (error) {
      log.warn({ err: error }, 'could not store who is here');
    }
    if (running) sleep();
  }

  function sleep(): void {
    cancelTimer = clock.after(EVERY_MS, () => void store());
  }

  return {
    start() {
      running = true;
      sleep();
    },
    stop() {
      running = false;
      cancelTimer();
    },
  };
}
