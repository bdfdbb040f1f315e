import type { RolloutDetail, WaveDetail } from '../../api/contract.ts';
import { formatDuration } from '../duration.ts';
import { sanitiseLine } from '../output/sanitise.ts';
import { formatTime } from '../output/time.ts';
import { countOf, ENDED, isAtRest } from './phases.ts';

type Seen = Pick<RolloutDetail, 'rollout' | 'state' | 'reason' | 'actor' | 'counts'>;

/** As much of an id as people type. */
export const shortId = (id: string): string => id.slice(0, 12);

/** What a rollout waits for, or why it stands, a line each. `nowMs` by the controller's clock. */
export function waitsFor(detail: Seen, waves: readonly WaveDetail[], nowMs: number): string[] {
  const reason = detail.reason === null ? '' : `: ${sanitiseLine(detail.reason)}`;
  switch (detail.state) {
    case 'paused':
    case 'stopped':
    case 'aborting':
    case 'rolling-back':
      return [`${detail.state}${reason}`];
    case 'running': {
      const told = waves.flatMap((wave) => gateText(wave, detail, nowMs));
      return [...told, ...(detail.reason === null || told.length > 0 ? [] : [sanitiseLine(detail.reason)])];
    }
    case 'succeeded':
    case 'aborted':
    case 'rolled-back':
      return [];
  }
}

function gateText(wave: WaveDetail, { rollout, actor }: Seen, nowMs: number): string[] {
  const of = `gate of ${sanitiseLine(wave.name)}`;
  const reason = wave.reason === null ? '' : ` (${sanitiseLine(wave.reason)})`;
  switch (wave.state) {
    case 'probing':
      return [`${of}: its probes have to hold${reason}`];
    case 'soaking': {
      const left =
        wave.soakUntilMs === null ? '' : `, ${formatDuration(Math.max(0, wave.soakUntilMs - nowMs))} left`;
      return [
        `${of}: its probes have to go on holding for ${formatDuration(wave.gate.soakMs)}${left}${reason}`,
      ];
    }
    case 'approval': {
      const who =
        wave.gate.approval === 'not-starter' ? `somebody else than ${sanitiseLine(actor)}` : 'somebody';
      return [`${of}: waits for approval by ${who}: muster rollout approve ${shortId(rollout)}`];
    }
    case 'waiting':
    case 'open':
    case 'passed':
    case 'failed':
      return [];
  }
}

/** The commands by which a rollout that stands goes on, each with what it does. */
export function whatNext(detail: Seen): string[] {
  const id = shortId(detail.rollout);
  switch (detail.state) {
    case 'stopped':
      return [
        `muster rollout resume ${id}     go on with the others, without those that failed`,
        `muster rollout rollback ${id}   bring back what was changed`,
        `muster rollout abort ${id}      leave all as it is`,
      ];
    case 'paused':
      return [`muster rollout resume ${id}     go on`];
    case 'running':
    case 'aborting':
    case 'rolling-back':
    case 'succeeded':
    case 'aborted':
    case 'rolled-back':
      return [];
  }
}

/** How somebody who leaves it comes back, and what it does meanwhile. */
export function onLeaving(detail: Seen): string[] {
  const id = shortId(detail.rollout);
  if (ENDED[detail.state]) return [];
  const meanwhile = isAtRest(detail) ? 'it stands' : 'it goes on without you';
  const pause = detail.state === 'running' ? `; "muster rollout pause ${id}" begins nothing further` : '';
  return [`left the rollout; ${meanwhile}. Come back with "muster rollout watch ${id}"${pause}`];
}

/** `2026-11-27 22:00:00, in 2h 10m`. */
export function whenText(atMs: number, nowMs: number): string {
  return `${formatTime(atMs)}, ${atMs >= nowMs ? 'in ' : ''}${formatDuration(Math.abs(atMs - nowMs))}${atMs < nowMs ? ' ago' : ''}`;
}

export function endText({ state, counts, hosts }: Pick<RolloutDetail, 'state' | 'counts' | 'hosts'>): string {
  return `${state}: ${countOf(counts, 'done')} of ${hosts} done`;
}
