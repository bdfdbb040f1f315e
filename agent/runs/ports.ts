import type { DeliverMessage } from '../../proto/codec.ts';
import type { ErrorCode } from '../../proto/errors.ts';
import type { Opener } from '../bundle/open.ts';
import type { Policy } from '../bundle/policy.ts';
import type { Beginning, CheckedRun, Resumption, Run, RunSpec } from '../executor/run.ts';
import type { RunKey } from '../spool/journal.ts';
import type { Outbox } from '../spool/outbox.ts';
import type { ConclusionPorts } from './conclusion.ts';

/** What the runs need of the executor. */
export interface Starter {
  /** Throws MusterError for what can be known before the start. */
  check(spec: RunSpec): Promise<CheckedRun>;
  /** With `resumed` it takes up what an agent before this one started. Throws where not even that can be tried. */
  start(checked: CheckedRun, beginning: Beginning, resumed?: Resumption): Run;
  /** Whether an agent before this one came as far as to start something of this run. */
  hasBegun(run: RunKey): boolean;
}

/** What the controller is told of an order before there is a report. */
export interface RunStatus {
  /** Undefined where the order could not be read. */
  readonly jobId?: string;
  readonly orderHash: Uint8Array;
  readonly attempt: number;
  readonly state: 'accepted' | 'running' | 'refused';
  readonly code?: ErrorCode;
  readonly detail?: string;
  /** Of a run: the task that it is at. */
  readonly task?: number;
  readonly atMs: number;
}

export interface RunsPorts extends ConclusionPorts {
  readonly executor: Starter;
  readonly outbox: Outbox;
  readonly opener: Opener;
  readonly policy: Policy;
  readonly limits: RunLimits;
  /** The controller's time; undefined before the first session. */
  nowMs(): number | undefined;
  /** Room in the agent's home, in bytes. */
  freeBytes(): number;
  /** Reaches the controller if a session is up; what is lost is told again when the next one begins. */
  tell(status: RunStatus): void;
  /** This agent removes itself: it takes nothing new on. */
  isLeaving(): boolean;
  /** Of this boot of the machine. */
  readonly bootId: string;
}

export interface RunLimits {
  /** Runs at the same time. */
  readonly parallel: number;
  /** Runs that wait for their turn. */
  readonly waiting: number;
  /** Nothing is accepted with less room than this in the agent's home. */
  readonly reserveBytes: number;
}

export interface Runs {
  /** Before the first session: takes up what an agent before this one left unfinished. */
  recover(): void;
  deliver(message: DeliverMessage): Promise<void>;
  /** The bytes of a SignedOrder of kind cancel. */
  cancel(signed: Uint8Array): void;
  /** A new epoch has begun, since the journal is not what it was: what waits from before may have been started. */
  renewed(): void;
  /** A session is up, and its receipt agrees with the journal: the controller is told of every run that it has no report of. */
  resume(): void;
  /** Time or trust changed: starts what may start, ends what came too late. */
  look(): void;
  /** The controller has every report up to `seq`. */
  receipt(seq: number): void;
  stop(): void;
}
