import type { Outcome, RunState, TaskResult } from './job-messages.ts';
import type { RolloutEvent } from './rollout-messages.ts';

/** The streams of what happens in a job, and in a rollout. */

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

/**
 * `event: state`. `outcome`, and what is known of the tasks, is there once the state is one that a run ends in; `task`, from 0,
 * while it is `running`.
 */
export interface StateData {
  agentId: string;
  attempt: number;
  state: RunState;
  task: number | null;
  outcome: Outcome | null;
  tasks: TaskResult[];
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

/** As `EventsQuery`. */
export interface RolloutEventsQuery {
  after?: number;
  follow?: boolean;
}

/** A rollout's stream; the id of each event is its `seq`. */
export interface RolloutStreamEvents {
  rollout: RolloutEvent;
  end: EndData;
}
