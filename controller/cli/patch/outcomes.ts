import { VERDICT } from '../exit-status.ts';
import { type Paint, plain } from '../output/paint.ts';
import { reasonOf } from '../output/reason.ts';
import { sanitiseLine } from '../output/sanitise.ts';
import { hosts, renderOutcome } from '../output/summary.ts';
import type { Gathered } from './gather.ts';
import { foldNames } from './ranges.ts';

/** A host that was asked and of which nothing is known. */
export interface Silent {
  readonly agent: string;
  readonly agentId: string;
  /** A state of runs, or `unreadable`: it answered, and the answer is none. */
  readonly state: string;
  readonly code: string | null;
  readonly reason: string | null;
}

/** Hosts without an answer, each with its cause. */
export function silentOf({ end, refused }: Pick<Gathered<unknown>, 'end' | 'refused'>): Silent[] {
  const unreadable = new Map(refused.map(({ agentId, why }) => [agentId, why]));
  return (end?.runs ?? []).flatMap(({ agentId, name: agent, state, outcome }): Silent[] => {
    const why = unreadable.get(agentId);
    if (why !== undefined) return [{ agent, agentId, state: 'unreadable', code: null, reason: why }];
    if (VERDICT[state] === 'succeeded') return [];
    const { exitCode = null, signal = null, code = null } = outcome ?? {};
    const reason = outcome && reasonOf(outcome);
    const told = reason ?? renderOutcome({ state, exitCode, signal }, plain);
    return [{ agent, agentId, state, code, reason: told === state ? null : told }];
  });
}

/** `expired: offline since 2026-11-23 14:02` */
export function causeOf({ state, reason }: Silent): string {
  return reason === null ? state : `${state}: ${reason}`;
}

const CAUSES_SHOWN = 10;

/** Those without an answer, a line for each cause. */
export function renderSilent(silent: readonly Silent[], job: string, paint: Paint): string[] {
  const byCause = new Map<string, string[]>();
  for (const one of silent) byCause.set(causeOf(one), [...(byCause.get(causeOf(one)) ?? []), one.agent]);
  const causes = [...byCause].sort((a, b) => b[1].length - a[1].length);
  const lines = causes
    .slice(0, CAUSES_SHOWN)
    .map(
      ([cause, names]) =>
        `${paint('red', 'no answer')}  ${hosts(names.length)} ${who(names)}: ${sanitiseLine(cause)}`,
    );
  if (causes.length > CAUSES_SHOWN)
    lines.push(`… and ${causes.length - CAUSES_SHOWN} more causes: muster jobs show ${job.slice(0, 12)}`);
  return lines;
}

const WHO_CHARS = 60;

/** Names as -t takes them, as many as fit; one at least. */
export function who(names: readonly string[], most = WHO_CHARS): string {
  const folded = foldNames(names);
  let text = '';
  let left = folded.length;
  for (const name of folded) {
    const more = text === '' ? name : `${text},${name}`;
    if (text !== '' && more.length > most) break;
    text = more;
    left -= 1;
  }
  return sanitiseLine(left > 0 ? `${text} and ${left} more` : text);
}
