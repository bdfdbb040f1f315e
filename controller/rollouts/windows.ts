import type { Freeze, Window } from './rollout.ts';
import { momentOf, wallAt } from './zone.ts';

/** Whether changes may begin, and until or from when. Null: for ever. */
export type Opening =
  | { readonly open: true; readonly closesAtMs: number | null }
  | { readonly open: false; readonly opensAtMs: number | null; readonly why: string };

interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** A weekly window whose next day lies in the hour that is skipped comes a week later. */
const LOOK_AHEAD_DAYS = 15;

/**
 * A window begins and ends when the clocks of its zone first show the time; where they are set forward past both, it does not open that
 * day. A freeze lasts from the first to the last moment that they show. No windows: always open but for the freezes.
 */
export function openAt(windows: readonly Window[], freezes: readonly Freeze[], nowMs: number): Opening {
  const frozen = freezes.map((freeze) => ({ ...spanOf(freeze), freeze })).sort((a, b) => a.fromMs - b.fromMs);
  let atMs = nowMs;
  let why: string | undefined;
  // Each turn of it leaves a freeze behind, or comes to the begin of a window, which a freeze may cover.
  for (let turn = 0; turn <= 2 * frozen.length + 1; turn++) {
    const freeze = frozen.find((span) => atMs >= span.fromMs && atMs < span.toMs);
    if (freeze) {
      why ??= `a freeze lasts until ${freeze.freeze.to} (${freeze.freeze.zone})${freeze.freeze.reason === '' ? '' : `: ${freeze.freeze.reason}`}`;
      atMs = freeze.toMs;
      continue;
    }
    const span =
      windows.length === 0 ? { fromMs: atMs, toMs: Number.POSITIVE_INFINITY } : nextSpan(windows, atMs);
    if (span === undefined)
      return { open: false, opensAtMs: null, why: 'no maintenance window opens any more' };
    if (span.fromMs <= atMs) {
      if (atMs > nowMs)
        return {
          open: false,
          opensAtMs: atMs,
          why: `${why ?? 'outside of the maintenance windows'}; opens ${shownTime(atMs)}`,
        };
      const next = frozen.find(({ fromMs }) => fromMs > nowMs)?.fromMs ?? Number.POSITIVE_INFINITY;
      const closesAtMs = Math.min(span.toMs, next);
      return { open: true, closesAtMs: Number.isFinite(closesAtMs) ? closesAtMs : null };
    }
    why ??= 'outside of the maintenance windows';
    atMs = span.fromMs;
  }
  return { open: false, opensAtMs: null, why: 'no maintenance window opens any more' };
}

/** `2026-12-20 18:00 UTC`. */
export function shownTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** The window that `atMs` is in, on and on where another begins before it ends; else the next one. */
function nextSpan(windows: readonly Window[], atMs: number): Span | undefined {
  const spans = windows
    .flatMap((window) => spansOf(window, atMs))
    .filter(({ toMs }) => toMs > atMs)
    .sort((a, b) => a.fromMs - b.fromMs);
  const [first] = spans;
  if (first === undefined) return undefined;
  let { toMs } = first;
  for (const span of spans) if (span.fromMs <= toMs) toMs = Math.max(toMs, span.toMs);
  return { fromMs: first.fromMs, toMs };
}

function spansOf({ days, from, to, zone }: Window, atMs: number): Span[] {
  const today = Math.floor(wallAt(zone, atMs) / DAY_MS);
  const spans: Span[] = [];
  for (let day = today - 1; day <= today + LOOK_AHEAD_DAYS; day++) {
    // The first of January 1970 was a Thursday.
    if (days.length > 0 && !days.includes((day + 4) % 7)) continue;
    const fromMs = momentOf(zone, day * DAY_MS + from * MINUTE_MS, 'first');
    const toMs = momentOf(zone, (to > from ? day : day + 1) * DAY_MS + to * MINUTE_MS, 'first');
    if (toMs > fromMs) spans.push({ fromMs, toMs });
  }
  return spans;
}

/** A freeze to a day lasts to its end. */
export function spanOf({ from, to, zone }: Freeze): Span {
  const toWallMs = wallOf(to) + (to.length === DAY_CHARS ? DAY_MS : 0);
  return { fromMs: momentOf(zone, wallOf(from), 'first'), toMs: momentOf(zone, toWallMs, 'last') };
}

const DAY_CHARS = '2026-12-20'.length;

/** As if it were UTC; NaN where there is no such day. */
export function wallOf(written: string): number {
  if (!/^\d{4}-\d\d-\d\d(?:T\d\d:\d\d)?$/.test(written)) return Number.NaN;
  const ms = Date.parse(written.length === DAY_CHARS ? written : `${written}Z`);
  // Date.parse takes the 31st of February for the 3rd of March.
  return Number.isNaN(ms) || new Date(ms).toISOString().startsWith(written) ? ms : Number.NaN;
}
