import type { Outcome } from '../../api/contract.ts';
import { formatTime } from './time.ts';

/**
 * Why a run ended as it did, for people: an absence that is part of it is told by their clock, to the minute, so that hosts that left
 * together are one group.
 */
export function reasonOf({ reason, awaySinceMs }: Pick<Outcome, 'reason' | 'awaySinceMs'>): string | null {
  if (reason === null || awaySinceMs === null) return reason;
  return reason.replace(new Date(awaySinceMs).toISOString(), formatTime(awaySinceMs).slice(0, -3));
}
