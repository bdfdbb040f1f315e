import type { Generated, Insertable, Selectable } from 'kysely';
import type { RolloutEvents, RolloutHosts, RolloutJobs, Rollouts, RolloutWaves } from './schema-rollouts.ts';

/**
 * Every table of the controller, in one place and, for rollouts, in schema-rollouts.ts. The SQL that makes them is in migrations.ts; a test holds the two equal.
 * Ids are lower-case hex, `…_at_ms` milliseconds since the epoch, `Json` is JSON text, a flag is 0 or 1.
 */
export type Flag = 0 | 1;
export type Json = string;
export type Bytes = Uint8Array;

export type AgentState = 'active' | 'pending' | 'quarantined' | 'removed';

export type RunState =
  | 'queued'
  | 'sent'
  | 'accepted'
  | 'running'
  | 'succeeded'
  | 'failed'
  | 'timed-out'
  | 'cancelled'
  | 'rejected'
  | 'expired'
  | 'interrupted'
  | 'lost';

interface Meta {
  key: string;
  value: Bytes;
}

interface TrustDocuments {
  serial: number;
  /** The signed bytes, as they travel. */
  document: Bytes;
  changes_root: Flag;
}

interface Agents {
  id: string;
  /** Taken once among the agents that are not removed. */
  name: string;
  epoch: string;
  sign_key: Bytes;
  box_key: Bytes;
  labels: Generated<Json>;
  /** What the host says of itself. */
  claimed_labels: Generated<Json>;
  state: AgentState;
  facts: Json | null;
  facts_digest: Bytes | null;
  facts_at_ms: number | null;
  agent_version: string | null;
  hostname: string | null;
  boot_id: string | null;
  session_counter: Generated<number>;
  instance: string | null;
  /** The epoch that it had when an operator kept one of two machines: whoever still has it must renew it, or was not kept. */
  retired_epoch: string | null;
  /** 1: the machine to keep has not come yet. */
  renew: Generated<Flag>;
  enrolled_at_ms: number;
  last_seen_at_ms: number | null;
  removed_at_ms: number | null;
  /** How far its reports are stored, and the hash of the last one. */
  report_seq: Generated<number>;
  report_chain: Bytes | null;
}

interface Tokens {
  id: string;
  secret_hash: Bytes;
  created_at_ms: number;
  expires_at_ms: number;
  uses: number;
  uses_left: number;
  labels: Generated<Json>;
  allow_labels: Generated<Json>;
  approve: 'auto' | 'manual';
  /** The only name that may join with it. */
  name: string | null;
  created_by: string;
  revoked_at_ms: number | null;
}

interface TokenGrants {
  token_id: string;
  agent_id: string;
  grant: Bytes;
}

interface Operators {
  id: string;
  /** Taken once among the operators that are not revoked. */
  name: string;
  role: 'viewer' | 'runner' | 'admin';
  token_hash: Bytes;
  created_at_ms: number;
  expires_at_ms: number | null;
  revoked_at_ms: number | null;
  last_used_at_ms: number | null;
}

interface Jobs {
  id: string;
  kind:
    | 'command'
    | 'shell'
    | 'script'
    | 'file'
    | 'tree'
    | 'service'
    | 'reboot'
    | 'collect'
    | 'upgrade'
    | 'uninstall'
    | 'packages'
    | 'probe'
    | 'bundle';
  /** The command in one line, for lists: `request` may be large. */
  title: Generated<string>;
  reason: string | null;
  created_by: string;
  created_at_ms: number;
  /** No run starts after it. */
  expires_at_ms: number;
  timeout_ms: number;
  kill_grace_ms: number;
  output_cap_bytes: number;
  targets_count: number;
  /** Runs without an outcome; the job is over when none is left. */
  open_runs: number;
  /** Taken once by each `created_by`. */
  idempotency_key: string | null;
  request_digest: Bytes;
  ended_at_ms: number | null;
  /** From then on no output of it is kept. */
  output_pruned_at_ms: number | null;
  order_hash: Bytes;
  /** How often its order lets an agent start it. */
  attempts: number;
  // Large from here on: columns before are read without touching these pages.
  request: Json;
  /** The job whose runs it does again. */
  retry_of: string | null;
}

/** Of jobs that do not go to everybody at once, or that give up after too many failures. */
interface Pace {
  job_id: string;
  /** At most so many runs at once; null: all; 0: whoever had the job made gives each its turn. */
  batch: number | null;
  /** Once more than so many ended without success, nothing further is sent; null: whatever happens. */
  max_failures: number | null;
  /** How long a host is waited for, from when its turn comes. */
  ttl_ms: number;
  /** Runs that are not over and whose turn has not come. It changes with `runs.turn_at_ms` and `runs.ended_at_ms`. */
  waiting: number;
}

/** What an unfinished job still sends; erased when it is over, so that what an order held in secret does not stay in the history. */
interface Bundles {
  job_id: string;
  /** K, sealed. */
  key_box: Bytes;
  ciphertext: Bytes;
}

/** Bytes of an unfinished job for one of its agents alone, sealed as K is; erased with it. */
interface RunParams {
  job_id: string;
  agent_id: string;
  box: Bytes;
}

interface Runs {
  job_id: string;
  agent_id: string;
  target_index: number;
  /** Name and epoch as they were when the job was made. */
  agent_name: string;
  agent_epoch: string;
  state: RunState;
  attempt: Generated<number>;
  reason: string | null;
  code: string | null;
  exit_code: number | null;
  signal: string | null;
  /** May have a fraction. */
  duration_ms: number | null;
  output_bytes: Generated<number>;
  output_stored: Generated<number>;
  truncated: Generated<Flag>;
  sent_at_ms: number | null;
  accepted_at_ms: number | null;
  started_at_ms: number | null;
  /** Null exactly while the run is queued, sent, accepted or running: the indexes of open runs rest on it. */
  ended_at_ms: number | null;
  /** When the controller stops waiting; null once the run is over. */
  deadline_at_ms: number | null;
  /** An operator wants it to end; the agent is told as soon as it can be. */
  cancel_requested: Generated<Flag>;
  /** Where the agent has to go on sending output. */
  output_position: Generated<number>;
  report_seq: number | null;
  /** When it might be sent; null: its turn in the batch has not come. On the scale of deadlines (jobs/steady.ts). */
  turn_at_ms: number | null;
  /** Which task runs, or ran last, from 0; null: none was said to. */
  task: number | null;
  /** What its report says of each task (jobs/results.ts); null: no report came, or it says nothing of them. */
  results: Json | null;
  /** When its agent last said something of it, output too. */
  word_at_ms: number | null;
  /** Since when the agent was away when that ended the run. */
  away_since_ms: number | null;
  /** Places of its output where bytes may be missing. */
  gaps: Generated<Json>;
}

/** How many runs of a job are in each state, so that a list of jobs reads no runs. It changes with `runs.state`. */
interface RunCounts {
  job_id: string;
  state: RunState;
  /** May be 0. */
  runs: number;
}

interface RunEvents {
  /** Grows, is never used twice: the cursor of every reader. */
  seq: Generated<number>;
  job_id: string;
  /** Null: of the job itself. */
  agent_id: string | null;
  kind: 'state' | 'output' | 'job';
  at_ms: number;
  state: RunState | null;
  attempt: number | null;
  stream: 'stdout' | 'stderr' | null;
  /** In its stream. */
  offset: number | null;
  /** In the run's log of both streams. */
  position: number | null;
  data: Bytes | null;
  body: Json | null;
}

/** What would take a walk through a large table to find out; triggers keep it. */
interface Usage {
  /** `output`: all stored output. */
  name: string;
  bytes: number;
}

interface Reports {
  agent_id: string;
  epoch: string;
  report_seq: number;
  job_id: string;
  /** The bytes that the agent signed. */
  report: Bytes;
  signature: Bytes;
  /** 0: not checked yet, 1: the signature verifies, 2: it does not. */
  verified: Generated<0 | 1 | 2>;
}

interface Audit {
  seq: number;
  at_ms: number;
  actor: string;
  action: string;
  /** The JSON text that is hashed; the columns beside it repeat what is in it. */
  entry: string;
  previous: Bytes;
  hash: Bytes;
}

interface AuditHeads {
  seq: number;
  hash: Bytes;
  at_ms: number;
  controller_key_id: string;
  signature: Bytes;
}

/** Large contents that were uploaded; the sealed bytes are in files beside the database. */
interface Contents {
  /** Of the plain bytes, in hex. */
  sha512: string;
  length: number;
  /** The content's key, sealed under a key outside the database. */
  key_box: Bytes;
  state: 'partial' | 'complete';
  created_at_ms: number;
  used_at_ms: number;
  /** Until then anybody may download it; an operator said so. */
  public_until_ms: number | null;
}

/** What jobs name, also by way of a tree's manifest. */
interface JobContents {
  job_id: string;
  sha512: string;
}

export interface Tables {
  meta: Meta;
  trust_documents: TrustDocuments;
  agents: Agents;
  tokens: Tokens;
  token_grants: TokenGrants;
  operators: Operators;
  jobs: Jobs;
  bundles: Bundles;
  pace: Pace;
  run_params: RunParams;
  runs: Runs;
  run_counts: RunCounts;
  run_events: RunEvents;
  usage: Usage;
  reports: Reports;
  audit: Audit;
  audit_heads: AuditHeads;
  contents: Contents;
  job_contents: JobContents;
  rollouts: Rollouts;
  rollout_waves: RolloutWaves;
  rollout_hosts: RolloutHosts;
  rollout_jobs: RolloutJobs;
  rollout_events: RolloutEvents;
}

export type Table = keyof Tables;
/** A whole row as it is read: `Row<'jobs'>`. */
export type Row<T extends Table> = Selectable<Tables[T]>;
/** A row as it is inserted: what may be null or has a default may be left out. */
export type NewRow<T extends Table> = Insertable<Tables[T]>;
