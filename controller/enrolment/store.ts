import { insertMany, k, type Params, query, sql, statement } from '../db/compile.ts';
import type { Row } from '../db/schema.ts';

export type TokenRow = Row<'tokens'>;

export const insertTokens = insertMany('tokens', [
  'id',
  'secret_hash',
  'created_at_ms',
  'expires_at_ms',
  'uses',
  'uses_left',
  'labels',
  'allow_labels',
  'approve',
  'name',
  'created_by',
]);

export const insertGrants = insertMany('token_grants', ['token_id', 'agent_id', 'grant']);

export const allTokens = query((_: Params<Record<never, never>>) =>
  k.selectFrom('tokens').selectAll().orderBy('created_at_ms').orderBy('id'),
);

export const tokenById = query((p: Params<{ id: string }>) =>
  k.selectFrom('tokens').selectAll().where('id', '=', p('id')),
);

export const tokenByHash = query((p: Params<{ hash: Uint8Array }>) =>
  k.selectFrom('tokens').selectAll().where('secret_hash', '=', p('hash')),
);

export const grantOf = query((p: Params<{ tokenId: string; agentId: string }>) =>
  k
    .selectFrom('token_grants')
    .select('grant')
    .where('token_id', '=', p('tokenId'))
    .where('agent_id', '=', p('agentId')),
);

export const takeUse = statement((p: Params<{ id: string }>) =>
  k.updateTable('tokens').set({ uses_left: sql`uses_left - 1` }).where('id', '=', p('id')),
);

export const revokeToken = statement((p: Params<{ id: string; nowMs: number }>) =>
  k
    .updateTable('tokens')
    .set({ revoked_at_ms: p('nowMs') })
    .where('id', '=', p('id')),
);
