import { insertMany, k, type Params, query } from '../db/compile.ts';
import type { Database } from '../db/database.ts';

export const insertDocuments = insertMany('trust_documents', ['serial', 'document', 'changes_root']);

export const allDocuments = query((_: Params<Record<never, never>>) =>
  k.selectFrom('trust_documents').selectAll().orderBy('serial'),
);

/** Whether a fleet was made in this database. */
export async function hasFleet(db: Pick<Database, 'read'>): Promise<boolean> {
  return (await db.read(allDocuments())).length > 0;
}
