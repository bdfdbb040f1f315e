/**
 * How far a job goes at once: a rolling window over its runs in their order, and how many may fail. A place is taken by a run
 * whose turn has come (sent, or waiting for a host that is off) and is free again when that run is over, however it ended, so
 * that a slow host holds its own place and nobody else's.
 */
import { MusterError } from '../../proto/errors.ts';
import { limitCount, parseLimit } from '../targeting/limit.ts';
import type { RunState } from './run.ts';

export interface Pace {
  /** At most so many runs at once; null: all. */
  batch: number | null;
  /** Once more than so many ended without success, nothing further is sent; null: whatever happens. */
  maxFailures: number | null;
}

export interface Window {
  /** Runs whose turn has come and that are not over. */
  inFlight: number;
  /** Those whose turn has not come, in their order; as many as there are free places are enough. */
  waiting: readonly string[];
  failures: number;
}

/** Whose turn comes now, or why nobody's comes any more. */
export type Step =
  | { readonly take: readonly string[]; readonly stop: null }
  | { readonly take: readonly []; readonly stop: string };

export function step({ inFlight, waiting, failures }: Window, { batch, maxFailures }: Pace): Step {
  if (maxFailures !== null && failures > maxFailures)
    return {
      take: [],
      stop: `not started: ${failures} ${failures === 1 ? 'run' : 'runs'} failed, --max-failures ${maxFailures}`,
    };
  return { take: waiting.slice(0, freePlaces(inFlight, batch)), stop: null };
}

export function freePlaces(inFlight: number, batch: number | null): number {
  return batch === null ? Number.MAX_SAFE_INTEGER : Math.max(0, batch - inFlight);
}

const FAILURES: ReadonlySet<RunState> = new Set([
  'failed',
  'timed-out',
  'rejected',
  'expired',
  'interrupted',
  'lost',
]);

/** Runs that ended without success. Those that somebody cancelled did not fail. */
export function failuresOf(counts: Iterable<{ state: RunState; runs: number }>): number {
  let sum = 0;
  for (const { state, runs } of counts) if (FAILURES.has(state)) sum += runs;
  return sum;
}

/**
 * `10` or `25%` of the targets, as counts: a share of them for the batch is rounded up, one that may fail down.
 * Throws MusterError('bad-request').
 */
export function paceOf(
  asked: { batch?: string | undefined; maxFailures?: string | undefined },
  targets: number,
): Pace {
  return {
    batch: asked.batch === undefined ? null : batchOf(asked.batch, targets),
    maxFailures: asked.maxFailures === undefined ? null : mostFailures(asked.maxFailures, targets),
  };
}

function batchOf(text: string, targets: number): number {
  try {
    return limitCount(parseLimit(text), targets);
  } catch (cause) {
    throw new MusterError('bad-request', 'batch: expected a number from 1, or a share from 1% to 100%', {
      cause,
    });
  }
}

function mostFailures(text: string, targets: number): number {
  const [, digits, percent] = /^(\d{1,7})(%?)$/.exec(text) ?? [];
  const value = Number(digits);
  if (digits === undefined || (percent === '%' && value > 100))
    throw new MusterError('bad-request', 'maxFailures: expected a number from 0, or a share from 0% to 100%');
  return percent === '%' ? Math.floor((targets * value) / 100) : value;
}
