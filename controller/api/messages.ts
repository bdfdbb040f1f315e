/**
 * Every body, query and reply of the operators' API, as plain data and types only, so that the command line pays nothing for them.
 * `shapes.ts` has the same as schemas; a type-level test keeps the two equal.
 *
 * Conventions: ids are lower-case hex, `…Ms` since the epoch or durations, bytes travel as base64.
 * What may be left out of a request is optional; what a reply does not know is null, so that its keys are always there.
 */

export type Role = 'viewer' | 'runner' | 'admin';

/** Who asks: the operator behind an API token. */
export interface Actor {
  name: string;
  role: Role;
}

export type Labels = Record<string, string>;

// ---------------------------------------------------------------- the controller

export interface StatusReply {
  version: string;
  fleetId: string;
  urls: string[];
  timeMs: number;
  startedAtMs: number;
  agents: { known: number; online: number; pending: number; quarantined: number };
  jobs: { running: number };
  trust: { serial: number; expiresAtMs: number };
  /** The root key is still beside the others: "muster root export" moves it away. */
  rootKeyHere: boolean;
  /** Sentences about what somebody should do. */
  warnings: string[];
}

export interface HealthReply {
  ok: true;
}

export interface ReadyReply {
  ready: boolean;
  /** Name of a check -> what is wrong, or null. */
  checks: Record<string, string | null>;
}

/** For replies that say nothing but that it was done. */
export interface Done {
  ok: true;
}

// ---------------------------------------------------------------- targets and agents

/** `targets`: names, globs, `!` exclusions. `selector`: Kubernetes' syntax. Both together mean both. */
export interface TargetQuery {
  targets?: string;
  selector?: string;
  /** `10` or `25%`. */
  limit?: string;
  /** Makes the choice that `limit` makes random, and repeatable. */
  seed?: number;
}

export interface Target {
  name: string;
  id: string;
  online: boolean;
}

export type AgentState = 'active' | 'pending' | 'quarantined';

export interface AgentSummary {
  name: string;
  id: string;
  online: boolean;
  state: AgentState;
  labels: Labels;
  /** The operating system in words, of the facts. */
  os: string | null;
  arch: string | null;
  agentVersion: string | null;
  enrolledAtMs: number;
  /** When its last session ended, or now while it is online; null: it never came. */
  lastSeenMs: number | null;
}

export interface AgentDetail extends AgentSummary {
  /** Key id of the agent's signing key, to compare with what the agent prints. */
  keyId: string;
  /** Labels that the host proposed for itself: a claim. */
  claims: Labels;
  hostname: string | null;
  address: string | null;
  onlineSinceMs: number | null;
  /** The agent's wall clock minus the controller's, as far as it is known. */
  clockSkewMs: number | null;
}

export interface LabelBody {
  set?: Labels;
  remove?: string[];
}

export interface LabelReply {
  labels: Labels;
}

export interface FactsReply {
  name: string;
  id: string;
  digest: string;
  collectedAtMs: number;
  facts: Record<string, unknown>;
}

// ---------------------------------------------------------------- join tokens and operators

export interface TokenBody {
  /** Default 15 minutes. */
  ttlMs?: number;
  /** Labels that the new agent gets; they win over what the host proposes. */
  labels?: Labels;
  /** Keys of labels that the host may propose. */
  allowLabels?: string[];
  /** How many agents may join with it; default 1. */
  uses?: number;
  /** `manual`: new agents wait for an operator. Default `auto`. */
  approve?: 'auto' | 'manual';
  /** The only name that may join with it. */
  name?: string;
}

export interface TokenReply {
  id: string;
  token: string;
  expiresAtMs: number;
}

export interface TokenSummary {
  id: string;
  state: 'open' | 'used' | 'expired' | 'revoked';
  labels: Labels;
  allowLabels: string[];
  uses: number;
  used: number;
  approve: 'auto' | 'manual';
  name: string | null;
  createdBy: string;
  createdAtMs: number;
  expiresAtMs: number;
}

export interface OperatorBody {
  name: string;
  role: Role;
  /** How long the API token lives; left out: until it is revoked. */
  ttlMs?: number;
}

export interface OperatorReply {
  id: string;
  token: string;
}

export interface OperatorSummary {
  id: string;
  name: string;
  role: Role;
  state: 'active' | 'expired' | 'revoked';
  createdAtMs: number;
  expiresAtMs: number | null;
}

// ---------------------------------------------------------------- jobs

export const RUN_STATES = [
  'queued',
  'sent',
  'accepted',
  'running',
  'succeeded',
  'failed',
  'timed-out',
  'cancelled',
  'rejected',
  'expired',
  'interrupted',
  'lost',
] as const;
export type RunState = (typeof RUN_STATES)[number];

/** `over`: every run has an outcome. */
export type JobState = 'running' | 'over';

/** Every state for itself; states that nobody is in are left out. */
export type Counts = Partial<Record<RunState, number>>;

export type TaskBody =
  | { command: { argv: string[] } }
  | { shell: { line: string } }
  | { script: { content: string; args: string[]; name: string } };

export interface JobBody extends TargetQuery {
  /** `content` of a script is base64. */
  task: TaskBody;
  /** Base64. */
  stdin?: string;
  /** How long a run may take; default one hour. */
  timeoutMs?: number;
  /** How long it waits for a host that is off; default 15 seconds. */
  ttlMs?: number;
  killGraceMs?: number;
  outputCapBytes?: number;
  user?: string;
  cwd?: string;
  env?: Record<string, string>;
  reason?: string;
}

export interface JobCreated {
  job: string;
  targets: Target[];
  /** False: this idempotency key made the job earlier. */
  created: boolean;
}

export interface JobSummary {
  job: string;
  state: JobState;
  kind: 'command' | 'shell' | 'script';
  /** The command in one line, for a list; cut where it is long. */
  title: string;
  /** How many agents. */
  targets: number;
  counts: Counts;
  actor: string;
  reason: string | null;
  createdAtMs: number;
  /** No run starts after it. */
  expiresAtMs: number;
  endedAtMs: number | null;
}

/** How a run ended. All null or zero while it has not. */
export interface Outcome {
  exitCode: number | null;
  signal: string | null;
  /** May have a fraction. */
  durationMs: number | null;
  /** What the run wrote; the controller holds the first `storedBytes` of it. */
  outputBytes: number;
  storedBytes: number;
  truncated: boolean;
  /** Why, in a sentence, and the code of the error table where it has one. */
  reason: string | null;
  code: string | null;
}

export interface RunDetail extends Outcome {
  agent: string;
  agentId: string;
  state: RunState;
  attempt: number;
  sentAtMs: number | null;
  acceptedAtMs: number | null;
  startedAtMs: number | null;
  endedAtMs: number | null;
}

export interface JobDetail extends JobSummary {
  /** What was asked for, as it was typed. */
  asked: TargetQuery;
  timeoutMs: number;
  runs: RunDetail[];
}

export interface JobsQuery {
  limit?: number;
  /** A job id: only older ones. */
  before?: string;
  state?: JobState;
}

export interface CancelBody {
  /** Only these runs; left out: all that are not over. */
  agentIds?: string[];
}

export interface CancelReply {
  cancelled: number;
}

export interface OutputQuery {
  stream?: 'stdout' | 'stderr';
}

// ---------------------------------------------------------------- the stream of a job's events

export interface EventsQuery {
  /** Only events after this sequence number; the header Last-Event-ID does the same, and the larger counts. */
  after?: number;
  /** Only this agent's events (and the job's own). */
  agentId?: string;
  /** False: what is there now, then the end. Default true. */
  follow?: boolean;
}

/** `event: output`. Bytes, not text: a character may be cut between two pieces. */
export interface OutputData {
  agentId: string;
  attempt: number;
  stream: 'stdout' | 'stderr';
  /** In its stream. */
  offset: number;
  /** In the run's output, both streams in the order of arrival. */
  position: number;
  base64: string;
  atMs: number;
}

/** `event: state`. `outcome` is there once the state is one that a run ends in. */
export interface StateData {
  agentId: string;
  attempt: number;
  state: RunState;
  outcome: Outcome | null;
  atMs: number;
}

/** `event: job`. */
export interface JobData {
  what: 'created' | 'cancelled' | 'ended';
  /** The operator who did it. */
  by: string | null;
  atMs: number;
}

/** `event: end`, the last one; it has no id. `over`: nothing follows; otherwise come back with Last-Event-ID. */
export interface EndData {
  why: 'over' | 'no-follow' | 'stopping';
  /** The last sequence number that was sent, or the one that was asked for. */
  after: number;
}

export interface StreamEvents {
  output: OutputData;
  state: StateData;
  job: JobData;
  end: EndData;
}

// ---------------------------------------------------------------- audit

export interface AuditQuery {
  after?: number;
  limit?: number;
}

export interface AuditEntry {
  seq: number;
  atMs: number;
  actor: string;
  action: string;
  subject: string | null;
  detail: Record<string, unknown>;
  hash: string;
}

export interface AuditHead {
  seq: number;
  hash: string;
  atMs: number;
  /** The controller key that signed it, and the signature, both hex; null: not signed yet. */
  keyId: string | null;
  signature: string | null;
}

export interface AuditVerifyQuery {
  /** A head that was kept elsewhere, as `SEQ:HASH`. */
  since?: string;
}

export interface AuditVerifyReply {
  ok: boolean;
  checked: number;
  head: AuditHead | null;
  firstBad: { seq: number; why: string } | null;
  /** False: without a kept head, a tail that was cut off cannot be seen. */
  tailChecked: boolean;
}

// ---------------------------------------------------------------- errors

export interface ErrorReply {
  error: {
    /** Of proto/errors.ts: the contract. */
    code: string;
    /** For people. */
    message: string;
    detail?: string;
    /** Whether the same request may succeed later without anybody changing anything. */
    retryable: boolean;
    /** Finds the detail of an `internal` error in the controller's log. */
    requestId?: string;
  };
}
