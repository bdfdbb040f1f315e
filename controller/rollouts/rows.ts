/** A rollout as it is stored, and as the rest of this feature sees it. Pure. */

import type { Statement } from '../db/database.ts';
import type { Flag } from '../db/schema.ts';
import { changes } from './advance.ts';
import type { EventKind, Shown } from './history.ts';
import { type Gate, type Host, hasEnded, type Policy, type Rollout, type Wave } from './rollout.ts';
import {
  type HostRow,
  insertRolloutEvents,
  moveHost,
  moveRollout,
  moveWave,
  type RolloutRow,
  type WaveRow,
} from './store.ts';

export function rolloutOf(row: RolloutRow, waves: readonly WaveRow[], hosts: readonly HostRow[]): Rollout {
  return {
    id: row.id,
    policy: JSON.parse(row.policy) as Policy,
    state: row.state,
    reason: row.reason,
    starter: row.created_by,
    cancels: row.cancels === 1,
    waves: waves.map(waveOf),
    hosts: hosts.map(hostOf),
  };
}

export function shownOf({ shown }: Pick<RolloutRow, 'shown'>): Shown {
  return JSON.parse(shown) as Shown;
}

function waveOf(row: WaveRow): Wave {
  return {
    index: row.wave,
    name: row.name,
    gate: JSON.parse(row.gate) as Gate,
    maxFailures: row.max_failures,
    state: row.state,
    reason: row.reason,
    beganAtMs: row.began_at_ms,
    doneAtMs: row.done_at_ms,
    soakUntilMs: row.soak_until_ms,
    observers: row.observers,
    controller: row.controller,
    approvedBy: row.approved_by,
    approvedAtMs: row.approved_at_ms,
  };
}

function hostOf(row: HostRow): Host {
  return {
    id: row.agent_id,
    name: row.agent_name,
    wave: row.wave,
    phase: row.phase,
    step: row.step,
    verdict: row.verdict,
    reason: row.reason,
    code: row.code,
    wayBack: row.way_back === 1,
    changed: row.changed === null ? null : row.changed === 1,
    rebooted: row.rebooted === 1,
    forgiven: row.forgiven === 1,
    back: row.back === 1,
    soak: row.soak,
  };
}

const OVER: ReadonlySet<Host['phase']> = new Set(['done', 'reverted', 'failed', 'drifted', 'skipped']);

export interface EventRow {
  what: EventKind;
  to?: string;
  wave?: number;
  agentId?: string;
  by?: string;
  reason?: string | null;
}

/** What takes the store from one to the other, with what is told of it. `told` comes first: what an operator did. */
export function movements(
  before: Rollout,
  after: Rollout,
  told: readonly EventRow[],
  nowMs: number,
): Statement[] {
  const { hosts, waves, isChanged } = changes(before, after);
  const byId = new Map<string, Host>();
  if (hosts.length > 0) for (const host of before.hosts) byId.set(host.id, host);
  const events: EventRow[] = [...told];
  for (const host of hosts) {
    if (byId.get(host.id)?.phase === host.phase) continue;
    events.push({ what: 'host', to: host.phase, wave: host.wave, agentId: host.id, reason: host.reason });
  }
  for (const wave of waves) {
    const was = before.waves[wave.index];
    for (const who of ['observers', 'controller'] as const)
      if (was?.[who] === 'asked' && (wave[who] === 'held' || wave[who] === 'failed'))
        events.push({
          what: 'probe',
          to: wave[who],
          wave: wave.index,
          reason: wave[who] === 'failed' ? wave.reason : null,
        });
    if (was?.state !== wave.state)
      events.push({ what: 'wave', to: wave.state, wave: wave.index, reason: wave.reason });
  }
  if (before.state !== after.state || before.reason !== after.reason)
    events.push({ what: 'state', to: after.state, reason: after.reason });
  return [
    ...hosts.map((host) => hostMovement(after.id, host, nowMs)),
    ...waves.map((wave) => {
      const { index, name: _, gate: __, maxFailures: ___, ...rest } = wave;
      return moveWave({ rolloutId: after.id, wave: index, ...rest });
    }),
    ...(isChanged
      ? [
          moveRollout({
            id: after.id,
            state: after.state,
            reason: after.reason,
            cancels: flag(after.cancels),
            endedAtMs: hasEnded(after.state) ? nowMs : null,
          }),
        ]
      : []),
    ...eventRows(after.id, events, nowMs),
  ];
}

export function eventRows(rolloutId: string, events: readonly EventRow[], atMs: number): Statement[] {
  return insertRolloutEvents(
    events.map(({ what, to = '', wave, agentId, by, reason }) => ({
      ...{ rollout_id: rolloutId, at_ms: atMs, what, to, wave: wave ?? null },
      ...{ agent_id: agentId ?? null, by: by ?? null, reason: reason ?? null },
    })),
  );
}

function hostMovement(rolloutId: string, host: Host, nowMs: number): Statement {
  const hasBegun = host.phase !== 'waiting' && host.phase !== 'skipped';
  return moveHost({
    rolloutId,
    agentId: host.id,
    phase: host.phase,
    step: host.step,
    reason: host.reason,
    code: host.code,
    changed: host.changed === null ? null : flag(host.changed),
    rebooted: flag(host.rebooted),
    forgiven: flag(host.forgiven),
    back: flag(host.back),
    verdict: host.verdict,
    soak: host.soak,
    beganAtMs: hasBegun ? nowMs : null,
    endedAtMs: OVER.has(host.phase) ? nowMs : null,
  });
}

function flag(value: boolean): Flag {
  return value ? 1 : 0;
}
