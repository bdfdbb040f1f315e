import type { OrderMessage } from '../../proto/codec.ts';
import type { CheckedRun, Run } from '../executor/run.ts';

/** What an active run was accepted with. */
export interface Accepted {
  readonly jobId: string;
  /** 32 bytes. */
  readonly orderHash: Uint8Array;
  readonly expiresAtMs: number;
  readonly attempt: number;
}

/**
 *   waiting ──start──> running ──ended──> ending ──(its report is in the journal)──> gone
 *      └──────────────────end──────────────^
 *
 * `waiting`: accepted is durable, no place was free; or running is, and its agent died before anything of it was started.
 * `ending`: nothing of it runs any more, and its place is free.
 */
export type RunState =
  | { readonly state: 'waiting' }
  | { readonly state: 'running'; readonly run: Run }
  | { readonly state: 'ending' };

/** A run that this agent has taken and not reported. */
export interface ActiveRun extends Accepted {
  readonly kind: OrderMessage['kind'];
  readonly checked: CheckedRun;
  /** What its order takes in memory. */
  readonly bytes: number;
  /** How often it may be started; again by itself only after it was interrupted. */
  readonly attempts: number;
  /** Who signed the order; asked again before it starts. */
  readonly signerIds: readonly Uint8Array[];
  /** Why the host's policy, which an agent before this one may have read otherwise, refuses it by now. */
  readonly denied: string | undefined;
  /** 0 until its start is in the journal. */
  readonly startedAtMs: number;
  readonly at: RunState;
}

export type RunEvent = { readonly event: 'start'; readonly run: Run } | { readonly event: 'end' };

/** Throws on an event that the state does not know: that is a bug of the one writer, runs/engine.ts. */
export function applyRun(active: ActiveRun, change: RunEvent): ActiveRun {
  const { state } = active.at;
  switch (change.event) {
    case 'start':
      if (state !== 'waiting') break;
      return { ...active, at: { state: 'running', run: change.run } };
    case 'end':
      if (state === 'ending') break;
      return { ...active, at: { state: 'ending' } };
  }
  throw new Error(`run: ${change.event} while ${state}`);
}
