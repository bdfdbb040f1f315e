import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import {
  appendRecord,
  type Checks,
  GENESIS,
  type HeadRow,
  headBytes,
  type Problem,
  parseEntry,
  type RecordRow,
  START,
  verifyChain,
  verifyPage,
} from '../../../controller/audit/chain.ts';
import { hash } from '../../../proto/frame.ts';
import { toHex } from '../../../proto/ids.ts';
import { headOf, records, strangerKey, verifyHead } from './fixture.ts';

const checks: Checks = {
  hash,
  verifyHead: (head) => verifyHead(head.controller_key_id, headBytes(head), head.signature),
};

function at<T>(list: readonly T[], index: number): T {
  const item = list.at(index);
  assert.ok(item !== undefined);
  return item;
}

function verdict(
  log: readonly RecordRow[],
  heads: readonly HeadRow[] = [],
  since?: { seq: number; hash: string },
): Problem | undefined {
  return verifyChain(log, heads, { ...checks, since });
}

const kept = (record: RecordRow) => ({ seq: record.seq, hash: toHex(record.hash) });

/** The log with record `seq` changed, nothing else. */
const altered = (log: readonly RecordRow[], seq: number, change: Partial<RecordRow>): RecordRow[] =>
  log.map((record) => (record.seq === seq ? { ...record, ...change } : record));

/** What somebody writes who can compute hashes, but not sign: record `seq` says something else, its own hash is right. */
function replaced(log: readonly RecordRow[], seq: number): RecordRow {
  const before = seq === 1 ? GENESIS : at(log, seq - 2);
  return appendRecord(hash, before, { atMs: 1, actor: 'eve', action: 'job.create', detail: '{}' });
}

describe('a record', () => {
  it('is chained by the hash over the frame of the previous hash and its own text', () => {
    const first = appendRecord(hash, GENESIS, {
      atMs: 1_767_225_600_000,
      actor: 'ada',
      action: 'agent.remove',
      detail: '{"agent":"web-1"}',
    });
    assert.equal(
      first.entry,
      '{"seq":1,"atMs":1767225600000,"actor":"ada","action":"agent.remove","detail":{"agent":"web-1"}}',
    );
    const u32 = (n: number) => Buffer.from([n >>> 24, n >>> 16, n >>> 8, n]);
    const expected = (previous: Uint8Array, text: string) =>
      createHash('sha512')
        .update('muster/v1/audit\0')
        .update(Buffer.concat([u32(previous.length), previous]))
        .update(Buffer.concat([u32(Buffer.byteLength(text)), Buffer.from(text)]))
        .digest('hex');
    assert.equal(toHex(first.hash), expected(new Uint8Array(0), first.entry));
    const second = appendRecord(hash, first, { atMs: 2, actor: 'ö"\n', action: 'x', detail: '{}' });
    assert.equal(toHex(second.hash), expected(first.hash, second.entry));
    assert.deepEqual(second.previous, first.hash);
  });

  it('reads back as what it was made of, whatever the texts hold', () => {
    const detail = { text: '"}],\\ \u0000 \ud800 😀', __proto__: null, nested: [{ seq: 99 }] };
    const record = appendRecord(hash, GENESIS, {
      atMs: 1,
      actor: '"},"seq":7,"x":{"',
      action: 'a\u2028b',
      detail: JSON.stringify(detail),
    });
    const entry = parseEntry(record.entry);
    assert.equal(entry?.seq, 1);
    assert.equal(entry?.actor, '"},"seq":7,"x":{"');
    assert.equal(entry?.detail.text, detail.text);
    assert.equal(verdict([record]), undefined);
  });
});

describe('verifying a log', () => {
  const log = records(12);

  it('finds a whole one good, also an empty one, with and without heads', () => {
    assert.equal(verdict([]), undefined);
    assert.equal(verdict(log), undefined);
    assert.equal(verdict(log, [headOf(at(log, 2)), headOf(at(log, -1))], kept(at(log, 6))), undefined);
  });

  it('comes to the same verdict in pages of any size', () => {
    const heads = [headOf(at(log, 2)), headOf(at(log, 7))];
    for (const bad of [undefined, 1, 5, 8, 12]) {
      const chain = bad ? altered(log, bad, { entry: '{}' }) : log;
      for (const size of [1, 2, 5, 12]) {
        let progress: ReturnType<typeof verifyPage> = START;
        for (let from = 0; from < chain.length && !('why' in progress); from += size) {
          const page = chain.slice(from, from + size);
          progress = verifyPage(
            checks,
            progress,
            page,
            heads.filter((head) => page.some((record) => record.seq === head.seq)),
          );
        }
        assert.equal('why' in progress ? progress.seq : undefined, bad);
      }
    }
  });

  it('names a record that was altered in any of its columns', () => {
    const record = at(log, 4);
    const flipped = (bytes: Uint8Array) => bytes.map((byte, i) => (i === 9 ? byte ^ 1 : byte));
    const changes: Partial<RecordRow>[] = [
      { entry: record.entry.replace('j5', 'j6') },
      { entry: `${record.entry} ` },
      { entry: 'no json' },
      { entry: 'null' },
      { hash: flipped(record.hash) },
      { hash: new Uint8Array(0) },
      { previous: flipped(record.previous) },
      { actor: 'eve' },
      { action: 'job.cancel' },
      { at_ms: record.at_ms + 1 },
    ];
    for (const change of changes)
      assert.equal(verdict(altered(log, 5, change))?.seq, 5, JSON.stringify(Object.keys(change)));
  });

  it('names a record that was replaced by another one with a right hash', () => {
    for (const seq of [1, 5, 11])
      assert.equal(
        verdict(log.map((record) => (record.seq === seq ? replaced(log, seq) : record)))?.seq,
        seq,
      );
  });

  it('names the first record that was deleted', () => {
    const without = (from: number, to: number) => log.filter(({ seq }) => seq < from || seq > to);
    assert.deepEqual(verdict(without(1, 1)), { seq: 1, why: 'it was deleted' });
    assert.deepEqual(verdict(without(5, 5)), { seq: 5, why: 'it was deleted' });
    assert.deepEqual(verdict(without(5, 8)), { seq: 5, why: 'records 5 to 8 were deleted' });
  });

  it('names the place of a deleted record also where the later ones were moved up', () => {
    const movedUp = log.filter(({ seq }) => seq !== 5).map((record, i) => ({ ...record, seq: i + 1 }));
    assert.deepEqual(verdict(movedUp), { seq: 5, why: 'record 6 stands in its place' });
  });

  it('names the first of two records that changed places', () => {
    const swapped = log.map((record) => {
      if (record.seq === 4) return { ...at(log, 6), seq: 4 };
      if (record.seq === 7) return { ...at(log, 3), seq: 7 };
      return record;
    });
    assert.deepEqual(verdict(swapped), { seq: 4, why: 'record 7 stands in its place' });
  });

  it('names a record that was put in: before the first, or between', () => {
    assert.equal(verdict([{ ...replaced(log, 1), seq: 0 }, ...log])?.seq, 0);
    const between = [...log.slice(0, 5), replaced(log, 6), ...log.slice(5)].map((record, i) => ({
      ...record,
      seq: i + 1,
    }));
    assert.ok([6, 7].includes(verdict(between)?.seq ?? 0));
  });
});

describe('a head', () => {
  const log = records(12);
  const forged = [...log.slice(0, 6), ...records(6, at(log, 5), 'eve')];

  it('covers its number, its time and the hash', () => {
    assert.equal(
      toHex(headBytes({ seq: 258, at_ms: 2 ** 40, hash: new Uint8Array([1, 2]) })),
      '000000000000010200000100000000000102',
    );
  });

  it('shows a log that was rewritten whole behind it, and from where', () => {
    assert.equal(verdict(forged), undefined, 'the chain alone cannot tell');
    const problem = verdict(forged, [headOf(at(log, 3)), headOf(at(log, 9))]);
    assert.deepEqual(problem, { seq: 10, why: 'records 5 to 10 were rewritten after the head was signed' });
    const since = verdict(forged, [], kept(at(log, 9)));
    assert.deepEqual(since, { seq: 10, why: 'records 1 to 10 were rewritten after the kept head was made' });
  });

  it('that nobody signed who may is a bad record itself', () => {
    assert.equal(verdict(log, [headOf(at(log, 9), strangerKey)])?.seq, 10);
    assert.equal(verdict(forged, [headOf(at(forged, 9), strangerKey)])?.seq, 10);
    const moved = { ...headOf(at(log, 9)), seq: 11 };
    assert.equal(verdict(log, [moved])?.seq, 11);
  });

  it('shows that the tail was cut, stored or kept elsewhere', () => {
    const cut = log.slice(0, 8);
    assert.equal(verdict(cut), undefined, 'the chain alone cannot tell');
    assert.deepEqual(verdict(cut, [headOf(at(log, 9))]), {
      seq: 9,
      why: 'the log was cut: there is a signed head of record 10',
    });
    assert.deepEqual(verdict(cut, [headOf(at(log, 5))], kept(at(log, 11))), {
      seq: 9,
      why: 'the log was cut: the kept head is of record 12',
    });
    assert.equal(verdict([], [], kept(at(log, 0)))?.seq, 1);
  });

  it('that was kept is taken in capitals too, and the head of an empty log vouches for nothing', () => {
    const { seq, hash: digest } = kept(at(log, 4));
    assert.equal(verdict(log, [], { seq, hash: digest.toUpperCase() }), undefined);
    assert.equal(verdict(log, [], { seq: 0, hash: '' }), undefined);
  });
});
