import type { Target, TargetQuery } from './messages.ts';
import type { TaskBody, TransactionBody } from './task-messages.ts';

/** What the API says of jobs and runs, as messages.ts has the rest. */

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

export interface JobBody extends TargetQuery {
  /** Carried out in order, up to the first that does not succeed. */
  tasks: TaskBody[];
  /** What package tasks apply or revert; then of every target, each named once. */
  transactions?: (TransactionBody & { agentIds: string[] })[];
  /** What the job is called in lists; left out: what its tasks are. */
  title?: string;
  /** Say what would change, change nothing. */
  check?: boolean;
  /** How long a run may take; default one hour. */
  timeoutMs?: number;
  /** How long it waits for a host that is off; default 15 seconds. */
  ttlMs?: number;
  killGraceMs?: number;
  outputCapBytes?: number;
  user?: string;
  cwd?: string;
  env?: Record<string, string>;
  /** 0 to 19. */
  nice?: number;
  /** Starts in all, where a crash interrupted it; only for what may run twice. Default 1. */
  attempts?: number;
  /** At most so many runs at once, as a rolling window: `10`, or `25%` of the targets. */
  batch?: string;
  /** Once more than so many runs ended without success, nothing further is sent: `3`, or `10%`. */
  maxFailures?: string;
  reason?: string;
}

/** What a job is done again with; what is left out is as it was. */
export interface RetryBody extends Omit<TargetQuery, 'failedOf'> {
  timeoutMs?: number;
  ttlMs?: number;
  batch?: string;
  maxFailures?: string;
  reason?: string;
}

export interface JobCreated {
  job: string;
  targets: Target[];
  /** What its tasks are called, in their order. */
  tasks: string[];
  /** False: this idempotency key made the job earlier. */
  created: boolean;
}

/** The kind of its only task, or `bundle` where it has several. */
export type JobKind =
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

export interface JobSummary {
  job: string;
  state: JobState;
  kind: JobKind;
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
  /** From then on no output of it is kept; states and outcomes are. Null: what came is kept. */
  outputPrunedAtMs: number | null;
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
  /** Since when its agent was away when that ended it; null: that is not why, or the agent never came. */
  awaySinceMs: number | null;
  /** Places, in each stream, after which bytes may be missing. */
  gaps: { stream: 'stdout' | 'stderr'; offset: number }[];
}

/** `would-change`: of a check. */
export type Change = 'changed' | 'unchanged' | 'would-change';

/** How one task of a run ended. */
export interface TaskResult {
  /** Among the job's tasks, from 0. */
  index: number;
  state: 'succeeded' | 'failed' | 'timed-out' | 'cancelled' | 'interrupted' | 'skipped';
  exitCode: number | null;
  signal: string | null;
  durationMs: number;
  /** Null: nobody knows. */
  change: Change | null;
  reason: string | null;
  /** Of errors.ts, where the reason is one of them. */
  code: string | null;
  /** Its part of the run's output, as positions. */
  outputFrom: number;
  outputTo: number;
}

export interface TaskDetail extends TaskResult {
  /** As somebody named it, or what it does. */
  name: string;
}

export interface RunDetail extends Outcome {
  agent: string;
  agentId: string;
  state: RunState;
  /** Starts so far. */
  attempt: number;
  /** Which task runs, or ran last, from 0; null: none was said to. */
  task: number | null;
  /** As far as a report told them. */
  tasks: TaskDetail[];
  /** Changed where one of its tasks changed something; null: of none it is known. */
  change: Change | null;
  /** When it might be sent; null: its turn in the batch has not come. */
  turnAtMs: number | null;
  /** Until when its host is waited for; null: it was sent, or is over. */
  sendByMs: number | null;
  /** Whether its agent is there now, and when it was last (now, while it is there); null: it never came. */
  online: boolean;
  lastSeenMs: number | null;
  /** When its agent last said something of it, output too; null: it never did. */
  wordAtMs: number | null;
  sentAtMs: number | null;
  acceptedAtMs: number | null;
  startedAtMs: number | null;
  endedAtMs: number | null;
}

export interface JobDetail extends JobSummary {
  /** What was asked for, as it was typed. */
  asked: TargetQuery;
  timeoutMs: number;
  /** What its tasks are called, in their order. */
  tasks: string[];
  /** The job whose runs it does again. */
  retryOf: string | null;
  /** How far it goes at once; null: to everybody, whatever happens. */
  pace: {
    /** At most so many runs at once; null: all. */
    batch: number | null;
    maxFailures: number | null;
    /** Runs whose turn has not come. */
    waiting: number;
  } | null;
  runs: RunDetail[];
}

/** A run that has no outcome yet. */
export type WaitingRun = Pick<
  RunDetail,
  | 'agent'
  | 'agentId'
  | 'state'
  | 'attempt'
  | 'task'
  | 'turnAtMs'
  | 'sendByMs'
  | 'online'
  | 'lastSeenMs'
  | 'wordAtMs'
  | 'sentAtMs'
>;

/** Whom a job waits for. */
export interface WaitingReply {
  /** The controller's time, which all times here are of. */
  nowMs: number;
  /** No run starts after it. */
  expiresAtMs: number;
  /** How many have no outcome; `runs` has those of which nothing was heard for the longest time, last those without a turn. */
  total: number;
  runs: WaitingRun[];
}

export interface WaitingQuery {
  /** At most so many; default 50. */
  limit?: number;
}

export interface JobsQuery {
  limit?: number;
  /** A job id: only older ones. */
  before?: string;
  state?: JobState;
}

/** Only the runs of those that all of it means; nothing said: all that are not over. */
export interface CancelBody {
  agentIds?: string[];
  targets?: string;
  selector?: string;
}

export interface PruneBody {
  /** Jobs that ended longer ago. */
  olderThanMs: number;
  /** Only their output; states and outcomes stay. Default false. */
  outputOnly?: boolean;
  /** Say what would go, remove nothing. Default false. */
  dryRun?: boolean;
}

export interface PruneReply {
  /** Jobs that go, or whose output goes. */
  jobs: number;
  /** Of their output. */
  outputBytes: number;
  /** It took too long for one answer: the same request goes on. */
  more: boolean;
}

export interface CancelReply {
  cancelled: number;
}

export interface OutputQuery {
  stream?: 'stdout' | 'stderr';
  /** Only what this task wrote, from 0; how much that is, is known once it has ended. */
  task?: number;
}
