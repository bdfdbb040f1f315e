import type { OrderRow, Start } from '../spool/journal.ts';

/** The machine as an agent finds it that looks for the runs of one before it. */
export interface Found {
  readonly bootId: string;
  readonly nowMs: number;
  readonly uptimeMs: number;
  /** Whether anything of the run was started, as far as this boot's files say. */
  readonly hasBegun: boolean;
}

/**
 * - `waits`: nothing of it was started. It starts when its turn comes, unless it expires before.
 * - `goes-on`: it was started, and is taken up: what runs of it still runs, or ended meanwhile, or went with the last boot.
 */
export type Recovery =
  | { readonly is: 'waits' }
  | {
      readonly is: 'goes-on';
      readonly restarted: boolean;
      /** Of its timeout. */
      readonly elapsedMs: number;
    };

export function recoveryOf(row: OrderRow, found: Found): Recovery {
  if (row.state === 'accepted') return { is: 'waits' };
  // Files of another boot may not all have reached the disk: that there are none says nothing then.
  if (row.bootId !== found.bootId || found.uptimeMs < row.startedUptimeMs)
    return { is: 'goes-on', restarted: true, elapsedMs: Math.max(0, found.nowMs - row.startedAtMs) };
  if (!found.hasBegun && row.resumeAt === 0) return { is: 'waits' };
  return { is: 'goes-on', restarted: false, elapsedMs: found.uptimeMs - row.startedUptimeMs };
}

/** What makes a run go on in this boot with as much of its time gone as before. */
export function startInThisBoot(row: OrderRow, found: Found, elapsedMs: number): Start {
  const { startedAtMs } = row;
  return { startedAtMs, startedUptimeMs: found.uptimeMs - elapsedMs, bootId: found.bootId };
}

/** Whether an interrupted attempt is followed by another one, by itself. */
export function mayTryAgain(
  run: { readonly attempt: number; readonly attempts: number; readonly expiresAtMs: number },
  nowMs: number | undefined,
): boolean {
  // Without a session the time is not known; then it waits for its turn, and for the time, as any run does.
  return run.attempt < run.attempts && (nowMs === undefined || nowMs < run.expiresAtMs);
}
