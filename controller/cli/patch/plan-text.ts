import type { PlannedChange } from '../../../proto/packages.ts';
import type { Paint } from '../output/paint.ts';
import { sanitiseLine } from '../output/sanitise.ts';
import { hosts as countOf } from '../output/summary.ts';
import { renderTable } from '../output/table.ts';
import { formatSize } from '../size.ts';
import { who } from './outcomes.ts';
import type { PlanContent, PlanGroup } from './plan-file.ts';
import { plannedPackages, removedBy } from './planned.ts';
import { some } from './scan-text.ts';

/** How a plan looks on a screen: hosts with the same transaction together, so that 300 of them fit. */

export interface PlanRoom {
  /** Lines for all groups; infinite: nothing is left out. */
  readonly lines: number;
  readonly whoChars: number;
}
export const PLAN_ROOM: PlanRoom = { lines: 36, whoChars: 50 };
export const ALL_ROOM: PlanRoom = { lines: Number.POSITIVE_INFINITY, whoChars: Number.POSITIVE_INFINITY };

const CHANGES_MOST = 12;

export function renderGroups(groups: readonly PlanGroup[], room: PlanRoom, paint: Paint): string {
  const shown = groups.slice(0, room.lines);
  const share = Math.floor((room.lines - shown.length) / Math.max(1, shown.length));
  const most = Number.isFinite(room.lines) ? Math.min(CHANGES_MOST, share) : share;
  const lines = shown.flatMap((group) => groupLines(group, most, room, paint));
  const rest = groups.slice(shown.length);
  const hosts = rest.reduce((sum, group) => sum + group.hosts.length, 0);
  if (hosts > 0)
    lines.push(
      `… and ${countOf(hosts)} in ${rest.length} groups more: --all shows each, --packages who gets what`,
    );
  return lines.map((line) => `${line}\n`).join('');
}

function groupLines(group: PlanGroup, most: number, room: PlanRoom, paint: Paint): string[] {
  const names = who(
    group.hosts.map(({ name }) => name),
    room.whoChars,
  );
  const head = `${paint('bold', countOf(group.hosts.length))} ${names}: `;
  if (most < 2) return [`${head}${inline(group.changes)}; ${facts(group, paint)}`];
  const changes = [...group.changes].sort((a, b) => weight(b) - weight(a));
  // The last line says how many more there are.
  const shown = changes.length > most ? changes.slice(0, most - 1) : changes;
  const width = shown.reduce((longest, { name }) => Math.max(longest, name.length), 0);
  const lines = shown.map(
    (change) => `  ${change.name.padEnd(width)}  ${movement(change)}${marks(change, paint)}`,
  );
  if (shown.length < changes.length)
    lines.push(`  … and ${changes.length - shown.length} packages more: --all`);
  return [head + facts(group, paint), ...lines];
}

/** What is read first: removals, what cannot be taken back, security. */
function weight({ to, wayBack, security }: PlannedChange): number {
  return (to === '' ? 4 : 0) + (wayBack ? 0 : 2) + (security ? 1 : 0);
}

function inline(changes: readonly PlannedChange[]): string {
  const [first] = [...changes].sort((a, b) => weight(b) - weight(a));
  if (!first) return '';
  const more = changes.length - 1;
  return `${first.name} ${movement(first)}${more > 0 ? ` and ${more} more` : ''}`;
}

/** Names and versions are plain by their shape. */
function movement({ from, to }: PlannedChange): string {
  if (to === '') return `${from} → removed`;
  return from === '' ? `new → ${to}` : `${from} → ${to}`;
}

function marks({ security, wayBack, to }: PlannedChange, paint: Paint): string {
  const words = [
    security && paint('red', 'security'),
    to === '' && paint('yellow', 'removal'),
    !wayBack && paint('yellow', 'no way back'),
  ].filter(Boolean);
  return words.length === 0 ? '' : `  (${words.join(', ')})`;
}

function facts({ changes, downloadBytes, wantsReboot, restarts, left }: PlanGroup, paint: Paint): string {
  const security = changes.filter((change) => change.security).length;
  const parts = [
    `${changes.length} ${changes.length === 1 ? 'package' : 'packages'}`,
    security > 0 && paint('red', `${security} of security`),
    removedBy(changes).length > 0 && paint('yellow', `${removedBy(changes).length} removed`),
    `${formatSize(downloadBytes)} to download`,
    wantsReboot && paint('yellow', 'reboot'),
    restarts.length > 0 && `restarts ${sanitiseLine(some(restarts))}`,
    !changes.every(({ wayBack }) => wayBack) && paint('yellow', 'no way back'),
    left.length > 0 && `${left.length} left as they are`,
  ];
  return parts.filter(Boolean).join(', ');
}

export function renderPlannedPackages(groups: readonly PlanGroup[], room: PlanRoom, paint: Paint): string {
  const all = plannedPackages(groups);
  const rows = all
    .slice(0, room.lines)
    .map(({ change, names }) => [
      ...[change.name, change.from || 'new', change.to || 'removed', String(names.length)],
      [change.security && 'security', !change.wayBack && 'no way back'].filter(Boolean).join(', '),
      who(names, room.whoChars),
    ]);
  const rest = all.length - rows.length;
  const more = rest > 0 ? `… and ${rest} more: --all shows each\n` : '';
  return rows.length === 0
    ? ''
    : renderTable(['PACKAGE', 'FROM', 'TO', 'HOSTS', '', 'NAMES'], rows, paint) + more;
}

/** Hosts that are in no group, each kind apart. */
export function renderAside({ nothing, leftOut }: PlanContent, room: PlanRoom, paint: Paint): string {
  const lines =
    nothing.length === 0 ? [] : [`nothing to do  ${countOf(nothing.length)} ${who(nothing, room.whoChars)}`];
  const byWhy = new Map<string, string[]>();
  for (const { name, why } of leftOut) byWhy.set(why, [...(byWhy.get(why) ?? []), name]);
  const most = Number.isFinite(room.lines) ? 10 : byWhy.size;
  for (const [why, names] of [...byWhy].sort((a, b) => b[1].length - a[1].length).slice(0, most))
    lines.push(
      `${paint('red', 'left out')}  ${countOf(names.length)} ${who(names, room.whoChars)}: ${sanitiseLine(why)}`,
    );
  if (byWhy.size > most) lines.push(`… and ${byWhy.size - most} reasons more: --all`);
  return lines.map((line) => `${line}\n`).join('');
}

export function renderPlanTotals({ groups, nothing, leftOut }: PlanContent): string {
  const sum = (of: (group: PlanGroup) => number): number =>
    groups.reduce((all, group) => all + group.hosts.length * of(group), 0);
  const hosts = sum(() => 1);
  const parts = [
    hosts > 0 && `${countOf(hosts)} in ${groups.length} ${groups.length === 1 ? 'group' : 'groups'}`,
    hosts > 0 && `${formatSize(sum(({ downloadBytes }) => downloadBytes))} to download in all`,
    count(
      sum(({ wantsReboot }) => Number(wantsReboot)),
      'to reboot',
    ),
    count(
      sum(({ changes }) => Number(!changes.every(({ wayBack }) => wayBack))),
      'without a way back',
    ),
    nothing.length > 0 && `${nothing.length} with nothing to do`,
    leftOut.length > 0 && `${leftOut.length} left out`,
  ];
  return `${parts.filter(Boolean).join(', ')}\n`;
}

const count = (hosts: number, what: string): string | false => hosts > 0 && `${countOf(hosts)} ${what}`;
