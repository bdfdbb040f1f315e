/**
 * The audit log as a chain: each record holds the hash of the one before, so that none can be altered, deleted or moved without
 * every later hash changing. The controller signs the newest hash now and then (a head): whoever keeps a head elsewhere can
 * tell whether the log that led to it is still there, whoever may write the database included.
 *
 *   hash(n) = H("audit", hash(n-1), entry(n))       hash(0) is empty; entry is the UTF-8 of the JSON text as it is stored
 */
import { equalBytes, toHex } from '../../proto/ids.ts';
import type { Row } from '../db/schema.ts';

export type RecordRow = Row<'audit'>;
export type HeadRow = Row<'audit_heads'>;

/** `hash` of proto/frame.ts. */
export type HashFunction = (domain: 'audit', ...parts: readonly Uint8Array[]) => Uint8Array;

/** The end of a chain. */
export interface Link {
  readonly seq: number;
  readonly hash: Uint8Array;
}

export const GENESIS: Link = { seq: 0, hash: new Uint8Array(0) };

export interface Entry {
  readonly seq: number;
  readonly atMs: number;
  readonly actor: string;
  readonly action: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** `detail` is JSON text already: it is fixed when the entry is asked for, and stays the same bytes. */
export function appendRecord(
  hash: HashFunction,
  last: Link,
  { atMs, actor, action, detail }: Omit<Entry, 'seq' | 'detail'> & { readonly detail: string },
): RecordRow {
  const seq = last.seq + 1;
  const outside = JSON.stringify({ seq, atMs, actor, action });
  const entry = `${outside.slice(0, -1)},"detail":${detail}}`;
  return {
    seq,
    at_ms: atMs,
    actor,
    action,
    entry,
    previous: last.hash,
    hash: hash('audit', last.hash, Buffer.from(entry)),
  };
}

/** Undefined where the text is not what appendRecord writes. */
export function parseEntry(text: string): Entry | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const entry = value as Partial<Entry> | null;
  return typeof entry === 'object' && typeof entry?.detail === 'object' && entry.detail !== null
    ? (entry as Entry)
    : undefined;
}

/** What a head's signature covers: i64be(seq) ‖ i64be(at_ms) ‖ hash. */
export function headBytes({ seq, at_ms, hash }: Pick<HeadRow, 'seq' | 'at_ms' | 'hash'>): Uint8Array {
  const bytes = Buffer.alloc(16 + hash.length);
  bytes.writeBigInt64BE(BigInt(seq), 0);
  bytes.writeBigInt64BE(BigInt(at_ms), 8);
  bytes.set(hash, 16);
  return bytes;
}

/** Why the log is not what it was. `seq` is the first record that is not as it should be. */
export interface Problem {
  readonly seq: number;
  readonly why: string;
}

/** A head that somebody kept; hash in hex. */
export interface KeptHead {
  readonly seq: number;
  readonly hash: string;
}

export interface Checks {
  readonly hash: HashFunction;
  /** Whether a key that may sign heads signed this one. */
  verifyHead(head: HeadRow): boolean;
  readonly since?: KeptHead | undefined;
}

/** How far a log was found good. */
export interface Progress {
  readonly last: Link;
  /** The last record that a head vouches for. */
  readonly vouched: number;
}

export const START: Progress = { last: GENESIS, vouched: 0 };

/**
 * Goes on from `progress` with the next records, in the order of seq, and the heads of exactly those records. A log of any
 * length is checked page by page; verifyTail comes after the last page.
 */
export function verifyPage(
  checks: Checks,
  progress: Progress,
  records: readonly RecordRow[],
  heads: readonly HeadRow[],
): Progress | Problem {
  const headOf = new Map(heads.map((head) => [head.seq, head]));
  let { last, vouched } = progress;
  for (const record of records) {
    const problem = checkRecord(checks.hash, last, record);
    if (problem) return problem;
    last = record;
    const { seq } = record;
    const rewritten = (since: string): Problem => ({
      seq,
      why: `${span(vouched + 1, seq)} rewritten after ${since}`,
    });
    if (checks.since?.seq === seq) {
      if (checks.since.hash.toLowerCase() !== toHex(record.hash)) return rewritten('the kept head was made');
      vouched = seq;
    }
    const head = headOf.get(seq);
    if (!head) continue;
    if (!checks.verifyHead(head)) return { seq, why: 'the signature of its head does not verify' };
    if (!equalBytes(head.hash, record.hash)) return rewritten('the head was signed');
    vouched = seq;
  }
  return { last, vouched };
}

/** Whether records are missing at the end: `newest` is the newest stored head, as it was before the first page was read. */
export function verifyTail(
  { since }: Checks,
  { last }: Progress,
  newest: HeadRow | undefined,
): Problem | undefined {
  const seq = last.seq + 1;
  if (since && since.seq > last.seq)
    return { seq, why: `the log was cut: the kept head is of record ${since.seq}` };
  if (newest && newest.seq > last.seq)
    return { seq, why: `the log was cut: there is a signed head of record ${newest.seq}` };
  return undefined;
}

/** All at once, for a log that is in memory. */
export function verifyChain(
  records: readonly RecordRow[],
  heads: readonly HeadRow[],
  checks: Checks,
): Problem | undefined {
  const progress = verifyPage(checks, START, records, heads);
  return 'why' in progress ? progress : verifyTail(checks, progress, heads.at(-1));
}

function checkRecord(hash: HashFunction, last: Link, record: RecordRow): Problem | undefined {
  const seq = last.seq + 1;
  if (record.seq < seq) return { seq: record.seq, why: 'it was put in' };
  if (record.seq > seq) return { seq, why: `${span(seq, record.seq - 1)} deleted` };
  const entry = parseEntry(record.entry);
  const whole = equalBytes(hash('audit', record.previous, Buffer.from(record.entry)), record.hash);
  if (!entry || !whole) return { seq, why: 'it was altered' };
  if (entry.seq !== seq) return { seq, why: `record ${entry.seq} stands in its place` };
  if (entry.atMs !== record.at_ms || entry.actor !== record.actor || entry.action !== record.action)
    return { seq, why: 'it was altered: its columns do not repeat its entry' };
  if (equalBytes(record.previous, last.hash)) return undefined;
  // This record agrees with itself, so the one before is not the one that it was chained to.
  return { seq: Math.max(1, last.seq), why: 'it was replaced: the next record was chained to another one' };
}

function span(from: number, to: number): string {
  return from === to ? 'it was' : `records ${from} to ${to} were`;
}
