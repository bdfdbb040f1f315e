import type { HostEnd } from '../../installer/engine.ts';
import { CAUSES, type Cause, joinOf } from '../../installer/failure.ts';
import type { HostEntry } from '../../installer/host.ts';
import type { HostResult } from '../../installer/work.ts';
import { formatDuration } from '../duration.ts';
import type { Paint } from '../output/paint.ts';
import { sanitiseLine } from '../output/sanitise.ts';
import { hosts } from '../output/summary.ts';
import { formatSize } from '../size.ts';
import { verdictOf } from './verdict.ts';

export interface Ended {
  readonly entry: HostEntry;
  readonly end: HostEnd;
  readonly warnings: readonly string[];
}

/** `installed 0.1.0`, `would be upgraded from 0.1.0 to 0.2.0`. */
export function whatWasDone(result: HostResult, check: boolean): string {
  const { version, previous } = result;
  const be = check ? 'would be ' : '';
  const did = result.did === 'unchanged' && hasLabels(result) ? 'labelled' : result.did;
  switch (did) {
    case 'labelled':
      return `${check ? 'would set labels' : 'labels set'}, ${sanitiseLine(version)} is there`;
    case 'installed':
      return `${be}installed ${sanitiseLine(version)}`;
    case 'upgraded':
      return `${be}upgraded from ${sanitiseLine(previous ?? 'unknown')} to ${sanitiseLine(version)}`;
    case 'repaired':
      return `${be}repaired ${sanitiseLine(version)}`;
    case 'unchanged':
      return `nothing to do, ${sanitiseLine(version)} is there`;
    case 'removed':
      return 'removed';
    case 'absent':
      return 'nothing to do, no agent is there';
  }
}

const hasLabels = ({ labels }: HostResult): boolean => Object.keys(labels).length > 0;

/** One host's end in a line. */
export function hostLine({ entry, end }: Omit<Ended, 'warnings'>, check: boolean, paint: Paint): string {
  const host = sanitiseLine(entry.written);
  switch (end.state) {
    case 'not-begun':
      return `${host}: ${paint('yellow', 'not begun')}`;
    case 'done': {
      const { result } = end;
      const name = result.name === entry.written ? '' : ` as ${sanitiseLine(result.name)}`;
      const plan = check && result.plan.length > 0 ? `: ${result.plan.map(sanitiseLine).join('; ')}` : '';
      return `${host}: ${paint('green', whatWasDone(result, check))}${name}${plan}`;
    }
    case 'failed': {
      const style = verdictOf(end) === 'failed' ? 'red' : 'yellow';
      return `${host}: ${paint(style, CAUSES[end.because].sentence)}${detailOf(end)}`;
    }
  }
}

const detailOf = ({ detail, step }: { detail: string; step: string }): string =>
  detail === '' ? ` (step ${step})` : `${joinOf(detail)}${sanitiseLine(detail)}`;

/** Names and details that are shown of one cause; the report has all. */
const DETAILS_SHOWN = 5;
const NAMES_SHOWN = 20;

export interface SummaryParts {
  readonly check: boolean;
  readonly durationMs: number;
  readonly sentBytes: number;
  /** What to type for those that are not done; undefined: nothing is kept that could be gone on with. */
  readonly again: string | undefined;
}

/** The end of it: what was done, and for each cause of failure its hosts and what to do. */
export function summary(ended: readonly Ended[], parts: SummaryParts, paint: Paint): string {
  const { check, durationMs, sentBytes } = parts;
  const sent = sentBytes > 0 ? `, ${formatSize(sentBytes)} sent` : '';
  const lines = [`${hosts(ended.length)} in ${formatDuration(durationMs)}${sent}`];
  lines.push(...doneLines(ended, check, paint));
  for (const [because, group] of groupBy(ended, ({ end }) =>
    end.state === 'failed' ? end.because : undefined,
  ))
    lines.push(...causeLines(because, group, paint));
  const notBegun = ended.filter(({ end }) => end.state === 'not-begun');
  if (notBegun.length > 0)
    lines.push(`  ${paint('yellow', `${hosts(notBegun.length)}: not begun`)}`, `    ${names(notBegun)}`);
  lines.push(...warningLines(ended));
  if (parts.again !== undefined) lines.push(`Again, those that are not done: ${parts.again}`);
  return `${lines.join('\n')}\n`;
}

function doneLines(ended: readonly Ended[], check: boolean, paint: Paint): string[] {
  const done = groupBy(ended, ({ end }) =>
    end.state === 'done' ? whatWasDone(end.result, check) : undefined,
  );
  return [...done].flatMap(([what, group]) => [
    `  ${hosts(group.length)} ${paint('green', what)}`,
    ...(group.length <= NAMES_SHOWN ? [`    ${names(group)}`] : []),
  ]);
}

function causeLines(because: Cause, group: readonly Ended[], paint: Paint): string[] {
  const { sentence, next } = CAUSES[because];
  const byDetail = groupBy(group, ({ end }) => (end.state === 'failed' ? end.detail : ''));
  const [only] = byDetail.size === 1 ? byDetail.keys() : [];
  const style = group.some(({ end }) => verdictOf(end) === 'failed') ? 'red' : 'yellow';
  const same = only ? `${joinOf(only)}${sanitiseLine(only)}` : '';
  const head = `  ${hosts(group.length)}: ${paint(style, `${sentence}${same}`)}`;
  const advice = `    ${next}`;
  if (only !== undefined) return [head, `    ${names(group)}`, advice];
  const shown = [...byDetail].slice(0, DETAILS_SHOWN);
  const rest = byDetail.size - shown.length;
  return [
    head,
    ...shown.map(([detail, some]) => `    ${names(some)}: ${sanitiseLine(detail)}`),
    ...(rest > 0 ? [`    … and ${rest} more in the report`] : []),
    advice,
  ];
}

/** Each once, with the hosts that it is of. */
function warningLines(ended: readonly Ended[]): string[] {
  const pairs = ended.flatMap(({ entry, end, warnings }) =>
    [...new Set(warnings)].map((warning) => ({ entry, end, warnings: [warning] })),
  );
  return [...groupBy(pairs, ({ warnings }) => warnings[0])].flatMap(([warning, group]) => [
    `  note, ${hosts(group.length)}: ${sanitiseLine(warning)}`,
    ...(group.length <= NAMES_SHOWN ? [`    ${names(group)}`] : []),
  ]);
}

function names(group: readonly Ended[]): string {
  const shown = group.slice(0, NAMES_SHOWN).map(({ entry }) => sanitiseLine(entry.written));
  const rest = group.length - shown.length;
  return rest > 0 ? `${shown.join(' ')} and ${rest} more` : shown.join(' ');
}

/** In the order of their first, the largest first; undefined belongs to none. */
function groupBy<K>(ended: readonly Ended[], keyOf: (one: Ended) => K | undefined): Map<K, Ended[]> {
  const groups = new Map<K, Ended[]>();
  for (const one of ended) {
    const key = keyOf(one);
    if (key === undefined) continue;
    const group = groups.get(key);
    if (group) group.push(one);
    else groups.set(key, [one]);
  }
  return new Map([...groups].sort((a, b) => b[1].length - a[1].length));
}
