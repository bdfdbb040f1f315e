import type { HostDetail } from '../../api/contract.ts';
import { sanitiseLine } from '../output/sanitise.ts';
import { hosts, listNames } from '../output/summary.ts';
import { STANDING } from './phases.ts';

/** Hosts that ended alike, and why. */
export interface Cause {
  phase: HostDetail['phase'];
  reason: string;
  code: string | null;
  names: string[];
  isFailure: boolean;
  /** In a line. */
  text: string;
}

const NAMED = 6;

/** Who did not succeed, by what became of them and why; the most first. */
export function causesOf(unsuccessful: readonly HostDetail[]): Cause[] {
  const groups = new Map<string, Omit<Cause, 'text'>>();
  for (const { agent, phase, reason, code } of unsuccessful) {
    // A reason may name its host: then hosts that failed alike would each have one of their own.
    const why = (reason ?? '').replaceAll(agent, '…');
    const key = JSON.stringify([phase, code, why]);
    const group = groups.get(key);
    if (group) group.names.push(agent);
    else
      groups.set(key, {
        ...{ phase, code, names: [agent], reason: reason ?? '' },
        isFailure: STANDING[phase] === 'failed',
      });
  }
  return [...groups.values()]
    .sort((a, b) => Number(b.isFailure) - Number(a.isFailure) || b.names.length - a.names.length)
    .map((group) => ({ ...group, text: textOf(group) }));
}

function textOf({ phase, reason, code, names }: Omit<Cause, 'text'>): string {
  const why = [code === null || code === phase ? '' : code, reason].filter((part) => part !== '').join(': ');
  return `${hosts(names.length)} ${phase}${why === '' ? '' : ` (${sanitiseLine(why)})`}: ${listNames(names, NAMED)}`;
}
