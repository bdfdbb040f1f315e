import type { Clock } from '../../proto/clock.ts';
import type { Client } from './client.ts';
import type { Presence } from './output/waiting.ts';
import type { Tally } from './tally.ts';

export interface WaitingWatch {
  /** Undefined: it was not asked yet, or does not answer. */
  presence(): Presence | undefined;
  stop(): void;
}

/** Most commands are over before; they are not worth a question. */
const FIRST_MS = 1000;
/** A large fleet's answer costs the controller more. */
const SMALL_FLEET = 200;
const EVERY_MS = 2000;
const EVERY_LARGE_MS = 10_000;
/** Where nothing is drawn, a line is printed so often. */
export const PLAIN_MS = 30_000;
const NAMED = 50;
/** A controller that stands still is not waited for. */
const ANSWER_MS = 10_000;

/**
 * Asks the controller, while a job is followed, whom it waits for. `told`: after each answer or its absence. `drawn`: whether
 * somebody sees it at once, or only every half minute.
 */
export function watchWaiting(parts: {
  client: Pick<Client, 'call'>;
  clock: Pick<Clock, 'after' | 'monotonicMs'>;
  job: string;
  tally: Pick<Tally, 'total'>;
  drawn: boolean;
  told(): void;
}): WaitingWatch {
  const { client, clock, job, tally, drawn, told } = parts;
  const stopped = new AbortController();
  let presence: Presence | undefined;
  let cancelTimer = (): void => {};

  async function ask(): Promise<void> {
    const late = new AbortController();
    cancelTimer = clock.after(ANSWER_MS, () => late.abort());
    try {
      const given = { params: { job }, query: { limit: NAMED } };
      const signal = AbortSignal.any([stopped.signal, late.signal]);
      const reply = await client.call('jobs.waiting', given, { signal });
      presence = { reply, atMs: clock.monotonicMs() };
    } catch {
      // Whoever follows the job says that the controller is away.
      presence = undefined;
    }
    cancelTimer();
    if (stopped.signal.aborted) return;
    told();
    sleep(!drawn ? PLAIN_MS : tally.total() > SMALL_FLEET ? EVERY_LARGE_MS : EVERY_MS);
  }

  function sleep(ms: number): void {
    cancelTimer = clock.after(ms, () => void ask());
  }

  sleep(drawn ? FIRST_MS : PLAIN_MS);
  return {
    presence: () => presence,
    stop() {
      cancelTimer();
      stopped.abort();
    },
  };
}
