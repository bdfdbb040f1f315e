import { insertMany, k, type Params, query } from '../db/compile.ts';

export const insertDocuments = insertMany('trust_documents', ['serial', 'document', 'changes_root']);

export const allDocuments = query((_: Params<Record<never, never>>) =>
  k.selectFrom('trust_documents').selectAll().orderBy('serial'),
);
