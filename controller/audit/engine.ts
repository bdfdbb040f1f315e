import { type Clock, delay } from '../../proto/clock.ts';
import { toHex } from '../../proto/ids.ts';
import type { Database, Statement } from '../db/database.ts';
import {
  appendRecord,
  type Checks,
  GENESIS,
  type HashFunction,
  type HeadRow,
  headBytes,
  type KeptHead,
  type Problem,
  type Progress,
  parseEntry,
  type RecordRow,
  START,
  verifyPage,
  verifyTail,
} from './chain.ts';
import { headsOf, insertHead, insertRecord, lastRecord, newestHead, recordsAfter } from './store.ts';

export interface AuditOptions {
  readonly db: Database;
  readonly clock: Clock;
  readonly hash: HashFunction;
  /** Signs with the controller's key under the domain `audit`. */
  signHead(bytes: Uint8Array): { readonly keyId: string; readonly signature: Uint8Array };
  /** False as well where the key is not known. */
  verifyHead(keyId: string, bytes: Uint8Array, signature: Uint8Array): boolean;
  /** Takes what went wrong when a head was to be signed in the background; it is tried again. */
  onError(error: unknown): void;
}

export interface AuditEntry {
  seq: number;
  atMs: number;
  actor: string;
  action: string;
  /** What it was done to: of `job.create`, what the detail says under `job`. */
  subject: string | null;
  detail: Record<string, unknown>;
  hash: string;
}

/** Bytes in hex. An empty log has the head 0. */
export interface AuditHead {
  seq: number;
  hash: string;
  atMs: number;
  keyId: string | null;
  signature: string | null;
}

export interface AuditVerdict {
  ok: boolean;
  checked: number;
  /** The newest signed head. */
  head: AuditHead | null;
  firstBad: { seq: number; why: string } | null;
  /** False: without a kept head, a tail that was cut off together with its heads cannot be seen. */
  tailChecked: boolean;
}

export interface Audit {
  /**
   * Goes into the batch of what it records: both are there, or neither. `action` is `noun.verb`; `detail` is anything that
   * JSON can say, as it is now.
   */
  entry(actor: { readonly name: string }, action: string, detail: object): Statement;
  /** Oldest first. */
  list(query: { readonly afterSeq: number; readonly limit: number }): Promise<AuditEntry[]>;
  /** The whole chain, from the first record; `since` must be in it. */
  verify(since?: KeptHead, signal?: AbortSignal): Promise<AuditVerdict>;
  /** The newest signed head; at most a second behind the log while that is written. */
  head(): Promise<AuditHead>;
  /** Signs what an earlier process left unsigned, and from now on within two seconds of a record. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

const HEAD_INTERVAL_MS = 1_000;
/** Each may have a head, whose signature takes 0.2 ms to verify: a page must not hold up the process. */
const PAGE_RECORDS = 200;

export function createAudit({ db, clock, hash, signHead, verifyHead, onError }: AuditOptions): Audit {
  let running = false;
  let cancelTimer: (() => void) | undefined;
  let signedAtMs = Number.NEGATIVE_INFINITY;

  function entry(actor: { readonly name: string }, action: string, detail: object): Statement {
    const text = JSON.stringify(detail);
    return {
      late(tx) {
        const last = tx.read(lastRecord())[0] ?? GENESIS;
        headIsDue();
        const facts = { atMs: clock.now(), actor: actor.name, action, detail: text };
        return [insertRecord(appendRecord(hash, last, facts))];
      },
    };
  }

  async function list(page: { readonly afterSeq: number; readonly limit: number }): Promise<AuditEntry[]> {
    const rows = await db.read(recordsAfter({ seq: page.afterSeq, limit: page.limit }));
    return rows.map(toEntry);
  }

  async function verify(since?: KeptHead, signal?: AbortSignal): Promise<AuditVerdict> {
    const checks: Checks = {
      hash,
      since,
      verifyHead: (head) => verifyHead(head.controller_key_id, headBytes(head), head.signature),
    };
    // Before the records: a head that is signed meanwhile must not look like a cut.
    const [newest] = await db.read(newestHead());
    const verdict = (checked: number, problem?: Problem): AuditVerdict => ({
      ok: !problem,
      checked,
      head: newest ? toHead(newest) : null,
      firstBad: problem ? { seq: problem.seq, why: problem.why } : null,
      tailChecked: since !== undefined,
    });

    let progress: Progress = START;
    let cursor = -Number.MAX_SAFE_INTEGER; // sees what was put in before the first record
    let checked = 0;
    for (;;) {
      const records = await db.read(recordsAfter({ seq: cursor, limit: PAGE_RECORDS }));
      const last = records.at(-1);
      if (!last) return verdict(checked, verifyTail(checks, progress, newest));
      const heads = await db.read(headsOf({ after: cursor, to: last.seq }));
      const next = verifyPage(checks, progress, records, heads);
      if ('why' in next) return verdict(checked, next);
      checked += records.length;
      cursor = last.seq;
      progress = next;
      await delay(clock, 0, signal);
    }
  }

  /** The newest record gets a head, if it has none yet. */
  async function sign(): Promise<void> {
    let signed = false;
    await db.write([
      {
        late(tx) {
          const last = tx.read(lastRecord())[0];
          if (!last || last.seq <= (tx.read(newestHead())[0]?.seq ?? 0)) return [];
          const head = { seq: last.seq, hash: last.hash, at_ms: clock.now() };
          const { keyId, signature } = signHead(headBytes(head));
          signed = true;
          return [insertHead({ ...head, controller_key_id: keyId, signature })];
        },
      },
    ]);
    if (signed) signedAtMs = clock.monotonicMs();
  }

  const maySign = (): boolean => clock.monotonicMs() - signedAtMs >= HEAD_INTERVAL_MS;

  /** Not at once: a signature per record would be paid by whoever waits for the record. */
  function headIsDue(): void {
    if (!running || cancelTimer) return;
    cancelTimer = clock.after(HEAD_INTERVAL_MS, () => {
      cancelTimer = undefined;
      if (!maySign()) return headIsDue();
      sign().catch((error: unknown) => {
        onError(error);
        headIsDue();
      });
    });
  }

  async function head(): Promise<AuditHead> {
    if (maySign()) await sign();
    const [newest] = await db.read(newestHead());
    return newest ? toHead(newest) : { seq: 0, hash: '', atMs: 0, keyId: null, signature: null };
  }

  async function start(): Promise<void> {
    running = true;
    await sign();
  }

  async function stop(): Promise<void> {
    if (!running) return;
    running = false;
    cancelTimer?.();
    cancelTimer = undefined;
    // What is not signed now is signed at the next start.
    await sign().catch(onError);
  }

  return { entry, list, verify, head, start, stop };
}

/** The columns are shown even where the entry was made unreadable: `verify` says so, the list must not break. */
function toEntry(record: RecordRow): AuditEntry {
  const detail = parseEntry(record.entry)?.detail ?? {};
  const subject = detail[record.action.split('.')[0] ?? ''];
  return {
    seq: record.seq,
    atMs: record.at_ms,
    actor: record.actor,
    action: record.action,
    subject: typeof subject === 'string' ? subject : null,
    detail,
    hash: toHex(record.hash),
  };
}

function toHead(head: HeadRow): AuditHead {
  return {
    seq: head.seq,
    hash: toHex(head.hash),
    atMs: head.at_ms,
    keyId: head.controller_key_id,
    signature: toHex(head.signature),
  };
}
