import { equalBytes } from '../../proto/ids.ts';

/** What the journal knows of a delivered order's job id. */
export interface Known {
  /** The order that this job id came with before, if it did. */
  readonly orderHash: Uint8Array | undefined;
  /** A cancel of exactly this order came before it. */
  readonly cancelled: boolean;
  /** Orders that expire at or before it were forgotten. */
  readonly forgetFloorMs: number;
}

/**
 * - `new`: never seen here; go on.
 * - `same`: seen; no new run, answer with what became of it.
 * - `reused`: the job id stands for another order here.
 * - `cancelled`: its cancel overtook it.
 * - `forgotten`: it may have run here, and what would tell is gone.
 */
export type Replay = 'new' | 'same' | 'reused' | 'cancelled' | 'forgotten';

/** What is known for certain comes first: an order that ran is answered with its run, also when it was cancelled since. */
export function replayOf(order: { orderHash: Uint8Array; expiresAtMs: number }, known: Known): Replay {
  if (known.orderHash) return equalBytes(known.orderHash, order.orderHash) ? 'same' : 'reused';
  if (order.expiresAtMs <= known.forgetFloorMs) return 'forgotten';
  if (known.cancelled) return 'cancelled';
  return 'new';
}
