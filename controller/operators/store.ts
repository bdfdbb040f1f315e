import { insertMany, k, type Params, query, statement } from '../db/compile.ts';

export const insertOperators = insertMany('operators', [
  'id',
  'name',
  'role',
  'token_hash',
  'created_at_ms',
  'expires_at_ms',
]);

export const allOperators = query((_: Params<Record<never, never>>) =>
  k.selectFrom('operators').selectAll().orderBy('created_at_ms').orderBy('id'),
);

export const operatorByToken = query((p: Params<{ tokenHash: Uint8Array }>) =>
  k
    .selectFrom('operators')
    .selectAll()
    .where('token_hash', '=', p('tokenHash'))
    .where('revoked_at_ms', 'is', null),
);

/** In whatever state the operator is that it was given to. */
export const tokenGiven = query((p: Params<{ tokenHash: Uint8Array }>) =>
  k.selectFrom('operators').select('id').where('token_hash', '=', p('tokenHash')),
);

export const operatorByName = query((p: Params<{ name: string }>) =>
  k.selectFrom('operators').selectAll().where('name', '=', p('name')).where('revoked_at_ms', 'is', null),
);

export const revokeOperator = statement((p: Params<{ id: string; nowMs: number }>) =>
  k
    .updateTable('operators')
    .set({ revoked_at_ms: p('nowMs') })
    .where('id', '=', p('id')),
);
