import type {
  CancelBody,
  Counts,
  JobBody,
  JobCreated,
  JobDetail,
  JobState,
  JobSummary,
  JobsQuery,
  Outcome,
  PruneBody,
  PruneReply,
  RetryBody,
  RunState,
  TaskResult,
  WaitingReply,
} from './job-messages.ts';
import type {
  Actor,
  AgentDetail,
  AgentSummary,
  AuditEntry,
  AuditHead,
  AuditVerifyReply,
  ContentReply,
  FactsReply,
  Labels,
  OperatorReply,
  OperatorSummary,
  PublishReply,
  RegisterBody,
  RegisterReply,
  ReleaseBody,
  ReleaseReply,
  Role,
  StatusReply,
  StorageReply,
  Target,
  TargetQuery,
  TokenReply,
  TokenSummary,
  TrustReply,
} from './messages.ts';
import type {
  AbortBody,
  ApproveBody,
  ReasonBody,
  RollbackBody,
  RolloutBody,
  RolloutChecked,
  RolloutDetail,
  RolloutEvent,
  RolloutReport,
  RolloutStarted,
  RolloutSummary,
  RolloutsQuery,
} from './rollout-messages.ts';
import type { DraftTarget, KeysRevoked, OperatorKeyReply, OperatorRevoked } from './signing-messages.ts';

/**
 * What this door asks of the features, declared at its side; `serve.ts` joins the two.
 * Every verb may throw a MusterError, which becomes the reply; anything else becomes `internal`.
 */
export interface ApiVerbs {
  readonly status: () => Promise<StatusReply>;
  readonly targets: TargetVerbs;
  readonly agents: AgentVerbs;
  readonly tokens: TokenVerbs;
  readonly fleet: FleetVerbs;
  readonly jobs: JobVerbs;
  readonly rollouts: RolloutVerbs;
  readonly contents: ContentVerbs;
  readonly retention: RetentionVerbs;
  readonly operators: OperatorVerbs;
  readonly audit: AuditVerbs;
  /** For the metrics page: cheap, since it is asked every few seconds. */
  readonly figures: () => Promise<FleetFigures>;
}

export interface TargetVerbs {
  /** Who would be meant, by name. Nobody is an empty list. Throws bad-target, bad-selector. */
  match(query: TargetQuery): Promise<Target[]>;
}

export interface AgentVerbs {
  list(query: Pick<TargetQuery, 'targets' | 'selector'>): Promise<AgentSummary[]>;
  /** Throws no-such-agent. */
  show(nameOrId: string): Promise<AgentDetail>;
  /** Answers with the labels as they are afterwards. */
  label(agentId: string, set: Labels, remove: readonly string[], by: Actor): Promise<Labels>;
  /** Lets a pending or quarantined agent in; an active one stays as it is. */
  approve(agentId: string, by: Actor): Promise<void>;
  remove(agentId: string, by: Actor): Promise<void>;
  /** Throws bad-key, bad-name, name-taken, agent-removed, bad-request. */
  register(body: RegisterBody, by: Actor): Promise<RegisterReply>;
  /** Throws no-such-agent; not-found while an agent has not sent its facts. */
  facts(nameOrId: string): Promise<FactsReply>;
}

export interface FleetVerbs {
  trust(): Promise<TrustReply>;
  /** Throws bad-request; release-key-away where the key is not on this machine. */
  signRelease(release: ReleaseBody, by: Actor): Promise<ReleaseReply>;
}

export interface TokenRequest {
  ttlMs: number;
  labels: Labels;
  allowLabels: string[];
  uses: number;
  approve: 'auto' | 'manual';
  name?: string;
}

export interface TokenVerbs {
  create(request: TokenRequest, by: Actor): Promise<TokenReply>;
  list(): Promise<TokenSummary[]>;
  /** Throws no-such-token. */
  revoke(id: string, by: Actor): Promise<void>;
}

/** A job as it was asked for, with the defaults filled in. */
export interface JobRequest extends JobBody {
  timeoutMs: number;
  ttlMs: number;
  idempotencyKey?: string;
}

/** One row of a job's history. `seq` grows in the order of commit, over all jobs. */
export type RunEvent =
  | {
      kind: 'output';
      seq: number;
      agentId: string;
      attempt: number;
      stream: 'stdout' | 'stderr';
      offset: number;
      position: number;
      data: Uint8Array;
      atMs: number;
    }
  | {
      kind: 'state';
      seq: number;
      agentId: string;
      attempt: number;
      state: RunState;
      /** Which one, of a run that is running. */
      task: number | null;
      /** Null until the state is one that a run ends in. */
      outcome: Outcome | null;
      tasks: TaskResult[];
      atMs: number;
    }
  | { kind: 'job'; seq: number; what: 'created' | 'cancelled' | 'ended'; by: string | null; atMs: number };

export interface EventPage {
  /** Oldest first, at most `limit`. */
  events: RunEvent[];
  /** Every run had an outcome when the page was read. */
  over: boolean;
  /** Up to it nothing is left but rows of other agents: the next page goes on behind it. Left out: up to the last of its events. */
  readTo?: number;
}

/** Of one run: its starts so far, what is known of its tasks, and what is left of its output. */
export interface RunProgress {
  attempt: number;
  tasks: TaskResult[];
  state: RunState;
  storedBytes: number;
  outputPrunedAtMs: number | null;
}

/** What would be ordered: bytes of an order, and whom it is for. */
export interface JobDraft {
  job: string;
  untilMs: number;
  order: Uint8Array;
  targets: DraftTarget[];
}

export interface JobVerbs {
  create(request: JobRequest, by: Actor): Promise<JobCreated>;
  /** Throws signer-unknown, signer-revoked, signer-not-allowed, and as create. */
  draft(
    request: JobRequest,
    by: Actor,
    signer: Uint8Array,
  ): Promise<{ draft: JobDraft } | { made: JobCreated }>;
  /** Throws draft-over, order-signature, and as draft. */
  submit(
    jobId: string,
    signature: { keyId: Uint8Array; signature: Uint8Array },
    by: Actor,
  ): Promise<JobCreated>;
  /** A new job that does the same where it did not succeed. Throws no-such-job, retry-incomplete, nobody-matched. */
  retry(jobId: string, request: RetryBody & { idempotencyKey?: string }, by: Actor): Promise<JobCreated>;
  /** Throws no-such-job, job-over. Nothing said: every run that is not over. */
  cancel(jobId: string, by: Actor, only?: CancelBody): Promise<{ cancelled: number }>;
  list(query: JobsQuery & { limit: number }): Promise<JobSummary[]>;
  /** Throws no-such-job. */
  show(jobId: string): Promise<JobDetail>;
  /** Throws no-such-job. */
  waiting(jobId: string, limit: number): Promise<WaitingReply>;
  /**
   * The page of history after `afterSeq`. Throws no-such-job.
   * With agentId, rows of other agents may be left out; the caller leaves them out in any case.
   */
  events(jobId: string, afterSeq: number, limit: number, agentId?: string): Promise<EventPage>;
  /** Throws no-such-job, no-such-agent. */
  progress(jobId: string, agentId: string): Promise<RunProgress>;
}

/** Those that act answer with the rollout as it is then, and throw no-such-rollout, rollout-state. */
export interface RolloutOrders {
  rollout: string;
  untilMs: number;
  soaksMs: number[];
  orders: { what: string; order: Uint8Array; targets: number[] }[];
  targets: { name: string; id: string; epoch: string }[];
}

export interface RolloutVerbs {
  /** Throws bad-request, bad-target, bad-selector, nobody-matched, no-way-back, host-busy, forbidden. */
  check(body: RolloutBody, by: Actor): Promise<RolloutChecked>;
  /** Whole or not at all. Throws as check, and too-large, no-such-content, store-full, idempotency-conflict. */
  start(body: RolloutBody, by: Actor, idempotencyKey?: string): Promise<RolloutStarted>;
  /** What would be ordered, to be signed. Throws as start, and signer-unknown, signer-revoked, signer-not-allowed. */
  draft(
    body: RolloutBody,
    by: Actor,
    signer: Uint8Array,
    idempotencyKey?: string,
  ): Promise<{ draft: RolloutOrders } | { made: RolloutStarted }>;
  /** Throws draft-over, order-signature, and as draft. */
  submit(
    rollout: string,
    signatures: readonly { keyId: Uint8Array; signature: Uint8Array }[],
    by: Actor,
  ): Promise<RolloutStarted>;
  list(query: RolloutsQuery & { limit: number }): Promise<RolloutSummary[]>;
  /** Throws no-such-rollout. */
  show(rollout: string): Promise<RolloutDetail>;
  /** Throws no-such-rollout. */
  report(rollout: string): Promise<RolloutReport>;
  /** What happened after `afterSeq`, oldest first; `over`: nothing follows. Throws no-such-rollout. */
  events(
    rollout: string,
    afterSeq: number,
    limit: number,
  ): Promise<{ events: RolloutEvent[]; over: boolean }>;
  pause(rollout: string, body: ReasonBody, by: Actor): Promise<RolloutSummary>;
  resume(rollout: string, body: ReasonBody, by: Actor): Promise<RolloutSummary>;
  /** Throws forbidden where it takes somebody else than who started it. */
  approve(rollout: string, body: ApproveBody, by: Actor): Promise<RolloutSummary>;
  abort(rollout: string, body: AbortBody, by: Actor): Promise<RolloutSummary>;
  /** Throws bad-target, nobody-matched. */
  rollback(rollout: string, body: RollbackBody, by: Actor): Promise<RolloutSummary>;
}

export interface ContentVerbs {
  show(sha512: string): Promise<ContentReply>;
  /** Takes as much of `body` as there is. Throws bad-request, content-mismatch, store-full, try-later. */
  put(
    upload: { sha512: string; offset: number; length: number; body: AsyncIterable<Uint8Array> },
    by: Actor,
  ): Promise<ContentReply>;
  /** Throws no-such-content, bad-request. */
  publish(sha512: string, ttlMs: number, by: Actor): Promise<PublishReply>;
  /** What anybody may have. Throws not-found. */
  download(sha512: string): Promise<{ length: number; pieces(from: number): AsyncGenerator<Uint8Array> }>;
}

export interface RetentionVerbs {
  prune(request: Required<PruneBody>, by: Actor): Promise<PruneReply>;
}

export interface OperatorVerbs {
  /** Throws name-taken. */
  add(request: { name: string; role: Role; ttlMs?: number }, by: Actor): Promise<OperatorReply>;
  list(): Promise<OperatorSummary[]>;
  /** Throws no-such-operator. */
  revoke(name: string, by: Actor): Promise<Omit<OperatorRevoked, 'ok'>>;
  /** Throws no-such-operator, bad-key, bad-request, root-key-away. */
  trust(name: string, publicKey: Uint8Array, by: Actor): Promise<OperatorKeyReply>;
  /** Throws not-found, root-key-away. */
  untrust(name: string, by: Actor, keyId?: string): Promise<KeysRevoked>;
  /** Undefined: unknown, expired or revoked; which of them is nobody's business. */
  authenticate(token: string): Promise<Actor | undefined>;
}

export interface AuditVerbs {
  list(query: { afterSeq: number; limit: number }): Promise<AuditEntry[]>;
  verify(since?: { seq: number; hash: string }): Promise<AuditVerifyReply>;
  head(): Promise<AuditHead>;
}

export interface FleetFigures {
  agents: { state: string; online: boolean; count: number }[];
  runs: Counts;
  jobs: Record<JobState, number>;
  rollouts: { open: number; stopped: number };
  /** Transactions that the store has committed since the start. */
  commits: number;
  storage: StorageReply;
}
