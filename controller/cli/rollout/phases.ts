import type { HostPhase, PhaseCounts, RolloutState, RolloutSummary } from '../../api/contract.ts';
import { EXIT } from '../failure.ts';
import type { Paint, Style } from '../output/paint.ts';

/**
 * What a phase says about a host: `waiting` for its turn, `at-work`, or over: `done`, `failed` (also where it was brought back), or
 * `not-done`, which is no failure of the host but no success either.
 */
export type Standing = 'waiting' | 'at-work' | 'done' | 'failed' | 'not-done';

export const STANDING: Readonly<Record<HostPhase, Standing>> = {
  waiting: 'waiting',
  pre: 'at-work',
  change: 'at-work',
  check: 'at-work',
  post: 'at-work',
  undo: 'at-work',
  restore: 'at-work',
  done: 'done',
  reverted: 'failed',
  failed: 'failed',
  lost: 'failed',
  drifted: 'not-done',
  skipped: 'not-done',
};

/** What a host is at, in words. */
export const AT_WORK: Readonly<Partial<Record<HostPhase, string>>> = {
  pre: 'before its change',
  change: 'changing',
  check: 'being probed',
  post: 'after its change',
  undo: 'being brought back',
  restore: 'after being brought back',
};

const STYLE: Readonly<Record<Standing, Style>> = {
  waiting: 'dim',
  'at-work': 'cyan',
  done: 'green',
  failed: 'red',
  'not-done': 'yellow',
};

export const PHASES = Object.keys(STANDING) as HostPhase[];

export function paintPhase(phase: HostPhase, text: string, paint: Paint): string {
  return paint(STYLE[STANDING[phase]], text);
}

export function countOf(counts: PhaseCounts, ...standings: Standing[]): number {
  let sum = 0;
  for (const phase of PHASES) if (standings.includes(STANDING[phase])) sum += counts[phase] ?? 0;
  return sum;
}

/** `36 done, 2 failed, 1 lost`: each phase with its own count, those at work and the waiting last. */
export function renderPhases(counts: PhaseCounts, paint: Paint): string {
  const order: Standing[] = ['done', 'failed', 'not-done', 'at-work', 'waiting'];
  return order
    .flatMap((standing) => PHASES.filter((phase) => STANDING[phase] === standing))
    .filter((phase) => counts[phase])
    .map((phase) => paintPhase(phase, `${counts[phase]} ${phase}`, paint))
    .join(', ');
}

export const ENDED: Readonly<Record<RolloutState, boolean>> = {
  running: false,
  paused: false,
  stopped: false,
  aborting: false,
  'rolling-back': false,
  succeeded: true,
  aborted: true,
  'rolled-back': true,
};

/** A stopped one waits for an operator, once its hosts have come to an end: nobody has to watch it until then. */
export function isAtRest({ state, counts }: Pick<RolloutSummary, 'state' | 'counts'>): boolean {
  return ENDED[state] || (state === 'stopped' && countOf(counts, 'at-work') === 0);
}

/** The exit status of a command that saw a rollout like this; `isRollback`: of one that asked for hosts to be brought back. */
export function rolloutExit(
  { state, counts, reason }: Pick<RolloutSummary, 'state' | 'counts' | 'reason'>,
  isRollback = false,
): number {
  if (!isAtRest({ state, counts })) return EXIT.detached;
  // Where somebody is left changed the reason names him.
  if (isRollback && state === 'rolled-back' && reason === null && !counts.failed) return EXIT.ok;
  if (state !== 'succeeded') return EXIT.failed;
  const { failed = 0, reverted = 0, drifted = 0, lost = 0, skipped = 0 } = counts;
  if (failed + reverted + drifted > 0) return EXIT.failed;
  return lost + skipped > 0 ? EXIT.noAnswer : EXIT.ok;
}
