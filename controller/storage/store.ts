import { k, type Params, query, sql, statement } from '../db/compile.ts';

/** Something to write where it matters only whether that works. */
export const touch = statement((p: Params<{ value: Uint8Array }>) =>
  k
    .insertInto('meta')
    .values({ key: sql.lit('touched'), value: p('value') })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value: sql`excluded.value` })),
);

export const bytesOfContents = query((_: Params<Record<never, never>>) =>
  k
    .selectFrom('contents')
    .select((e) => e.fn.coalesce(e.fn.sum<number>('length'), sql<number>`0`).as('bytes')),
);
