import type { HostEnd } from '../../installer/engine.ts';
import type { Cause } from '../../installer/failure.ts';
import { EXIT } from '../failure.ts';

/** What an end says: `no-answer` is of hosts that nobody spoke with to the end; `left` were not begun, or stopped by the operator. */
export type Verdict = 'done' | 'failed' | 'no-answer' | 'left';

/** The host may be off, or the network between: nothing is known of it. */
const NO_ANSWER: ReadonlySet<Cause> = new Set(['name-unknown', 'unreachable', 'silent', 'cut']);

export function verdictOf(end: HostEnd): Verdict {
  switch (end.state) {
    case 'done':
      return 'done';
    case 'not-begun':
      return 'left';
    case 'failed':
      if (end.because === 'stopped') return 'left';
      return NO_ANSWER.has(end.because) ? 'no-answer' : 'failed';
  }
}

export type Verdicts = Readonly<Record<Verdict, number>>;

export function countVerdicts(ends: readonly HostEnd[]): Verdicts {
  const counts = { done: 0, failed: 0, 'no-answer': 0, left: 0 };
  for (const end of ends) counts[verdictOf(end)] += 1;
  return counts;
}

/** `refused`: the controller would have nothing more to do with it. */
export function exitOf(counts: Verdicts, refused: boolean): number {
  if (refused) return EXIT.refused;
  if (counts.left > 0) return EXIT.detached;
  if (counts.failed > 0) return EXIT.failed;
  if (counts['no-answer'] > 0) return EXIT.noAnswer;
  return counts.done > 0 ? EXIT.ok : EXIT.nobody;
}
