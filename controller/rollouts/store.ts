/** This feature's SQL, one function per statement. */
import { insertMany, k, type Params, query, sql, statement } from '../db/compile.ts';
import type { Flag, Row } from '../db/schema.ts';
import type { Asked, HostPhase, RolloutState, Step, WaveState } from './rollout.ts';

export type RolloutRow = Omit<Row<'rollouts'>, 'changes'>;
export type WaveRow = Row<'rollout_waves'>;
export type HostRow = Row<'rollout_hosts'>;
export type RolloutJobRow = Row<'rollout_jobs'>;

const ROLLOUT_COLUMNS = [
  'id',
  'name',
  'kind',
  'title',
  'note',
  'state',
  'reason',
  'created_by',
  'created_at_ms',
  'expires_at_ms',
  'ended_at_ms',
  'hosts_count',
  'waves_count',
  'idempotency_key',
  'request_digest',
  'plan_digest',
  'cancels',
  'policy',
  'shown',
] as const;

export const insertRollouts = insertMany('rollouts', [...ROLLOUT_COLUMNS, 'changes']);
export const insertWaves = insertMany('rollout_waves', [
  'rollout_id',
  'wave',
  'name',
  'state',
  'gate',
  'max_failures',
]);
export const insertHosts = insertMany('rollout_hosts', [
  'rollout_id',
  'agent_id',
  'place',
  'agent_name',
  'wave',
  'phase',
  'way_back',
  'changed',
  'change_group',
]);
export const insertRolloutJobs = insertMany('rollout_jobs', ['rollout_id', 'job_id', 'step', 'wave']);
export const insertRolloutEvents = insertMany('rollout_events', [
  'rollout_id',
  'at_ms',
  'what',
  'to',
  'wave',
  'agent_id',
  'by',
  'reason',
]);

export const rolloutById = query((p: Params<{ id: string }>) =>
  k.selectFrom('rollouts').select(ROLLOUT_COLUMNS).where('id', '=', p('id')),
);

export const rolloutByKey = query((p: Params<{ by: string; key: string }>) =>
  k
    .selectFrom('rollouts')
    .select(ROLLOUT_COLUMNS)
    .where('created_by', '=', p('by'))
    .where('idempotency_key', '=', p('key'))
    .where('idempotency_key', 'is not', null),
);

/** Those that are not at their end, oldest first. */
export const openRollouts = query(() =>
  k
    .selectFrom('rollouts')
    .select(ROLLOUT_COLUMNS)
    .where('ended_at_ms', 'is', null)
    .orderBy('created_at_ms')
    .orderBy('id'),
);

export const changesOfRollout = query((p: Params<{ id: string }>) =>
  k.selectFrom('rollouts').select('changes').where('id', '=', p('id')),
);

const before = (over: boolean) => (p: Params<{ atMs: number; id: string; limit: number }>) =>
  k
    .selectFrom('rollouts')
    .select(ROLLOUT_COLUMNS)
    .where(({ eb, and, or }) =>
      or([
        eb('created_at_ms', '<', p('atMs')),
        and([eb('created_at_ms', '=', p('atMs')), eb('id', '<', p('id'))]),
      ]),
    )
    .$if(over, (some) => some.where('ended_at_ms', 'is not', null))
    .orderBy('created_at_ms', 'desc')
    .orderBy('id', 'desc')
    .limit(p('limit'));

/** Newest first, behind the one of this time and id. */
export const rolloutsBefore = query(before(false));
export const overRolloutsBefore = query(before(true));

export const wavesOfRollout = query((p: Params<{ id: string }>) =>
  k.selectFrom('rollout_waves').selectAll().where('rollout_id', '=', p('id')).orderBy('wave'),
);

export const hostsOfRollout = query((p: Params<{ id: string }>) =>
  k.selectFrom('rollout_hosts').selectAll().where('rollout_id', '=', p('id')).orderBy('place'),
);

export const phasesOfRollout = query((p: Params<{ id: string }>) =>
  k
    .selectFrom('rollout_hosts')
    .select(['wave', 'phase'])
    .select(({ fn }) => fn.countAll<number>().as('hosts'))
    .where('rollout_id', '=', p('id'))
    .groupBy(['wave', 'phase']),
);

export const jobsOfRollout = query((p: Params<{ id: string }>) =>
  k.selectFrom('rollout_jobs').selectAll().where('rollout_id', '=', p('id')).orderBy('wave').orderBy('step'),
);

/** Of all rollouts that are kept. */
export const allRolloutJobs = query(() => k.selectFrom('rollout_jobs').selectAll());

/** Held for steps that nothing will come to any more: of a rollout at its end only what brings hosts back is kept. */
export const uselessJobs = query(() =>
  k
    .selectFrom('rollout_jobs')
    .innerJoin('rollouts', 'rollouts.id', 'rollout_jobs.rollout_id')
    .innerJoin('jobs', 'jobs.id', 'rollout_jobs.job_id')
    .select(['rollout_jobs.job_id', 'rollout_jobs.rollout_id'])
    .where('rollouts.ended_at_ms', 'is not', null)
    .where('jobs.ended_at_ms', 'is', null)
    .where(({ eb, or }) =>
      or([eb('rollout_jobs.step', 'not in', ['undo', 'restore']), eb('rollouts.state', '=', 'rolled-back')]),
    ),
);

export const rolloutEventsAfter = query((p: Params<{ id: string; after: number; limit: number }>) =>
  k
    .selectFrom('rollout_events')
    .leftJoin('rollout_hosts', (join) =>
      join
        .onRef('rollout_hosts.rollout_id', '=', 'rollout_events.rollout_id')
        .onRef('rollout_hosts.agent_id', '=', 'rollout_events.agent_id'),
    )
    .select([
      'rollout_events.seq',
      'rollout_events.at_ms',
      'rollout_events.what',
      'rollout_events.to',
      'rollout_events.wave',
      'rollout_events.agent_id',
      'rollout_events.by',
      'rollout_events.reason',
      'rollout_hosts.agent_name',
    ])
    .where('rollout_events.rollout_id', '=', p('id'))
    .where('rollout_events.seq', '>', p('after'))
    .orderBy('rollout_events.seq')
    .limit(p('limit')),
);

export const lastRolloutEvent = query((p: Params<{ id: string }>) =>
  k
    .selectFrom('rollout_events')
    .select('seq')
    .where('rollout_id', '=', p('id'))
    .orderBy('seq', 'desc')
    .limit(1),
);

export const openRolloutStates = query(() =>
  k
    .selectFrom('rollouts')
    .select('state')
    .select(({ fn }) => fn.countAll<number>().as('rollouts'))
    .where('ended_at_ms', 'is', null)
    .groupBy('state'),
);

/** Of rollouts that are not at their end, whoever may still be changed by them. */
export const takenHosts = query(() =>
  k
    .selectFrom('rollout_hosts')
    .innerJoin('rollouts', 'rollouts.id', 'rollout_hosts.rollout_id')
    .select(['rollout_hosts.agent_id', 'rollout_hosts.rollout_id', 'rollouts.name'])
    .where('rollout_hosts.ended_at_ms', 'is', null)
    .where('rollouts.ended_at_ms', 'is', null)
    .orderBy('rollouts.created_at_ms'),
);

export const moveHost = statement(
  (
    p: Params<{
      rolloutId: string;
      agentId: string;
      phase: HostPhase;
      step: Step | null;
      reason: string | null;
      code: string | null;
      changed: Flag | null;
      rebooted: Flag;
      forgiven: Flag;
      back: Flag;
      verdict: 'failed' | 'drifted' | null;
      soak: Asked;
      beganAtMs: number | null;
      endedAtMs: number | null;
    }>,
  ) =>
    k
      .updateTable('rollout_hosts')
      .set({
        phase: p('phase'),
        step: p('step'),
        reason: p('reason'),
        code: p('code'),
        changed: p('changed'),
        rebooted: p('rebooted'),
        forgiven: p('forgiven'),
        back: p('back'),
        verdict: p('verdict'),
        soak: p('soak'),
        began_at_ms: sql`coalesce(began_at_ms, ${p('beganAtMs')})`,
        ended_at_ms: p('endedAtMs'),
      })
      .where('rollout_id', '=', p('rolloutId'))
      .where('agent_id', '=', p('agentId')),
);

export const moveWave = statement(
  (
    p: Params<{
      rolloutId: string;
      wave: number;
      state: WaveState;
      reason: string | null;
      beganAtMs: number | null;
      doneAtMs: number | null;
      soakUntilMs: number | null;
      observers: Asked;
      controller: Asked;
      approvedBy: string | null;
      approvedAtMs: number | null;
    }>,
  ) =>
    k
      .updateTable('rollout_waves')
      .set({
        state: p('state'),
        reason: p('reason'),
        began_at_ms: p('beganAtMs'),
        done_at_ms: p('doneAtMs'),
        soak_until_ms: p('soakUntilMs'),
        observers: p('observers'),
        controller: p('controller'),
        approved_by: p('approvedBy'),
        approved_at_ms: p('approvedAtMs'),
      })
      .where('rollout_id', '=', p('rolloutId'))
      .where('wave', '=', p('wave')),
);

export const moveRollout = statement(
  (
    p: Params<{
      id: string;
      state: RolloutState;
      reason: string | null;
      cancels: Flag;
      endedAtMs: number | null;
    }>,
  ) =>
    k
      .updateTable('rollouts')
      .set({
        state: p('state'),
        reason: p('reason'),
        cancels: p('cancels'),
        ended_at_ms: p('endedAtMs'),
      })
      .where('id', '=', p('id')),
);
