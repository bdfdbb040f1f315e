import { wrongUse } from './failure.ts';

/** Largest first, as they are written one after the other. */
const UNITS_MS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;
type Unit = keyof typeof UNITS_MS;
const ORDER = Object.keys(UNITS_MS) as Unit[];

/**
 * `15s`, `5m`, `1h30m`, `2d`, `500ms`, `1.5h` as whole milliseconds. Throws a Failure (wrong use) that says what is wrong.
 * A bare number is refused: tools disagree on what it means.
 */
export function parseDuration(text: string, bounds: { minMs?: number; maxMs?: number } = {}): number {
  if (/^\d+(\.\d+)?$/.test(text)) throw wrongUse(`"${text}" needs a unit: ${text}s, ${text}m or ${text}h`);
  if (!/^(\d+(\.\d+)?(ms|[smhd]))+$/.test(text))
    throw wrongUse(`"${text}" is not a duration; write it like 500ms, 15s, 5m, 1h30m or 2d`);
  let totalMs = 0;
  let last = -1;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g)) {
    const place = ORDER.indexOf(unit as Unit);
    if (place <= last)
      throw wrongUse(`"${text}" has its units out of order; the largest comes first, as in 1h30m`);
    last = place;
    totalMs += Number(amount) * UNITS_MS[unit as Unit];
  }
  const durationMs = Math.round(totalMs);
  const { minMs = 1, maxMs = Number.MAX_SAFE_INTEGER } = bounds;
  if (durationMs < minMs) throw wrongUse(`"${text}" is too short; the least is ${formatDuration(minMs)}`);
  if (durationMs > maxMs) throw wrongUse(`"${text}" is too long; the most is ${formatDuration(maxMs)}`);
  return durationMs;
}

/** For people: `120 ms`, `4.2 s`, `59 s`, `3m 05s`, `2h 10m`, `3d 4h`. */
export function formatDuration(durationMs: number): string {
  if (durationMs < 1000) return `${Math.round(durationMs)} ms`;
  if (durationMs < 9950) return `${(durationMs / 1000).toFixed(1).replace(/\.0$/, '')} s`;
  const seconds = Math.round(durationMs / 1000);
  if (seconds < 60) return `${seconds} s`;
  const pair = (value: number, large: string, part: number, small: string): string =>
    part === 0
      ? `${value}${large}`
      : `${value}${large} ${String(part).padStart(large === 'd' ? 1 : 2, '0')}${small}`;
  if (seconds < 3600) return pair(Math.floor(seconds / 60), 'm', seconds % 60, 's');
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1440) return pair(Math.floor(minutes / 60), 'h', minutes % 60, 'm');
  const hours = Math.floor(minutes / 60);
  return pair(Math.floor(hours / 24), 'd', hours % 24, 'h');
}
