import { insertMany, k, type Params, query, statement } from '../db/compile.ts';
import type { Row } from '../db/schema.ts';

export type AgentRow = Row<'agents'>;

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

/** The next session, whichever it is, is taken for the agent's own. */
export const approve = statement((p: Params<{ id: string }>) =>
  k
    .updateTable('agents')
    .set({ state: 'active', session_counter: 0, instance: null })
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
