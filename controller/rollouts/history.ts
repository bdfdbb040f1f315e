/** What is told of rollouts: lists, one of them, and the pages of its history that live views and replays read alike. */
import type { Clock } from '../../proto/clock.ts';
import { MusterError } from '../../proto/errors.ts';
import type { Database } from '../db/database.ts';
import type { OwnProbe } from './probing.ts';
import type { FreezeRequest, WindowRequest } from './request.ts';
import type { Gate, HostPhase, Policy, RolloutState, Step, WaveState } from './rollout.ts';
import {
  type HostRow,
  hostsOfRollout,
  jobsOfRollout,
  lastRolloutEvent,
  openRolloutStates,
  openRollouts,
  overRolloutsBefore,
  phasesOfRollout,
  type RolloutRow,
  rolloutById,
  rolloutEventsAfter,
  rolloutsBefore,
  type WaveRow,
  wavesOfRollout,
} from './store.ts';

export type PhaseCounts = Partial<Record<HostPhase, number>>;

export interface RolloutSummary {
  rollout: string;
  name: string;
  kind: 'plan' | 'bundle' | 'file' | 'upgrade';
  title: string;
  state: RolloutState;
  reason: string | null;
  actor: string;
  createdAtMs: number;
  endedAtMs: number | null;
  hosts: number;
  counts: PhaseCounts;
  /** That is at work; null before the first and after the last. */
  wave: number | null;
  waves: number;
}

export interface WaveDetail {
  index: number;
  name: string;
  state: WaveState;
  reason: string | null;
  hosts: number;
  counts: PhaseCounts;
  maxFailures: number | null;
  gate: Gate;
  beganAtMs: number | null;
  doneAtMs: number | null;
  soakUntilMs: number | null;
  approvedBy: string | null;
  approvedAtMs: number | null;
}

export interface HostDetail {
  agent: string;
  agentId: string;
  wave: number;
  phase: HostPhase;
  reason: string | null;
  code: string | null;
  wayBack: boolean;
  changed: boolean | null;
  rebooted: boolean;
  beganAtMs: number | null;
  endedAtMs: number | null;
}

/** As it was asked for, resolved to counts. */
export interface ShownPolicy {
  maxUnavailable: number;
  maxFailures: number;
  onFailure: Policy['onFailure'];
  reboot: 'never' | 'if-needed' | 'always';
  windows: WindowRequest[];
  freezes: FreezeRequest[];
  busy: 'refuse' | 'wait';
  expiresAtMs: number;
}

export interface RolloutDetail extends RolloutSummary {
  /** Of the last event that is in here already. */
  seq: number;
  nowMs: number;
  note: string | null;
  planDigest: string | null;
  policy: ShownPolicy;
  waveDetails: WaveDetail[];
  hostDetails: HostDetail[];
  steps: { step: Step | 'soak' | 'observe'; wave: number | null; job: string }[];
  probes: { name: string; from: string }[];
}

export const EVENTS = [
  'created',
  'state',
  'wave',
  'host',
  'approved',
  'paused',
  'resumed',
  'aborted',
  'rollback',
  'probe',
] as const;
export type EventKind = (typeof EVENTS)[number];

export interface RolloutEvent {
  seq: number;
  atMs: number;
  what: EventKind;
  to: string;
  wave: number | null;
  agent: string | null;
  agentId: string | null;
  by: string | null;
  reason: string | null;
}

/** What of a request is shown again, beside its policy. */
export interface Shown {
  reboot: ShownPolicy['reboot'];
  windows: WindowRequest[];
  freezes: FreezeRequest[];
  busy: ShownPolicy['busy'];
  probes: RolloutDetail['probes'];
  /** Those of the controller itself. */
  own: OwnProbe[];
  /** Which tasks of a step bring the machine to another boot. */
  reboots: { change: number[]; undo: number[] };
}

export interface RolloutHistory {
  list(query: { limit: number; before?: string; state?: 'open' | 'over' }): Promise<RolloutSummary[]>;
  show(rollout: string): Promise<RolloutDetail>;
  summary(rollout: string): Promise<RolloutSummary>;
  events(
    rollout: string,
    afterSeq: number,
    limit: number,
  ): Promise<{ events: RolloutEvent[]; over: boolean }>;
  /** Of those that are not at their end. */
  figures(): Promise<{ open: number; stopped: number }>;
}

export function createHistory({ db, clock }: { db: Database; clock: Clock }): RolloutHistory {
  async function find(id: string): Promise<RolloutRow> {
    const [row] = await db.read(rolloutById({ id }));
    if (!row) throw new MusterError('no-such-rollout', id);
    return row;
  }

  async function page(query: { limit: number; before?: string; state?: 'open' | 'over' }) {
    if (query.state === 'open') {
      const open = (await db.read(openRollouts())).reverse();
      const from = query.before ? open.findIndex((row) => row.id === query.before) + 1 : 0;
      return open.slice(from, from + query.limit);
    }
    let edge = { atMs: Number.MAX_SAFE_INTEGER, id: '' };
    if (query.before) {
      const row = await find(query.before);
      edge = { atMs: row.created_at_ms, id: row.id };
    }
    const rows = query.state === 'over' ? overRolloutsBefore : rolloutsBefore;
    return db.read(rows({ ...edge, limit: query.limit }));
  }

  async function summaryOf(row: RolloutRow): Promise<RolloutSummary> {
    const waves = await db.read(wavesOfRollout({ id: row.id }));
    return summaryFrom(row, waves, countsOf(await db.read(phasesOfRollout({ id: row.id }))));
  }

  return {
    async list(query) {
      return Promise.all((await page(query)).map(summaryOf));
    },
    summary: async (id) => summaryOf(await find(id)),
    async show(id) {
      // Before the rest: what happens meanwhile is told once more, and never left out.
      const [last] = await db.read(lastRolloutEvent({ id }));
      const row = await find(id);
      const waves = await db.read(wavesOfRollout({ id }));
      const phases = await db.read(phasesOfRollout({ id }));
      const jobs = await db.read(jobsOfRollout({ id }));
      const policy = JSON.parse(row.policy) as Policy;
      const { probes, ...shown } = JSON.parse(row.shown) as Shown;
      return {
        ...summaryFrom(row, waves, countsOf(phases)),
        seq: last?.seq ?? 0,
        nowMs: clock.now(),
        note: row.note,
        planDigest: row.plan_digest,
        policy: {
          maxUnavailable: policy.maxUnavailable,
          maxFailures: policy.maxFailures,
          onFailure: policy.onFailure,
          reboot: shown.reboot,
          windows: shown.windows,
          freezes: shown.freezes,
          busy: shown.busy,
          expiresAtMs: row.expires_at_ms,
        },
        waveDetails: waves.map((wave) =>
          waveDetail(wave, countsOf(phases.filter((one) => one.wave === wave.wave))),
        ),
        hostDetails: (await db.read(hostsOfRollout({ id }))).map(hostDetail),
        steps: jobs.map(({ step, wave, job_id: job }) => ({ step, wave, job })),
        probes: probes.map(({ name, from }) => ({ name, from })),
      };
    },
    async events(id, afterSeq, limit) {
      // First whether it is over, then the page: what ends in between is found over at the next page.
      const { ended_at_ms } = await find(id);
      const rows = await db.read(rolloutEventsAfter({ id, after: afterSeq, limit }));
      return {
        events: rows.map((row) => ({
          seq: row.seq,
          atMs: row.at_ms,
          what: row.what as EventKind,
          to: row.to,
          wave: row.wave,
          agent: row.agent_name,
          agentId: row.agent_id,
          by: row.by,
          reason: row.reason,
        })),
        over: ended_at_ms !== null,
      };
    },
    async figures() {
      const states = await db.read(openRolloutStates());
      const sum = (rows: typeof states): number => rows.reduce((total, row) => total + row.rollouts, 0);
      return { open: sum(states), stopped: sum(states.filter((row) => row.state === 'stopped')) };
    },
  };
}

function countsOf(phases: readonly { phase: HostPhase; hosts: number }[]): PhaseCounts {
  const counts: PhaseCounts = {};
  for (const { phase, hosts } of phases) counts[phase] = (counts[phase] ?? 0) + hosts;
  return counts;
}

function summaryFrom(row: RolloutRow, waves: readonly WaveRow[], counts: PhaseCounts): RolloutSummary {
  return {
    rollout: row.id,
    name: row.name,
    kind: row.kind,
    title: row.title,
    state: row.state,
    reason: row.reason,
    actor: row.created_by,
    createdAtMs: row.created_at_ms,
    endedAtMs: row.ended_at_ms,
    hosts: row.hosts_count,
    counts,
    wave: waves.find((wave) => wave.state !== 'passed' && wave.state !== 'waiting')?.wave ?? null,
    waves: row.waves_count,
  };
}

function waveDetail(wave: WaveRow, counts: PhaseCounts): WaveDetail {
  return {
    index: wave.wave,
    name: wave.name,
    state: wave.state,
    reason: wave.reason,
    hosts: Object.values(counts).reduce((sum, hosts) => sum + hosts, 0),
    counts,
    maxFailures: wave.max_failures,
    gate: JSON.parse(wave.gate) as Gate,
    beganAtMs: wave.began_at_ms,
    doneAtMs: wave.done_at_ms,
    soakUntilMs: wave.soak_until_ms,
    approvedBy: wave.approved_by,
    approvedAtMs: wave.approved_at_ms,
  };
}

export function hostDetail(host: HostRow): HostDetail {
  return {
    agent: host.agent_name,
    agentId: host.agent_id,
    wave: host.wave,
    phase: host.phase,
    reason: host.reason,
    code: host.code,
    wayBack: host.way_back === 1,
    changed: host.changed === null ? null : host.changed === 1,
    rebooted: host.rebooted === 1,
    beganAtMs: host.began_at_ms,
    endedAtMs: host.ended_at_ms,
  };
}
