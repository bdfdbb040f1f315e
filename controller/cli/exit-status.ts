import type { Counts, RunState } from '../api/contract.ts';
import { EXIT } from './failure.ts';

/**
 * What a state says about a job's success:
 * `open` has no outcome yet; `failed` ended badly or was stopped or refused; `no-answer`: whether it ran is not known
 * or it never did.
 */
export type Verdict = 'open' | 'succeeded' | 'failed' | 'no-answer';

export const VERDICT: Readonly<Record<RunState, Verdict>> = {
  queued: 'open',
  sent: 'open',
  accepted: 'open',
  running: 'open',
  succeeded: 'succeeded',
  failed: 'failed',
  'timed-out': 'failed',
  cancelled: 'failed',
  rejected: 'failed',
  expired: 'no-answer',
  interrupted: 'no-answer',
  lost: 'no-answer',
};

export function countOf(counts: Counts, verdict: Verdict): number {
  let sum = 0;
  for (const [state, count] of Object.entries(counts))
    if (VERDICT[state as RunState] === verdict) sum += count ?? 0;
  return sum;
}

/**
 * The exit status of a command that saw a job with these counts; runs without an outcome mean that it left before the
 * end.
 */
export function exitStatus(counts: Counts): number {
  if (countOf(counts, 'open') > 0) return EXIT.detached;
  if (countOf(counts, 'failed') > 0) return EXIT.failed;
  if (countOf(counts, 'no-answer') > 0) return EXIT.noAnswer;
  return countOf(counts, 'succeeded') > 0 ? EXIT.ok : EXIT.nobody;
}
