/**
 * A run is one job on one agent. This file is its state machine, whole: the states, who may follow whom, and the one
 * function that moves it.
 *
 *                                   ┌─────┐ the next task, or the next attempt
 *   queued ──> sent ──> accepted ──> running ──> succeeded failed timed-out cancelled interrupted
 *     │         │  └──────────────────^  └─(any of them straight from sent or accepted: a frame may have been lost)
 *     │         ├──> rejected, expired (on the agent's word), lost (no word by the deadline; it may have started)
 *     └──> expired (it never left), cancelled
 *   interrupted, lost ──> a real outcome that arrives later replaces them
 *
 * `expired` comes only from queued or on the agent's word: what was sent without an answer may have started, so it is lost.
 *
 * Attempts are the agent's: where an order may run again, it starts the next one by itself after an interruption and says
 * `running` with a higher count, without having said `interrupted`. The count never falls, word of an earlier attempt changes
 * nothing, and the outcome is that of the last. A run that was given up as lost or interrupted is not opened again by a later
 * attempt: that one's outcome replaces it when it is there, so that a run is over at most once before it is known.
 */
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

const REAL_OUTCOMES: readonly RunState[] = [
  'succeeded',
  'failed',
  'timed-out',
  'cancelled',
  'rejected',
  'expired',
];
const OUTCOMES: readonly RunState[] = [...REAL_OUTCOMES, 'interrupted'];

/** What may follow each state. A state that is not named here as a follower is never entered from it. */
export const TRANSITIONS: Readonly<Record<RunState, readonly RunState[]>> = {
  queued: ['sent', 'expired', 'cancelled', 'rejected'],
  sent: ['accepted', 'running', ...OUTCOMES, 'lost'],
  accepted: ['running', ...OUTCOMES, 'lost'],
  running: ['running', ...OUTCOMES, 'lost'],
  succeeded: [],
  failed: [],
  'timed-out': [],
  cancelled: [],
  rejected: [],
  expired: [],
  interrupted: REAL_OUTCOMES,
  lost: OUTCOMES,
};

const OPEN: ReadonlySet<RunState> = new Set(['queued', 'sent', 'accepted', 'running']);

/** Whether the run has no outcome yet. */
export function isOpen(state: RunState): boolean {
  return OPEN.has(state);
}

/** How a run ended, as it is stored and shown. Null: not known, or it has none. */
export interface Outcome {
  exitCode: number | null;
  signal: string | null;
  durationMs: number | null;
  outputBytes: number;
  storedBytes: number;
  truncated: boolean;
  reason: string | null;
  code: string | null;
  /** Since when its agent was away when that ended it; null: that is not why, or the agent never came. */
  awaySinceMs: number | null;
  /** Places of its output where bytes may be missing. */
  gaps: Gap[];
}

export interface Gap {
  stream: 'stdout' | 'stderr';
  /** In its stream. */
  offset: number;
}

export const NO_OUTCOME: Outcome = {
  exitCode: null,
  signal: null,
  durationMs: null,
  outputBytes: 0,
  storedBytes: 0,
  truncated: false,
  reason: null,
  code: null,
  awaySinceMs: null,
  gaps: [],
};

export interface Run {
  jobId: string;
  agentId: string;
  state: RunState;
  attempt: number;
  /** Which task runs, or ran last, from 0; null: none was said to. */
  task: number | null;
}

export interface RunEvent {
  to: RunState;
  /** The agent's count of starts; 0 where nothing started. */
  attempt: number;
  /** Of `running`. */
  task?: number;
}

/**
 * The run after the event, or undefined where the event does not apply: a repeated or late word changes nothing.
 * The only writer of a run's state.
 */
export function apply(run: Run, event: RunEvent): Run | undefined {
  if (!TRANSITIONS[run.state].includes(event.to)) return undefined;
  if (event.attempt < run.attempt) return undefined;
  const { to: state, attempt } = event;
  const task = state === 'running' ? (event.task ?? 0) : run.task;
  const goesOn = attempt > run.attempt || (task ?? 0) > (run.task ?? 0);
  if (run.state === 'running' && state === 'running' && !goesOn) return undefined;
  return { ...run, state, attempt, task };
}
