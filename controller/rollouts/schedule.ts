import { quoted } from '../targeting/problem.ts';
import type { RolloutRequest } from './request.ts';
import type { Freeze, Policy, Window } from './rollout.ts';
import { counted } from './sentence.ts';
import type { Findings } from './waves.ts';
import { openAt, shownTime, spanOf, wallOf } from './windows.ts';
import { isZone } from './zone.ts';

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
const SHORT_MINUTES = 15;
const DAY_MINUTES = 24 * 60;

export function windowsOf({ windows = [] }: RolloutRequest): readonly Window[] {
  return windows.map(({ days = [], from, to, zone }) => ({
    days: days.map((day) => DAYS.indexOf(day)),
    from: minutesOf(from),
    to: minutesOf(to),
    zone,
  }));
}

export function freezesOf({ freezes = [] }: RolloutRequest): readonly Freeze[] {
  return freezes.map(({ from, to, zone, reason = '' }) => ({ from, to, zone, reason }));
}

/** NaN where it is no time of a day. */
function minutesOf(text: string): number {
  const [, hours, minutes] = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(text) ?? [];
  return Number(hours) * 60 + Number(minutes);
}

/** Windows and freezes that cannot be read, and those that leave no time at all. */
export function checkTimes({ windows, freezes, expiresAtMs }: Policy, nowMs: number, found: Findings): void {
  const before = found.problems.length;
  windows.forEach((window, index) => {
    const title = `window ${index + 1}`;
    const minutes = (window.to - window.from + DAY_MINUTES) % DAY_MINUTES;
    if (!isZone(window.zone)) found.problems.push(`${title}: no time zone is called ${quoted(window.zone)}`);
    if (Number.isNaN(minutes)) found.problems.push(`${title}: times are written like 22:00`);
    else if (minutes === 0 && window.from !== 0)
      found.problems.push(`${title} ends when it begins; a whole day is 00:00 to 00:00`);
    else if (minutes > 0 && minutes < SHORT_MINUTES)
      found.warnings.push(`${title} is open for ${counted(minutes, 'minute')} only`);
    if (window.days.includes(-1))
      found.problems.push(`${title}: days are mon, tue, wed, thu, fri, sat and sun`);
  });
  freezes.forEach((freeze, index) => {
    const title = `freeze ${index + 1}`;
    const isRead = [freeze.from, freeze.to].every((time) => !Number.isNaN(wallOf(time)));
    const hasZone = isZone(freeze.zone);
    if (!hasZone) found.problems.push(`${title}: no time zone is called ${quoted(freeze.zone)}`);
    if (!isRead) found.problems.push(`${title}: times are written like 2026-12-20 or 2026-12-20T18:00`);
    if (!isRead || !hasZone) return;
    const { fromMs, toMs } = spanOf(freeze);
    if (toMs <= fromMs) found.problems.push(`${title} ends before it begins`);
    else if (toMs <= nowMs) found.warnings.push(`${title} is over already`);
  });
  if (found.problems.length > before) return;
  const opening = openAt(windows, freezes, nowMs);
  if (opening.open) return;
  if (opening.opensAtMs === null || opening.opensAtMs >= expiresAtMs)
    found.problems.push(
      `nothing could ever begin: ${opening.why}, and the orders expire ${shownTime(expiresAtMs)}`,
    );
  else found.warnings.push(`nothing begins yet: ${opening.why}`);
}
