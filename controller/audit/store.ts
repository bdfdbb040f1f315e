/** This feature's SQL, one function per statement. */
import { k, type Params, query, statement } from '../db/compile.ts';
import type { Row } from '../db/schema.ts';

export const lastRecord = query(() =>
  k.selectFrom('audit').select(['seq', 'hash', 'at_ms']).orderBy('seq', 'desc').limit(1),
);

export const recordsAfter = query((p: Params<{ seq: number; limit: number }>) =>
  k.selectFrom('audit').selectAll().where('seq', '>', p('seq')).orderBy('seq').limit(p('limit')),
);

export const insertRecord = statement((p: Params<Row<'audit'>>) =>
  k.insertInto('audit').values({
    seq: p('seq'),
    at_ms: p('at_ms'),
    actor: p('actor'),
    action: p('action'),
    entry: p('entry'),
    previous: p('previous'),
    hash: p('hash'),
  }),
);

export const newestHead = query(() =>
  k.selectFrom('audit_heads').selectAll().orderBy('seq', 'desc').limit(1),
);

/** Heads of the records after `after`, up to and with `to`. */
export const headsOf = query((p: Params<{ after: number; to: number }>) =>
  k.selectFrom('audit_heads').selectAll().where('seq', '>', p('after')).where('seq', '<=', p('to')),
);

export const insertHead = statement((p: Params<Row<'audit_heads'>>) =>
  k.insertInto('audit_heads').values({
    seq: p('seq'),
    hash: p('hash'),
    at_ms: p('at_ms'),
    controller_key_id: p('controller_key_id'),
    signature: p('signature'),
  }),
);
