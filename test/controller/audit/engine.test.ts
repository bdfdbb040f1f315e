import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { headBytes } from '../../../controller/audit/chain.ts';
import {
  type Audit,
  type AuditOptions,
  type AuditVerdict,
  createAudit,
} from '../../../controller/audit/engine.ts';
import { newestHead, recordsAfter } from '../../../controller/audit/store.ts';
import { insertMany, k, type Params, query, statement } from '../../../controller/db/compile.ts';
import type { Database, Statement } from '../../../controller/db/database.ts';
import { openDatabase } from '../../../controller/db/sqlite.ts';
import { MusterError } from '../../../proto/errors.ts';
import { hash } from '../../../proto/frame.ts';
import { fromHex, toHex } from '../../../proto/ids.ts';
import { type VirtualClock, virtualClock } from '../../support/virtual-clock.ts';
import { headOf, records, signHead, verifyHead } from './fixture.ts';

const ADA = { name: 'ada' };

let clock: VirtualClock;
let db: Database;
let audit: Audit;
let errors: unknown[];

const auditOf = (options: Partial<AuditOptions> = {}): Audit =>
  createAudit({ db, clock, hash, signHead, verifyHead, onError: (error) => errors.push(error), ...options });

beforeEach(() => {
  clock = virtualClock(1_000_000);
  db = openDatabase({ path: ':memory:', schedule: (fn) => void setImmediate(fn) });
  errors = [];
  audit = auditOf();
});
afterEach(async () => {
  await audit.stop();
  await db.close();
  assert.equal(clock.pending, 0, 'no timer is left');
  assert.deepEqual(errors, []);
});

const note = (job: string): Promise<void> => db.write([audit.entry(ADA, 'job.create', { job })]);

const insertRecords = insertMany('audit', ['seq', 'at_ms', 'actor', 'action', 'entry', 'previous', 'hash']);
const insertHeads = insertMany('audit_heads', ['seq', 'hash', 'at_ms', 'controller_key_id', 'signature']);
const allHeads = query(() => k.selectFrom('audit_heads').selectAll().orderBy('seq'));
const deleteFrom = statement((p: Params<{ seq: number }>) =>
  k.deleteFrom('audit').where('seq', '>=', p('seq')),
);
const deleteHeads = statement(() => k.deleteFrom('audit_heads'));
const overwrite = statement((p: Params<{ seq: number; entry: string }>) =>
  k
    .updateTable('audit')
    .set({ entry: p('entry') })
    .where('seq', '=', p('seq')),
);

/** Lets time pass until the verification, which gives way between its pages, is through. */
async function verdictOf(verifying: Promise<AuditVerdict>): Promise<AuditVerdict> {
  let verdict: AuditVerdict | undefined;
  verifying.then(
    (result) => {
      verdict = result;
    },
    () => undefined,
  );
  for (let turn = 0; turn < 1_000 && !verdict; turn++) await clock.advance(1);
  return verifying;
}

describe('an audit entry', () => {
  it('is written in the transaction of what it records: both, or neither', async () => {
    const meta = (key: string): Statement =>
      insertMany('meta', ['key', 'value'])([{ key, value: new Uint8Array(1) }])[0] as Statement;
    await db.write([meta('a'), audit.entry(ADA, 'meta.add', { meta: 'a' })]);
    const [second, failed, third] = [
      db.write([audit.entry(ADA, 'meta.add', { meta: 'b' }), meta('b')]),
      db.write([audit.entry(ADA, 'meta.add', { meta: 'a' }), meta('a')]),
      db.write([audit.entry(ADA, 'meta.add', { meta: 'c' }), meta('c')]),
    ];
    await assert.rejects(failed);
    await Promise.all([second, third]);
    const entries = await audit.list({ afterSeq: 0, limit: 10 });
    assert.deepEqual(
      entries.map(({ seq, subject }) => [seq, subject]),
      [
        [1, 'a'],
        [2, 'b'],
        [3, 'c'],
      ],
    );
    assert.equal((await verdictOf(audit.verify())).ok, true);
  });

  it('is chained to the one before it in the same batch', async () => {
    await db.write(['1', '2', '3'].map((job) => audit.entry(ADA, 'job.create', { job })));
    const verdict = await verdictOf(audit.verify());
    assert.deepEqual({ ok: verdict.ok, checked: verdict.checked }, { ok: true, checked: 3 });
  });

  it('says what was true when it was asked for, at the time it was written', async () => {
    const detail = { job: 'j', targets: 3 };
    const entry = audit.entry(ADA, 'job.create', detail);
    detail.targets = 4;
    await clock.advance(5_000);
    await db.write([entry]);
    const [listed] = await audit.list({ afterSeq: 0, limit: 1 });
    assert.deepEqual(listed, {
      seq: 1,
      atMs: 1_005_000,
      actor: 'ada',
      action: 'job.create',
      subject: 'j',
      detail: { job: 'j', targets: 3 },
      hash: listed?.hash,
    });
    assert.match(listed?.hash ?? '', /^[0-9a-f]{128}$/);
  });

  it('is chained to what an earlier process wrote', async () => {
    await note('first');
    audit = auditOf();
    await note('second');
    assert.equal((await verdictOf(audit.verify())).checked, 2);
  });
});

describe('listing', () => {
  it('goes on after a sequence number, oldest first, up to the limit', async () => {
    await db.write(insertRecords(records(5)));
    const seqs = async (afterSeq: number, limit: number) =>
      (await audit.list({ afterSeq, limit })).map(({ seq }) => seq);
    assert.deepEqual(await seqs(0, 2), [1, 2]);
    assert.deepEqual(await seqs(2, 10), [3, 4, 5]);
    assert.deepEqual(await seqs(5, 10), []);
  });

  it('still shows a record whose text was made unreadable', async () => {
    await db.write([...insertRecords(records(2)), overwrite({ seq: 1, entry: '{"detail":' })]);
    const [first, second] = await audit.list({ afterSeq: 0, limit: 10 });
    assert.deepEqual([first?.actor, first?.subject, first?.detail], ['ada', null, {}]);
    assert.equal(second?.subject, 'j2');
  });
});

describe('heads', () => {
  it('are signed a second after a record, for all that came until then', async () => {
    await audit.start();
    await note('1');
    await note('2');
    assert.deepEqual(await db.read(allHeads()), []);
    await clock.advance(999);
    assert.deepEqual(await db.read(allHeads()), []);
    await clock.advance(1);
    const [head, ...more] = await db.read(allHeads());
    assert.equal(head?.seq, 2);
    assert.deepEqual(more, []);
    assert.ok(verifyHead(head.controller_key_id, headBytes(head), head.signature));
    assert.equal(clock.pending, 0, 'nothing wakes while nothing happens');
  });

  it('are signed at most once a second, however often records are written and heads are asked for', async () => {
    await audit.start();
    for (let i = 0; i < 100; i++) {
      await note(`${i}`);
      await audit.head();
      await note(`${i} again`);
      await clock.advance(90);
    }
    const times = (await db.read(allHeads())).map((head) => head.at_ms);
    assert.ok(times.length >= 8, `${times.length} heads`);
    for (const [i, time] of times.entries())
      assert.ok(i === 0 || time - (times[i - 1] ?? 0) >= 1_000, `${times}`);
  });

  it('are signed at the start for what a killed process left, and at the stop for the last records', async () => {
    await db.write(insertRecords(records(3)));
    await audit.start();
    assert.equal((await db.read(newestHead()))[0]?.seq, 3);
    await note('last');
    await audit.stop();
    assert.equal((await db.read(newestHead()))[0]?.seq, 4);
  });

  it('are not made for a batch that failed', async () => {
    await audit.start();
    await assert.rejects(
      db.write([
        audit.entry(ADA, 'job.create', {}),
        {
          late() {
            throw new MusterError('forbidden');
          },
        },
      ]),
    );
    await clock.advance(5_000);
    assert.deepEqual(await db.read(allHeads()), []);
  });

  it('are tried again when one could not be signed', async () => {
    let broken = true;
    audit = auditOf({
      signHead(bytes) {
        if (broken) throw new Error('no key');
        return signHead(bytes);
      },
    });
    await audit.start();
    await note('1');
    await clock.advance(2_500);
    assert.deepEqual(errors.splice(0).map(String), ['Error: no key', 'Error: no key']);
    broken = false;
    await clock.advance(1_000);
    assert.equal((await db.read(newestHead()))[0]?.seq, 1);
  });

  it('are given out signed, to be kept; an empty log has none to sign', async () => {
    assert.deepEqual(await audit.head(), { seq: 0, hash: '', atMs: 0, keyId: null, signature: null });
    await note('1');
    const head = await audit.head();
    assert.deepEqual([head.seq, head.hash], [1, (await audit.list({ afterSeq: 0, limit: 1 }))[0]?.hash]);
    const signed = { seq: head.seq, at_ms: head.atMs, hash: fromHex(head.hash, 64) ?? new Uint8Array(0) };
    assert.ok(
      verifyHead(head.keyId ?? '', headBytes(signed), fromHex(head.signature ?? '', 64) ?? new Uint8Array(0)),
    );
  });
});

describe('verifying', () => {
  it('checks a log of many pages, and gives way to others between them', async () => {
    const log = records(1_050);
    await db.write(insertRecords(log));
    await db.write(insertHeads([log[399], log[1_049]].flatMap((record) => (record ? [headOf(record)] : []))));
    const verifying = audit.verify();
    await clock.settle();
    assert.equal(clock.pending, 1, 'it waits after the first page');
    const verdict = await verdictOf(verifying);
    assert.deepEqual(
      { ...verdict, head: verdict.head?.seq },
      { ok: true, checked: 1_050, head: 1_050, firstBad: null, tailChecked: false },
    );
  });

  it('names the first bad record, on whatever page it is', async () => {
    for (const seq of [1, 200, 201, 777]) {
      const log = records(800);
      await db.write([
        statement(() => k.deleteFrom('audit'))(),
        ...insertRecords(log),
        overwrite({ seq, entry: log[seq - 1]?.entry.replace('ada', 'eve') ?? '' }),
      ]);
      const verdict = await verdictOf(audit.verify());
      assert.deepEqual([verdict.ok, verdict.firstBad?.seq], [false, seq]);
    }
  });

  it('sees a record that was put before the first', async () => {
    const [record] = records(1);
    assert.ok(record);
    await db.write(insertRecords([{ ...record, seq: -3 }, ...records(2)]));
    assert.equal((await verdictOf(audit.verify())).firstBad?.seq, -3);
  });

  it('sees a cut tail by a stored head; with those gone as well, only by a kept one', async () => {
    const log = records(10);
    await db.write(insertRecords(log));
    const kept = await audit.head();
    await db.write([deleteFrom({ seq: 8 })]);
    assert.equal((await verdictOf(audit.verify())).firstBad?.seq, 8);
    await db.write([deleteHeads()]);
    const blind = await verdictOf(audit.verify());
    assert.deepEqual([blind.ok, blind.tailChecked], [true, false]);
    const seeing = await verdictOf(audit.verify(kept));
    assert.deepEqual([seeing.ok, seeing.firstBad?.seq, seeing.tailChecked], [false, 8, true]);
  });

  it('sees a log that was rewritten by somebody who cannot sign, against a kept head', async () => {
    await db.write(insertRecords(records(10)));
    const kept = await audit.head();
    await db.write([deleteFrom({ seq: 1 }), deleteHeads(), ...insertRecords(records(10, undefined, 'eve'))]);
    assert.equal((await verdictOf(audit.verify())).ok, true);
    assert.equal((await verdictOf(audit.verify(kept))).firstBad?.seq, 10);
  });

  it('does not take for a cut what is written and signed while it runs', async () => {
    await db.write(insertRecords(records(450)));
    const verifying = audit.verify();
    await clock.settle();
    await note('meanwhile');
    await audit.head();
    const verdict = await verdictOf(verifying);
    assert.deepEqual([verdict.ok, verdict.checked], [true, 451]);
    assert.equal((await db.read(recordsAfter({ seq: 450, limit: 1 })))[0]?.seq, 451);
  });

  it('ends between pages when it is aborted', async () => {
    await db.write(insertRecords(records(450)));
    const abort = new AbortController();
    const verifying = audit.verify(undefined, abort.signal);
    await clock.settle();
    abort.abort(new Error('enough'));
    await assert.rejects(verifying, /enough/);
  });

  it('finds the head that the log itself gave out in the log', async () => {
    await note('1');
    const { seq, hash: digest } = await audit.head();
    await note('2');
    assert.equal((await verdictOf(audit.verify({ seq, hash: digest }))).ok, true);
    const other = { seq, hash: toHex(new Uint8Array(64)) };
    assert.equal((await verdictOf(audit.verify(other))).firstBad?.seq, 1);
  });
});
