import type { Paint } from '../output/paint.ts';
import { hosts as countOf } from '../output/summary.ts';
import { renderTable } from '../output/table.ts';
import { formatTime } from '../output/time.ts';
import { who } from './outcomes.ts';
import { isUpToDate, type Scanned, type Totals, type WaitingPackage } from './scanned.ts';

/** How a scan looks on a screen. */

/** Rows that fit on a screen with what stands around them. */
export const ROWS = 30;

export interface Room {
  /** Rows that are shown; the rest is counted. */
  readonly rows: number;
  /** For the names of hosts. */
  readonly whoChars: number;
}

const day = (atMs: number | null): string => (atMs === null ? '' : formatTime(atMs).slice(0, 10));
const number = (count: number): string => (count === 0 ? '' : String(count));

export function renderScanned(all: readonly Scanned[], room: Room, paint: Paint): string {
  const waiting = all.filter((one) => !isUpToDate(one));
  if (waiting.length === 0) return '';
  const shown = waiting.slice(0, room.rows);
  const rows = shown.map((one) => [
    ...[String(one.names.length), String(one.pending), number(one.security), number(one.held)],
    ...[one.rebootNeeded ? 'needed' : '', day(one.sinceMs), some(one.restarts)],
    who(one.names, room.whoChars),
  ]);
  const head = ['HOSTS', 'PENDING', 'SECURITY', 'HELD', 'REBOOT', 'SINCE', 'RESTARTS', 'NAMES'];
  return renderTable(head, rows, paint) + leftOut(waiting.slice(room.rows), 'less urgent');
}

export function renderPackages(all: readonly WaitingPackage[], room: Room, paint: Paint): string {
  if (all.length === 0) return '';
  const rows = all
    .slice(0, room.rows)
    .map((one) => [
      ...[one.name, one.to === '' ? 'removed' : one.to, String(one.names.length)],
      ...[[one.security && 'security', one.held && 'held'].filter(Boolean).join(', '), day(one.sinceMs)],
      who(one.names, room.whoChars),
    ]);
  const rest = all.length - room.rows;
  const more = rest > 0 ? `… and ${rest} more packages: --all shows each\n` : '';
  return renderTable(['PACKAGE', 'TO', 'HOSTS', '', 'SINCE', 'NAMES'], rows, paint) + more;
}

function leftOut(rest: readonly Scanned[], how: string): string {
  if (rest.length === 0) return '';
  const hosts = rest.reduce((sum, { names }) => sum + names.length, 0);
  return `… and ${countOf(hosts)} more, ${how}: --all shows each, --packages what waits where\n`;
}

/** The first three, and how many more. */
export function some(names: readonly string[]): string {
  const more = names.length - 3;
  return `${names.slice(0, 3).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** `312 hosts: 1214 updates wait on 240, 96 of them security; …` */
export function renderTotals(totals: Totals, silent: number, paint: Paint): string {
  const { hosts, pending, security, held, waiting, rebootNeeded, restarts, upToDate } = totals;
  const parts = [
    waiting > 0 && `${pending} updates wait on ${countOf(waiting)}`,
    security > 0 && paint('red', `${security} of security`),
    held > 0 && `${held} held`,
    rebootNeeded > 0 && paint('yellow', `${countOf(rebootNeeded)} to reboot`),
    restarts > 0 && `${countOf(restarts)} with services to restart`,
    upToDate > 0 && `${upToDate} up to date`,
    silent > 0 && paint('red', `${silent} without an answer`),
  ];
  return `${countOf(hosts + silent)}: ${parts.filter(Boolean).join(', ')}\n`;
}
