import type { Generated } from 'kysely';
import type { Bytes, Flag, Json } from './schema.ts';

/** The tables of rollouts, as schema.ts has the rest. */

export interface Rollouts {
  id: string;
  name: string;
  kind: 'plan' | 'bundle' | 'file' | 'upgrade';
  title: string;
  note: string | null;
  state:
    | 'running'
    | 'paused'
    | 'stopped'
    | 'aborting'
    | 'rolling-back'
    | 'succeeded'
    | 'aborted'
    | 'rolled-back';
  reason: string | null;
  created_by: string;
  created_at_ms: number;
  expires_at_ms: number;
  ended_at_ms: number | null;
  hosts_count: number;
  waves_count: number;
  /** Taken once by each `created_by`. */
  idempotency_key: string | null;
  request_digest: Bytes;
  plan_digest: string | null;
  /** 1: what hosts are at is cancelled while it is aborted. */
  cancels: Generated<Flag>;
  /** rollouts/rollout.ts: Policy, and what of the request is shown again. */
  policy: Json;
  shown: Json;
  /** What it changes on hosts, by group: rollouts/report.ts; null where there was no plan. */
  changes: Json | null;
}

export interface RolloutWaves {
  rollout_id: string;
  wave: number;
  name: string;
  state: 'waiting' | 'open' | 'probing' | 'soaking' | 'approval' | 'passed' | 'failed';
  reason: string | null;
  gate: Json;
  max_failures: number | null;
  began_at_ms: number | null;
  done_at_ms: number | null;
  soak_until_ms: number | null;
  /** rollouts/rollout.ts: Asked. */
  observers: Generated<'none' | 'asked' | 'held' | 'failed' | 'waived'>;
  controller: Generated<'none' | 'asked' | 'held' | 'failed' | 'waived'>;
  approved_by: string | null;
  approved_at_ms: number | null;
}

export interface RolloutHosts {
  rollout_id: string;
  agent_id: string;
  /** In the order in which hosts begin. */
  place: number;
  agent_name: string;
  wave: number;
  phase:
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
  step: 'pre' | 'change' | 'check' | 'post' | 'undo' | 'restore' | null;
  reason: string | null;
  code: string | null;
  way_back: Flag;
  /** Null: nobody knows. */
  changed: Flag | null;
  rebooted: Generated<Flag>;
  forgiven: Generated<Flag>;
  back: Generated<Flag>;
  verdict: 'failed' | 'drifted' | null;
  soak: Generated<'none' | 'asked' | 'held' | 'failed' | 'waived'>;
  began_at_ms: number | null;
  ended_at_ms: number | null;
  /** Its group among `rollouts.changes`. */
  change_group: number | null;
}

/** The jobs of a rollout, which are pruned no earlier than it. */
export interface RolloutJobs {
  rollout_id: string;
  job_id: string;
  step: 'pre' | 'change' | 'check' | 'post' | 'undo' | 'restore' | 'soak' | 'observe';
  /** Of soak and observe. */
  wave: number | null;
}

export interface RolloutEvents {
  /** Grows, is never used twice: the cursor of every reader. */
  seq: Generated<number>;
  rollout_id: string;
  at_ms: number;
  what: string;
  /** The state, wave's state or phase that it came to; else empty. */
  to: string;
  wave: number | null;
  agent_id: string | null;
  by: string | null;
  reason: string | null;
}
