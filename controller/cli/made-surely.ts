import { type Backoff, fullJitterMs } from '../../proto/backoff.ts';
import { delay } from '../../proto/clock.ts';
import { ERRORS, MusterError } from '../../proto/errors.ts';
import { wasCut } from './client.ts';
import { EXIT, Failure } from './failure.ts';
import type { Surroundings } from './surroundings.ts';

const BACKOFF: Backoff = { baseMs: 250, capMs: 3000 };
/** A controller that restarts is back long before. */
const INSIST_MS = 60_000;

/**
 * What a request made whose answer may have been lost: it is sent again, with the same idempotency key, until the controller says what it
 * made. `insist`: also where it never arrived.
 */
export async function madeSurely<T>(
  { clock, random, stderr }: Pick<Surroundings, 'clock' | 'random' | 'stderr'>,
  { what, key, insist = false }: { what: string; key: string; insist?: boolean },
  create: () => Promise<T>,
): Promise<T> {
  const startMs = clock.monotonicMs();
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await create();
    } catch (error) {
      if (attempt === 0 && !insist && !wasCut(error)) throw error;
      if (!(error instanceof MusterError) || !ERRORS[error.code].retryable) throw error;
      if (attempt === 0)
        stderr.write('muster: the connection broke before the answer; asking the controller again\n');
      if (clock.monotonicMs() - startMs > INSIST_MS)
        throw new Failure(
          EXIT.refused,
          `${error.message}; whether the ${what} was made is not known`,
          `the same command with --idempotency-key ${key} finds it, and makes it only where it is not there`,
          { cause: error },
        );
      await delay(clock, fullJitterMs(BACKOFF, attempt, random));
    }
  }
}
