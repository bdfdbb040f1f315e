/**
 * Every body, query and reply of the operators' API, as plain data and types only, so that the command line pays nothing for them.
 * Those of jobs are in job-messages.ts. `shapes.ts` has the same as schemas; a type-level test keeps the two equal.
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
  /** Not at their end, and how many of those a failure stopped. */
  rollouts: { open: number; stopped: number };
  trust: { serial: number; expiresAtMs: number };
  /** The root key is still beside the others: "muster root export" moves it away. */
  rootKeyHere: boolean;
  storage: StorageReply;
  /** Sentences about what somebody should do. */
  warnings: string[];
}

/** What the controller keeps, and how much room there is. Null as a limit: none. */
export interface StorageReply {
  databaseBytes: number;
  /** Of them free inside it, for what comes next. */
  reusableBytes: number;
  /** Stored output. */
  outputBytes: number;
  /** Files that were uploaded. */
  contentBytes: number;
  /** Of the disk; null: not known. */
  freeBytes: number | null;
  /** Since when there is history. */
  oldestJobAtMs: number | null;
  /** Why new jobs are refused, in a sentence; null: they are not. */
  full: string | null;
  keepJobsMs: number | null;
  keepOutputMs: number | null;
  maxOutputBytes: number | null;
  reserveBytes: number;
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

/** `targets`: names, globs, `!` exclusions. `selector`: Kubernetes' syntax. All that is given has to hold; one of `targets`, `selector` and `failedOf` is needed. */
export interface TargetQuery {
  targets?: string;
  selector?: string;
  /** `10` or `25%`. */
  limit?: string;
  /** Makes the choice that `limit` makes random, and repeatable; also the order in which a batch goes. */
  seed?: number;
  /** A job's id: only those of its hosts whose run ended without success. */
  failedOf?: string;
  /** With `failedOf`: only those whose run ended in one of these states, as in `lost,expired`. */
  states?: string;
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

/** What an installer read back from a host over a channel that it had checked. Keys and epoch are hex. */
export interface RegisterBody {
  name: string;
  signKey: string;
  boxKey: string;
  epoch: string;
  labels?: Labels;
  hostname?: string;
  /** Take over the name; the agent that has it is removed. */
  replace?: boolean;
}

export interface RegisterReply {
  name: string;
  id: string;
  /** As they are afterwards. */
  labels: Labels;
  /** False: these keys are registered under this name already; the labels were set. */
  created: boolean;
  /** The id of the agent that had the name before. */
  replaced: string | null;
}

/** What an agent is pinned to, and the signed documents that it has to walk, as base64. */
export interface TrustReply {
  fleetId: string;
  rootKeyId: string;
  urls: string[];
  documents: string[];
}

export interface ReleaseBody {
  agentVersion: string;
  builds: BuildBody[];
}

/** `bundle` runs on a Node of the host, `executable` brings its own and has an arch. `sha512` is of the file, as `length`. */
export interface BuildBody {
  form: 'bundle' | 'executable';
  arch?: 'x64' | 'arm64';
  sha512: string;
  length: number;
}

/** The signed bytes, and by whom. */
export interface ReleaseReply {
  release: string;
  signatures: { keyId: string; signature: string }[];
}

export interface TokenBody {
  /** Default 15 minutes. */
  ttlMs?: number;
  /** Labels that the new agent gets; they win over what the host proposes. */
  labels?: Labels;
  /** Keys of labels that the host may propose for itself; default any (`*`). The labels above win over them. */
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
  /** Ids of the keys with which they may sign orders. */
  keys: string[];
}

// ---------------------------------------------------------------- large contents

/** `sha512` of all of its plain bytes, in hex. */
export interface ContentReply {
  sha512: string;
  /** Null while nothing is known of it. */
  length: number | null;
  /** Bytes that are here; an upload goes on there. */
  have: number;
  complete: boolean;
  /** Once it is complete: a task names it by these three. */
  key: string | null;
}

export interface ContentQuery {
  /** Where the body begins: what `have` says. */
  offset: number;
  /** Of the whole content. */
  length: number;
}

export interface PublishBody {
  /** How long anybody may download it. */
  ttlMs: number;
}

export interface PublishReply {
  sha512: string;
  length: number;
  untilMs: number;
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
