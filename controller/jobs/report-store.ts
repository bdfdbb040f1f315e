/** The SQL of signed reports. */
import { insertMany, k, type Params, query, sql, statement } from '../db/compile.ts';

export const insertReports = insertMany('reports', [
  'agent_id',
  'epoch',
  'report_seq',
  'job_id',
  'report',
  'signature',
  'verified',
]);

export const unverifiedReports = query((p: Params<{ limit: number }>) =>
  k
    .selectFrom('reports')
    .innerJoin('agents', 'agents.id', 'reports.agent_id')
    .select([
      'reports.agent_id',
      'reports.epoch',
      'reports.report_seq',
      'reports.report',
      'reports.signature',
      'agents.sign_key',
    ])
    .where('reports.verified', '=', sql.lit(0))
    .limit(p('limit')),
);

export const setVerified = statement(
  (p: Params<{ agentId: string; epoch: string; seq: number; verified: 1 | 2 }>) =>
    k
      .updateTable('reports')
      .set({ verified: p('verified') })
      .where('agent_id', '=', p('agentId'))
      .where('epoch', '=', p('epoch'))
      .where('report_seq', '=', p('seq')),
);
