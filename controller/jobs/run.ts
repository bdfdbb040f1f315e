/**
 * A run is one job on one agent. This file is its state machine, whole: the states, who may follow whom, and the one
 * function that moves it.
 *
 *   queued ──> sent ──> accepted ──> running ──> succeeded failed timed-out cancelled interrupted
 *     │         │  └──────────────────^  └─(any of them straight from sent or accepted: a frame may have been lost)
 *     │         ├──> rejected, expired (on the agent's word), lost (no word by the deadline; it may have started)
 *     └──> expired (it never left), cancelled
 *   interrupted, lost ──> a real outcome that arrives later replaces them
 *
 * `expired` comes only from queued or on the agent's word: what was sent without an answer may have started, so it is lost.
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
  running: [...OUTCOMES, 'lost'],
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
};

export interface Run {
  jobId: string;
  agentId: string;
  state: RunState;
  attempt: number;
}

export interface RunEvent {
  to: RunState;
  /** The agent's count of starts; 0 where nothing started. */
  attempt: number;
}

/**
 * The run after the event, or undefined where the event does not apply: a repeated or late word changes nothing.
 * The only writer of a run's state.
 */
export function apply(run: Run, event: RunEvent): Run | undefined {
  if (!TRANSITIONS[run.state].includes(event.to)) return undefined;
  if (event.attempt < run.attempt) return undefined;
  return { ...run, state: event.to, attempt: event.attempt };
}
