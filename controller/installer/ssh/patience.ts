import type { Clock } from '../../../proto/clock.ts';
import type { HostFailure } from '../failure.ts';

/** How long a host may take for its next step; the time that this side takes does not count. */
export interface Patience {
  /** From now on the host has so long. */
  expect(withinMs: number, failure: () => HostFailure): void;
  /** Brackets what takes this side's time, such as a question to the operator. */
  thinking<T>(work: Promise<T>): Promise<T>;
  /** Nothing is expected any more. */
  stop(): void;
}

export function createPatience(
  clock: Clock,
  { onThinking, expired }: { onThinking(work: Promise<unknown>): void; expired(failure: HostFailure): void },
): Patience {
  let isStopped = false;
  let cancel = (): void => {};
  let again = (): void => {};
  return {
    expect(withinMs, failure) {
      again = () => {
        cancel();
        cancel = clock.after(withinMs, () => expired(failure()));
      };
      again();
    },
    async thinking(work) {
      cancel();
      onThinking(work);
      try {
        return await work;
      } finally {
        if (!isStopped) again();
      }
    },
    stop() {
      isStopped = true;
      cancel();
    },
  };
}
