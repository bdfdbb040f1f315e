import type { RolloutEvent, WaveDetail } from '../../api/contract.ts';
import { type Paint, plain } from '../output/paint.ts';
import { sanitiseLine } from '../output/sanitise.ts';
import { formatTime } from '../output/time.ts';
import { AT_WORK, PHASES, paintPhase, STANDING } from './phases.ts';

/** An event as a line for people; undefined where it says nothing that they would miss: `every` keeps also hosts that go on well. */
export function eventText(
  event: RolloutEvent,
  waves: readonly Pick<WaveDetail, 'index' | 'name'>[],
  {
    every,
    paint = plain,
    time = formatTime,
  }: { every: boolean; paint?: Paint; time?: (atMs: number) => string },
): string | undefined {
  const what = whatText(event, waves, every, paint);
  return what === undefined ? undefined : `${paint('dim', time(event.atMs))}  ${what}`;
}

function whatText(
  { what, to, wave: index, agent, by, reason }: RolloutEvent,
  waves: readonly Pick<WaveDetail, 'index' | 'name'>[],
  every: boolean,
  paint: Paint,
): string | undefined {
  const why = reason === null ? '' : `: ${sanitiseLine(reason)}`;
  const who = by === null ? '' : ` by ${sanitiseLine(by)}`;
  const wave = waveName(waves.find((one) => one.index === index)?.name ?? `wave ${(index ?? 0) + 1}`);
  switch (what) {
    case 'created':
      return `started${who}${why}`;
    case 'state':
      return `the rollout is ${paint('bold', sanitiseLine(to))}${who}${why}`;
    case 'wave':
      return `${wave}: ${sanitiseLine(to)}${why}`;
    case 'host': {
      const phase = PHASES.find((one) => one === to);
      const standing = phase === undefined ? 'at-work' : STANDING[phase];
      const isBad = standing === 'failed' || standing === 'not-done' || to === 'undo';
      if (!every && !isBad) return undefined;
      const text = (phase && AT_WORK[phase]) ?? to;
      const shown = phase === undefined ? sanitiseLine(text) : paintPhase(phase, text, paint);
      return `${sanitiseLine(agent ?? '')}: ${shown}${why}`;
    }
    case 'approved':
      return `${wave}: approved${who}${why}`;
    case 'paused':
    case 'resumed':
    case 'aborted':
      return `${what}${who}${why}`;
    case 'rollback':
      return `rolled back${who}${why}`;
    case 'probe':
      return `${index === null ? 'probes' : wave}: ${sanitiseLine(to === '' ? 'probed' : to)}${why}`;
  }
}

/** One that nobody named is called "wave 2" already. */
function waveName(name: string): string {
  return /^wave\b/.test(name) ? sanitiseLine(name) : `wave ${sanitiseLine(name)}`;
}
