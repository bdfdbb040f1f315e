/**
 * A rollout carries one change through many hosts. Its steps are jobs over all of its hosts, signed at its start and held: a host goes on
 * by being given its turn in the job of its next step, in the transaction that moves it here. So a controller that is killed has done
 * both or nothing, and what became of a step is what became of that run.
 *
 *   waiting ──> pre ──> change ──> check ──> post ──> done
 *                │         │          │        └──(its post fails)──> failed
 *                │         │          │
 *                │         ├──(as it was before; told by its code)──> drifted, by way of restore where a pre was
 *                │         └──────────┴──(fails, and there is a way back)──> undo ──> restore ──> reverted
 *                └──(fails)──> restore ──> failed          (no way back, or undo failed) ──> failed
 *   done, failed ──(rollback, by policy or by hand)──> undo ──> restore ──> reverted
 *   any of pre … restore ──(no word by the deadline)──> lost ──(word after all)──> as if it had come in time
 *   waiting ──(the rollout ends, the host leaves the fleet)──> skipped
 *
 * `restore` carries out what `post` does, once the host is as it was before. Steps that there is nothing to do for are passed over.
 */
import type { RunState } from '../jobs/run.ts';

export type HostPhase =
  | 'waiting'
  | 'pre'
  | 'change'
  | 'check'
  | 'post'
  | 'done'
  | 'undo'
  | 'restore'
  | 'reverted'
  | 'failed'
  | 'drifted'
  | 'lost'
  | 'skipped';

/** What a host is carried through; each is one job over all hosts of the rollout. */
export const STEPS = ['pre', 'change', 'check', 'post', 'undo', 'restore'] as const;
export type Step = (typeof STEPS)[number];

export type RolloutState =
  | 'running'
  | 'paused'
  | 'stopped'
  | 'aborting'
  | 'rolling-back'
  | 'succeeded'
  | 'aborted'
  | 'rolled-back';

export type WaveState = 'waiting' | 'open' | 'probing' | 'soaking' | 'approval' | 'passed' | 'failed';

export interface Gate {
  /** 0 to 100; null: the limits on failures decide. */
  readonly successPercent: number | null;
  readonly soakMs: number;
  readonly approval: 'nobody' | 'anybody' | 'not-starter';
}

export interface Wave {
  readonly index: number;
  readonly name: string;
  readonly gate: Gate;
  /** Failures of its hosts beyond which nothing further begins; null: the rollout's alone. */
  readonly maxFailures: number | null;
  readonly state: WaveState;
  readonly reason: string | null;
  readonly beganAtMs: number | null;
  readonly doneAtMs: number | null;
  readonly soakUntilMs: number | null;
  readonly approvedBy: string | null;
}

export interface Host {
  readonly id: string;
  readonly name: string;
  readonly wave: number;
  readonly phase: HostPhase;
  /** The step that it is at, or that it was lost in. */
  readonly step: Step | null;
  readonly reason: string | null;
  readonly code: string | null;
  /** Whether what is done to it can be taken back. */
  readonly wayBack: boolean;
  /** Null: nobody knows. */
  readonly changed: boolean | null;
  readonly rebooted: boolean;
  /** It failed, and an operator has said since then that the rollout goes on: it does not count any more. */
  readonly forgiven: boolean;
  /** An operator or the policy wants it brought back. */
  readonly back: boolean;
}

/** What was decided at the start and never changes; shares are resolved to counts. */
export interface Policy {
  readonly maxUnavailable: number;
  readonly maxFailures: number;
  readonly onFailure: 'host' | 'wave' | 'all' | 'none';
  /** The steps that exist. */
  readonly steps: readonly Step[];
  /** Whether a wave's gate has something to probe at the hosts of the wave, at others, or from here. */
  readonly soaks: { readonly hosts: boolean; readonly observers: boolean; readonly controller: boolean };
  readonly windows: readonly Window[];
  readonly freezes: readonly Freeze[];
  /** Wall time after which nothing of it begins any more. */
  readonly expiresAtMs: number;
}

export interface Window {
  /** 0 is Sunday; empty: every day. */
  readonly days: readonly number[];
  /** Minutes from midnight; where `to` is not after `from` it ends on the next day. */
  readonly from: number;
  readonly to: number;
  readonly zone: string;
}

export interface Freeze {
  /** As they were written, `2026-12-20T18:00`; in `zone`. */
  readonly from: string;
  readonly to: string;
  readonly zone: string;
  readonly reason: string;
}

export interface Rollout {
  readonly id: string;
  readonly policy: Policy;
  readonly state: RolloutState;
  readonly reason: string | null;
  readonly starter: string;
  readonly waves: readonly Wave[];
  /** In the order in which they begin. */
  readonly hosts: readonly Host[];
  /** What becomes of those that are at work when it is aborted. */
  readonly cancels: boolean;
}

/** How a run of a step ended. `code` is of its task that did not succeed; `rebooted`: one of its tasks brought the machine to another boot. */
export interface StepOutcome {
  readonly state: RunState;
  readonly reason: string | null;
  readonly code: string | null;
  readonly rebooted: boolean;
  /** Null: nobody knows. */
  readonly changed: boolean | null;
}
