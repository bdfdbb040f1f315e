/**
 * Time zones, by what Node's own Intl knows of them (IANA's data). Node 24 has no Temporal, and of it only two questions are asked
 * here: how a zone's clocks stand at a moment, and at which moments they show a time.
 */

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

const formats = new Map<string, Intl.DateTimeFormat>();

/** Throws RangeError where Intl does not know the zone. */
function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known) return known;
  const made = new Intl.DateTimeFormat('en-US', {
    ...{ timeZone: zone, calendar: 'iso8601', hourCycle: 'h23' },
    ...{
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    },
  });
  formats.set(zone, made);
  return made;
}

/** Of IANA (`Europe/Berlin`, `UTC`). Offsets (`+02:00`) are none: they know no summer. */
export function isZone(zone: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/.test(zone)) return false;
  try {
    return formatOf(zone) !== undefined;
  } catch {
    return false;
  }
}

/** What the zone's clocks show at a moment, as if that were UTC: milliseconds, the seconds' fractions left out. */
export function wallAt(zone: string, ms: number): number {
  const parts: Record<string, number> = {};
  for (const { type, value } of formatOf(zone).formatToParts(ms)) parts[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

/**
 * The moment at which the zone's clocks show `wallMs` (as if that were UTC). Shown twice, where clocks are set back: the first or the last
 * of them. Never shown, where they are set forward: the moment at which they are.
 */
export function momentOf(zone: string, wallMs: number, which: 'first' | 'last'): number {
  const offsets = [wallMs - DAY_MS, wallMs + DAY_MS].map((near) => wallAt(zone, near) - near);
  const found = offsets.map((offset) => wallMs - offset).filter((ms) => wallAt(zone, ms) === wallMs);
  if (found.length > 0) return which === 'first' ? Math.min(...found) : Math.max(...found);
  // Within a day at most one step: find by halves the first minute at which the clocks are past it.
  let [before, after] = [wallMs - DAY_MS, wallMs + DAY_MS].map((ms) => Math.floor(ms / MINUTE_MS)) as [
    number,
    number,
  ];
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (wallAt(zone, middle * MINUTE_MS) >= wallMs) after = middle;
    else before = middle;
  }
  return after * MINUTE_MS;
}
