import type { ProbeBody, TaskBody, TransactionBody } from './task-messages.ts';

/** What the API says of rollouts, as messages.ts has the rest. */

/** What must hold before the next wave, beside the limits on failures. */
export interface GateBody {
  /** `95%`: at least this share of the wave's hosts is done. Left out: the limits on failures decide. */
  success?: string;
  /** How long the wave's probes must go on to hold. */
  soakMs?: number;
  /** `not-starter`: by somebody else than who started the rollout. Default nobody. */
  approval?: 'nobody' | 'anybody' | 'not-starter';
}

/** A host belongs to the first wave that means it, and waves that name hosts may not share any. */
export type WaveBody = { name?: string; gate?: GateBody; maxFailures?: string } & (
  | { size: string } // `5`, or `10%` of all hosts of the rollout; of those that no other wave names
  | { hosts: string } // names and globs
  | { selector: string }
  | { each: string } // a label: one wave for each of its values, in their order
  | { rest: true }
);

/**
 * `host`: each host probes itself. `controller`: http and tcp only; `{name}` and `{address}` in the URL or host stand for each host.
 * With targets or selector: those hosts probe, once a wave.
 */
export type ProbeFrom = 'host' | 'controller' | { targets?: string; selector?: string };

export type RolloutProbeBody = { name: string; from?: ProbeFrom } & ProbeBody;

/** Changes begin only within one of the windows, if there are any; what has begun is finished. */
export interface WindowBody {
  /** Left out: every day; of a window past midnight, the day on which it begins. */
  days?: ('mon' | 'tue' | 'wed' | 'thu' | 'fri' | 'sat' | 'sun')[];
  /** `22:00`. */
  from: string;
  /** `04:00`; where it is not after `from`, of the next day. */
  to: string;
  /** IANA: `Europe/Berlin`. */
  zone: string;
}

/** Nothing begins from `from` to `to`, whatever the windows say: `2026-12-20` or `2026-12-20T18:00`, in `zone`. */
export interface FreezeBody {
  from: string;
  to: string;
  zone: string;
  reason?: string;
}

/** What one plan says of all hosts that are alike. */
export interface PlannedHosts extends TransactionBody {
  agentIds: string[];
  /** Whether every version before can be had again. */
  wayBack: boolean;
}

export interface ChangeBody {
  kind: 'plan' | 'bundle' | 'file' | 'upgrade';
  /** What it is called in lists and in the report. */
  title: string;
  tasks: TaskBody[];
  /** Of a plan, whose hosts are those of the rollout. */
  plan?: { digest: string; madeAtMs: number; hosts: PlannedHosts[] };
}

export interface RolloutBody {
  name?: string;
  /** Left out with a plan: all hosts of it. */
  targets?: string;
  selector?: string;
  change: ChangeBody;
  /** On each host before its change, and after it: drain and undrain. */
  pre?: TaskBody[];
  post?: TaskBody[];
  /** What takes the change back; a plan has its own. */
  undo?: TaskBody[];
  /** After the change, and after what takes it back. Default if-needed for a plan, else never. */
  reboot?: 'never' | 'if-needed' | 'always';
  rebootTimeoutMs?: number;
  /** None: one wave of all. */
  waves?: WaveBody[];
  /** Of hosts within a wave; random is by `seed`. Default name. */
  order?: 'name' | 'random';
  seed?: number;
  /** Hosts that may be changing or left broken at once: `5`, or `10%` of all, rounded down and at least 1. Default 1. */
  maxUnavailable?: string;
  /** Once more than so many hosts failed nothing further begins: `3`, or `5%` of all, rounded down. Default 0. */
  maxFailures?: string;
  probes?: RolloutProbeBody[];
  /** Of every wave that has none of its own. */
  gate?: GateBody;
  /** Who is brought back by itself where a host fails: that host, the hosts of its wave, all, nobody. Default host. */
  onFailure?: 'host' | 'wave' | 'all' | 'none';
  /** Whether hosts are changed for whom there is no way back. Default refuse. */
  withoutWayBack?: 'refuse' | 'go-on';
  windows?: WindowBody[];
  freezes?: FreezeBody[];
  /** Where another rollout has one of the hosts: default refuse. */
  busy?: 'refuse' | 'wait';
  /** How long a host that is off is waited for when its turn has come; default ten minutes. */
  ttlMs?: number;
  /** Of each step on each host; default one hour. */
  timeoutMs?: number;
  /** After it nothing of the rollout begins any more: its orders expire. Default seven days. */
  lifeMs?: number;
  reason?: string;
}

/**
 * `stopped`: by a failure; it goes on by resume, rollback or abort. `aborting` and `rolling-back` end as `aborted` and `rolled-back`.
 * `succeeded`: it came to its end within its limits; the counts say who failed.
 */
export const ROLLOUT_STATES = [
  'running',
  'paused',
  'stopped',
  'aborting',
  'rolling-back',
  'succeeded',
  'aborted',
  'rolled-back',
] as const;
export type RolloutState = (typeof ROLLOUT_STATES)[number];

/** See rollouts/rollout.ts for who may follow whom. */
export const HOST_PHASES = [
  'waiting',
  'pre',
  'change',
  'check',
  'post',
  'done',
  'undo',
  'restore',
  'reverted',
  'failed',
  'drifted',
  'lost',
  'skipped',
] as const;
export type HostPhase = (typeof HOST_PHASES)[number];

/** `open`: its hosts may change. `probing`: they are over, and what its gate wants is looked at. */
export const WAVE_STATES = ['waiting', 'open', 'probing', 'soaking', 'approval', 'passed', 'failed'] as const;
export type WaveState = (typeof WAVE_STATES)[number];

export type PhaseCounts = Partial<Record<HostPhase, number>>;

export interface RolloutSummary {
  rollout: string;
  name: string;
  kind: ChangeBody['kind'];
  title: string;
  state: RolloutState;
  /** Why it stopped, or what it waits for. */
  reason: string | null;
  actor: string;
  createdAtMs: number;
  endedAtMs: number | null;
  hosts: number;
  counts: PhaseCounts;
  /** Of the wave that is at work, from 0; null before the first and after the last. */
  wave: number | null;
  waves: number;
}

export interface WaveDetail {
  index: number;
  name: string;
  state: WaveState;
  reason: string | null;
  hosts: number;
  counts: PhaseCounts;
  /** Resolved; null: the rollout's alone. */
  maxFailures: number | null;
  gate: { successPercent: number | null; soakMs: number; approval: 'nobody' | 'anybody' | 'not-starter' };
  beganAtMs: number | null;
  /** When its last host was over. */
  doneAtMs: number | null;
  soakUntilMs: number | null;
  approvedBy: string | null;
  approvedAtMs: number | null;
}

export interface HostDetail {
  agent: string;
  agentId: string;
  wave: number;
  phase: HostPhase;
  reason: string | null;
  /** Of errors.ts, where the reason is one of them. */
  code: string | null;
  wayBack: boolean;
  /** Null: nobody knows. */
  changed: boolean | null;
  rebooted: boolean;
  beganAtMs: number | null;
  endedAtMs: number | null;
}

/** The job behind a step; `soak` and `observe` have one for each wave. */
export interface StepDetail {
  step: 'pre' | 'change' | 'check' | 'post' | 'undo' | 'restore' | 'soak' | 'observe';
  wave: number | null;
  job: string;
}

export interface RolloutPolicy {
  maxUnavailable: number;
  maxFailures: number;
  onFailure: 'host' | 'wave' | 'all' | 'none';
  reboot: 'never' | 'if-needed' | 'always';
  windows: WindowBody[];
  freezes: FreezeBody[];
  busy: 'refuse' | 'wait';
  expiresAtMs: number;
}

export interface RolloutDetail extends RolloutSummary {
  /** Of the last event that is in here already: whoever follows goes on after it. */
  seq: number;
  /** By the controller's clock, when this was read: times here are told by that clock. */
  nowMs: number;
  note: string | null;
  planDigest: string | null;
  policy: RolloutPolicy;
  waveDetails: WaveDetail[];
  hostDetails: HostDetail[];
  steps: StepDetail[];
  probes: { name: string; from: string }[];
}

/** What a check finds: how the hosts fall into waves, or what is wrong with it. */
export interface RolloutChecked {
  hosts: number;
  policy: RolloutPolicy;
  waves: { name: string; hosts: string[]; gate: WaveDetail['gate'] }[];
  /** What does not keep it from being started, and is better known before. */
  warnings: string[];
}

export interface RolloutStarted {
  rollout: string;
  /** False: this idempotency key started it earlier. */
  created: boolean;
  hosts: number;
  waves: number;
}

export interface RolloutsQuery {
  limit?: number;
  /** Id of the last one of the page before. */
  before?: string;
  /** `open`: not at its end. */
  state?: 'open' | 'over';
}

export interface ReasonBody {
  reason?: string;
}
export interface AbortBody extends ReasonBody {
  /** Cancels what hosts are at; else they finish it. */
  cancel?: boolean;
}
export interface RollbackBody extends ReasonBody {
  /** Left out: every host that was changed. */
  targets?: string;
}
export interface ApproveBody extends ReasonBody {
  /** From 0; left out: the one that waits. */
  wave?: number;
}

/** One thing that happened, in the order in which it did. */
export interface RolloutEvent {
  seq: number;
  atMs: number;
  what:
    | 'created'
    | 'state'
    | 'wave'
    | 'host'
    | 'approved'
    | 'paused'
    | 'resumed'
    | 'aborted'
    | 'rollback'
    | 'probe';
  /** The state, wave's state or phase that it came to; else empty. */
  to: string;
  wave: number | null;
  agent: string | null;
  agentId: string | null;
  /** The operator, where one did it. */
  by: string | null;
  reason: string | null;
}

export interface RolloutHostReport extends HostDetail {
  /** Empty where there was no plan. */
  changes: { name: string; arch: string; before: string; planned: string; after: string }[];
}

/** What can be handed to an auditor. */
export interface RolloutReport {
  rollout: RolloutDetail;
  events: RolloutEvent[];
  hosts: RolloutHostReport[];
  madeAtMs: number;
  /** Of the audit log when this was made, as `audit head` prints it. */
  auditHead: string | null;
}
