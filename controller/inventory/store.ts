import { insertMany, k, type Params, query, statement } from '../db/compile.ts';
import type { Statement } from '../db/database.ts';
import type { Row } from '../db/schema.ts';
import type { Agent } from './agent.ts';
import type { Facts } from './facts-shape.ts';

export type AgentRow = Row<'agents'>;

export function agentOf(row: AgentRow): Agent {
  return {
    id: row.id,
    name: row.name,
    state: row.state,
    epoch: row.epoch,
    signKey: row.sign_key,
    boxKey: row.box_key,
    labels: JSON.parse(row.labels) as Record<string, string>,
    claims: JSON.parse(row.claimed_labels) as Record<string, string>,
    facts: row.facts === null ? undefined : (JSON.parse(row.facts) as Facts),
    factsDigest: row.facts_digest ?? new Uint8Array(0),
    factsAtMs: row.facts_at_ms,
    agentVersion: row.agent_version,
    hostname: row.hostname,
    bootId: row.boot_id,
    counter: row.session_counter,
    instance: row.instance,
    retiredEpoch: row.retired_epoch,
    renew: row.renew === 1,
    enrolledAtMs: row.enrolled_at_ms,
    lastSeenMs: row.last_seen_at_ms,
  };
}

export const insertAgents = insertMany('agents', [
  'id',
  'name',
  'epoch',
  'sign_key',
  'box_key',
  'labels',
  'claimed_labels',
  'state',
  'hostname',
  'enrolled_at_ms',
]);

export const allAgents = query((_: Params<Record<never, never>>) =>
  k.selectFrom('agents').selectAll().where('removed_at_ms', 'is', null),
);

export const agentById = query((p: Params<{ id: string }>) =>
  k.selectFrom('agents').selectAll().where('id', '=', p('id')),
);

export const agentByName = query((p: Params<{ name: string }>) =>
  k.selectFrom('agents').selectAll().where('name', '=', p('name')).where('removed_at_ms', 'is', null),
);

export const beginSession = statement(
  (
    p: Params<{
      id: string;
      epoch: string;
      counter: number;
      instance: string;
      bootId: string;
      agentVersion: string;
      nowMs: number;
    }>,
  ) =>
    k
      .updateTable('agents')
      .set({
        epoch: p('epoch'),
        session_counter: p('counter'),
        instance: p('instance'),
        boot_id: p('bootId'),
        agent_version: p('agentVersion'),
        last_seen_at_ms: p('nowMs'),
        // Whoever has a session is the one that is kept.
        renew: 0,
      })
      .where('id', '=', p('id')),
);

export const setLastSeen = statement((p: Params<{ id: string; nowMs: number }>) =>
  k
    .updateTable('agents')
    .set({ last_seen_at_ms: p('nowMs') })
    .where('id', '=', p('id')),
);

export const setFacts = statement(
  (p: Params<{ id: string; facts: string; digest: Uint8Array; nowMs: number }>) =>
    k
      .updateTable('agents')
      .set({ facts: p('facts'), facts_digest: p('digest'), facts_at_ms: p('nowMs') })
      .where('id', '=', p('id')),
);

export const setLabels = statement((p: Params<{ id: string; labels: string }>) =>
  k
    .updateTable('agents')
    .set({ labels: p('labels') })
    .where('id', '=', p('id')),
);

export const setState = statement((p: Params<{ id: string; state: AgentRow['state'] }>) =>
  k
    .updateTable('agents')
    .set({ state: p('state') })
    .where('id', '=', p('id')),
);

const approvePending = statement((p: Params<{ id: string }>) =>
  k.updateTable('agents').set({ state: 'active' }).where('id', '=', p('id')).where('state', '=', 'pending'),
);

/** Its epoch is over: the machine that comes first begins a new one and counts anew, the other stays behind with the old one. */
const approveQuarantined = statement((p: Params<{ id: string }>) =>
  k
    .updateTable('agents')
    .set((agent) => ({
      state: 'active',
      session_counter: 0,
      instance: null,
      retired_epoch: agent.ref('epoch'),
      renew: 1,
    }))
    .where('id', '=', p('id'))
    .where('state', '=', 'quarantined'),
);

export const approve = (of: { id: string }): Statement[] => [approvePending(of), approveQuarantined(of)];

/** This machine came first. */
export const keepInstance = statement((p: Params<{ id: string; instance: string }>) =>
  k
    .updateTable('agents')
    .set({ renew: 0, instance: p('instance') })
    .where('id', '=', p('id')),
);

export const setRemoved = statement((p: Params<{ id: string; nowMs: number }>) =>
  k
    .updateTable('agents')
    .set({ state: 'removed', removed_at_ms: p('nowMs'), facts: null })
    .where('id', '=', p('id')),
);

export const reportPlace = query((p: Params<{ id: string }>) =>
  k.selectFrom('agents').select(['epoch', 'report_seq', 'report_chain']).where('id', '=', p('id')),
);

export const setReportPlace = statement((p: Params<{ id: string; seq: number; chain: Uint8Array | null }>) =>
  k
    .updateTable('agents')
    .set({ report_seq: p('seq'), report_chain: p('chain') })
    .where('id', '=', p('id')),
);

export const lastReportOf = query((p: Params<{ id: string; epoch: string }>) =>
  k
    .selectFrom('reports')
    .select(['report_seq', 'report'])
    .where('agent_id', '=', p('id'))
    .where('epoch', '=', p('epoch'))
    .orderBy('report_seq', 'desc')
    .limit(1),
);

/** The same keys join again: an earlier try may have been interrupted. What was decided about the agent stays. */
export const joinAgain = statement(
  (
    p: Params<{
      id: string;
      name: string;
      epoch: string;
      boxKey: Uint8Array;
      labels: string;
      claims: string;
      hostname: string | null;
    }>,
  ) =>
    k
      .updateTable('agents')
      .set({
        name: p('name'),
        epoch: p('epoch'),
        box_key: p('boxKey'),
        labels: p('labels'),
        claimed_labels: p('claims'),
        hostname: p('hostname'),
      })
      .where('id', '=', p('id')),
);
