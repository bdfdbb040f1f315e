/**
 * A rollout carries one change through many hosts. Its steps are jobs over all of its hosts, signed at its start and held: a host goes on
 * by being given its turn in the job of its next step, in the transaction that moves it here. So a controller that is killed has done
 * both or nothing, and what became of a step is what became of that run.
 *
 *   waiting ──> pre ──> change ──> check ──> post ──> done ──(it does not hold while its wave soaks)──> failed
 *                │         │          │        └──(its post fails)──> failed
 *                │         │          │
 *                │         ├──(as it was before; told by its code)──> drifted, by way of restore where a pre was
 *                │         └──────────┴──(fails, and there is a way back)──> undo ──> restore ──> reverted
 *                └──(fails)──> restore ──> failed          (no way back, or undo failed) ──> failed
 *   done, failed ──(it is wanted back, and there is a place)──> undo ──> restore ──> reverted
 *   any of pre … restore ──(no word by the deadline)──> lost ──(word after all)──> as if it had come in time
 *   waiting ──(the rollout ends, the host leaves the fleet)──> skipped
 *
 * `restore` carries out what `post` does, once the host is as it was before. Steps that there is nothing to do for are passed over.
 * Each arrow into a step is that step's one turn: none of them leads back.
 *
 *   waiting ──> open ──> probing ──> approval ──> passed      of a wave; what it has no need of it passes by
 *                │  └──> soaking ──────^ │
 *                └──(what its gate wants can not be had)──> failed ──(an operator goes on in spite of it)──> on from there
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
  /** Set when its gate begins to probe and to soak; wall time. */
  readonly soakUntilMs: number | null;
  readonly observers: Asked;
  readonly controller: Asked;
  readonly approvedBy: string | null;
  readonly approvedAtMs: number | null;
}

/** What is known of probes that are asked once: `none` as long as nobody asked; `waived`: they failed, and an operator went on. */
export type Asked = 'none' | 'asked' | 'held' | 'failed' | 'waived';

export interface Host {
  readonly id: string;
  readonly name: string;
  readonly wave: number;
  readonly phase: HostPhase;
  /** The step that it is at, was lost in, or that left it as nobody wants it; null: none, or it is as it was before. */
  readonly step: Step | null;
  /** Known before its last steps are over, and kept. */
  readonly verdict: 'failed' | 'drifted' | null;
  readonly reason: string | null;
  readonly code: string | null;
  /** Whether what is done to it can be taken back. */
  readonly wayBack: boolean;
  /** Null: nobody knows. */
  readonly changed: boolean | null;
  readonly rebooted: boolean;
  /** It failed, and an operator has said since then that the rollout goes on: it does not count any more. */
  readonly forgiven: boolean;
  /** It is wanted back as it was, or was brought back: by the policy, or by an operator. */
  readonly back: boolean;
  /** Whether it held while its wave soaked. */
  readonly soak: Asked;
}

/** What was decided at the start and never changes; shares are resolved to counts. */
export interface Policy {
  readonly maxUnavailable: number;
  readonly maxFailures: number;
  readonly onFailure: 'host' | 'wave' | 'all' | 'none';
  /** The steps that exist. */
  readonly steps: readonly Step[];
  /** Whether a wave's gate has something to probe: at the hosts of the wave (while it soaks), at others, from here. */
  readonly probes: { readonly hosts: boolean; readonly observers: boolean; readonly controller: boolean };
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

const AT_WORK: ReadonlySet<HostPhase> = new Set(STEPS);

/** Whether one of its steps has had its turn and is not over. */
export function isAtWork(host: Pick<Host, 'phase'>): boolean {
  return AT_WORK.has(host.phase);
}

/**
 * Whether it takes one of the places of `maxUnavailable`. An operator who went on without a host that is lost or broken has freed
 * its place; where word of it comes after all and it goes on, it takes one again, and nobody else begins meanwhile.
 */
export function isUnavailable(host: Host): boolean {
  return isAtWork(host) || (!host.forgiven && (host.phase === 'lost' || isLeftBroken(host)));
}

/** It failed, and is not known to be as it was before. */
export function isLeftBroken(host: Pick<Host, 'phase' | 'step'>): boolean {
  return host.phase === 'failed' && host.step !== null;
}

/** Whether it counts against `maxFailures`: from the moment at which it is known, until an operator goes on in spite of it. */
export function isFailure(host: Host): boolean {
  return !host.forgiven && (host.verdict === 'failed' || host.phase === 'lost');
}

/** Whether its undo has not had its turn, and would find something to take back. */
export function canUndo(host: Host, policy: Policy): boolean {
  return host.changed !== false && hasWayBack(host, policy);
}

/** The same, of a host that may be about to be changed. */
export function canGoBack(host: Host, policy: Policy): boolean {
  return host.step === 'pre' || host.step === 'change' ? hasWayBack(host, policy) : canUndo(host, policy);
}

function hasWayBack(host: Host, policy: Policy): boolean {
  return host.wayBack && policy.steps.includes('undo') && host.step !== 'undo' && host.step !== 'restore';
}

/** Whether all is over; a rollback may still begin another time. */
export function hasEnded(state: RolloutState): boolean {
  return state === 'succeeded' || state === 'aborted' || state === 'rolled-back';
}

/** The wave that is at work: the first that has not passed; undefined once all have. */
export function currentWave({ waves }: Pick<Rollout, 'waves'>): Wave | undefined {
  return waves.find(({ state }) => state !== 'passed');
}
