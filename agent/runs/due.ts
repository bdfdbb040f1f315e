/** A run that was accepted and not started. */
export interface Waiting {
  readonly expiresAtMs: number;
}

export interface Due<W extends Waiting> {
  /** Too late for these: they never start. */
  readonly expired: W[];
  /** These start now, in the order in which they came. */
  readonly start: W[];
  /** When to look again though nothing has happened; undefined when nothing waits. */
  readonly againInMs: number | undefined;
}

/** What becomes of the queue at `nowMs` (the controller's time) with `free` places. */
export function due<W extends Waiting>(waiting: readonly W[], free: number, nowMs: number): Due<W> {
  const expired = waiting.filter((one) => nowMs >= one.expiresAtMs);
  const alive = waiting.filter((one) => nowMs < one.expiresAtMs);
  const start = alive.slice(0, Math.max(0, free));
  const rest = alive.slice(start.length);
  const earliest = rest.reduce((least, one) => Math.min(least, one.expiresAtMs), Number.POSITIVE_INFINITY);
  return { expired, start, againInMs: rest.length > 0 ? earliest - nowMs : undefined };
}
