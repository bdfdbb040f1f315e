import type { Clock } from '../../proto/clock.ts';
import type { Message } from '../../proto/codec.ts';
import { fromHex, toHex } from '../../proto/ids.ts';
import { LIMITS, MIB } from '../../proto/limits.ts';
import type { Log } from '../log.ts';
import { createForward, type Forward, keyOf, type Lane, type Piece } from './forward.ts';
import type { Journal, RunKey, StoredReport } from './journal.ts';
import type { KeptFiles, OpenedOutput } from './kept-files.ts';
import { decodeOutput, type OutputSource } from './output.ts';

/** The session, as far as the outbox needs it. */
export interface Uplink {
  readonly bufferedAmount: number;
  send(kind: 'output', value: OutputFrame): void;
  send(kind: 'report', value: { report: Uint8Array; signature: Uint8Array }): void;
}

interface OutputFrame {
  jobId: Uint8Array;
  attempt: number;
  stream: string;
  offset: number;
  position: number;
  data: Uint8Array;
}

export interface OutboxPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly journal: Journal;
  readonly kept: KeptFiles;
  /** Calls `fn` once this turn of the event loop is done, so that what came in it goes out together. */
  soon(fn: () => void): void;
}

/** Brings output and reports to the controller, whoever it is and however often the link breaks. */
export interface Outbox {
  /** A run began; its output is read from `source` until `settle`. */
  attach(run: RunKey, source: OutputSource): void;
  /** There is more output. */
  wake(): void;
  /** The run's report is in the journal. From here on its output is read from where the report says it is kept. */
  settle(report: StoredReport): void;
  /** Sends the report of a finished run again, unless its turn is still to come. */
  resend(report: StoredReport): void;
  /** A session is up: what it lacks follows. Reports go on after `afterSeq`. */
  open(uplink: Uplink, afterSeq: number, cursors: readonly Message<'RunCursor'>[]): void;
  ack(run: RunKey, position: number): void;
  /** Their reports have a receipt: nothing of them is sent any more. */
  release(runs: readonly RunKey[]): void;
  close(): void;
}

/** So much may wait in the socket; past it the outbox looks again when some of it has gone. */
const BUFFERED_BYTES = MIB;
const LOOK_AGAIN_MS = 20;
const READ_AGAIN_MS = 5_000;

interface Current {
  readonly uplink: Uplink;
  readonly forward: Forward;
  readonly cursors: ReadonlyMap<string, number>;
  /** The last report that was sent in this session, or was there before. */
  seq: number;
  /** The one after it, once it was fetched. */
  report: StoredReport | undefined;
  /** Whether the journal may hold one that was not fetched. */
  more: boolean;
}

export function createOutbox(ports: OutboxPorts): Outbox {
  const { clock, journal, kept, log } = ports;
  const live = new Map<string, { run: RunKey; source: OutputSource }>();
  const files = new Map<string, OpenedOutput>();
  let current: Current | undefined;
  let woken = false;
  let cancelLook = (): void => {};

  function wake(): void {
    if (woken || !current) return;
    woken = true;
    ports.soon(() => {
      woken = false;
      pump();
    });
  }

  /** A journal that cannot be read now may be readable later; what it holds is not lost by waiting. */
  function pump(): void {
    try {
      sendAll();
    } catch (cause) {
      log.error({ cause: String(cause) }, 'nothing can be sent');
      lookAgain(READ_AGAIN_MS);
    }
  }

  function lookAgain(ms: number): void {
    cancelLook();
    cancelLook = clock.after(ms, pump);
  }

  function sendAll(): void {
    while (current) {
      if (current.uplink.bufferedAmount >= BUFFERED_BYTES) {
        lookAgain(LOOK_AGAIN_MS);
        return;
      }
      current.report ??= nextReport(current);
      const piece = current.forward.next(current.report);
      if (!piece) return;
      send(current, piece);
    }
  }

  function nextReport(session: Current): StoredReport | undefined {
    if (!session.more) return undefined;
    const report = journal.reportAfter(session.seq);
    session.more = report !== undefined;
    if (report && report.outputEnd > 0 && !session.forward.has(report)) {
      const source = stored(report);
      if (source) session.forward.add(report, source, session.cursors.get(keyOf(report)) ?? 0);
    }
    return report;
  }

  function send(session: Current, piece: Piece): void {
    if (piece.kind === 'report') {
      const { report, signature, seq } = piece.report;
      session.uplink.send('report', { report, signature });
      session.seq = seq;
      session.report = undefined;
      return;
    }
    const { lane } = piece;
    try {
      const segments = lane.source.read(piece.from, piece.maxBytes);
      if (!segments.some(({ data }) => data.length > 0)) throw new Error('the output ended early');
      const jobId = fromHex(lane.run.jobId, LIMITS.jobIdBytes) ?? new Uint8Array(0);
      for (const segment of segments)
        session.uplink.send('output', { jobId, attempt: lane.run.attempt, ...segment });
      session.forward.sent(lane, segments);
    } catch (cause) {
      giveUp(session, lane, cause);
    }
  }

  /** The report still goes: it says how much there was, so that the controller sees what is missing. */
  function giveUp(session: Current, lane: Lane, cause: unknown): void {
    log.error({ job: lane.run.jobId, cause: String(cause) }, 'kept output cannot be read');
    session.forward.giveUp(lane);
  }

  function stored(report: StoredReport): OutputSource | undefined {
    const key = keyOf(report);
    const own = live.get(key);
    if (own) return own.source;
    if (report.kept === 'row') return rowOutput(report);
    if (report.kept !== 'file') return undefined;
    const opened = files.get(key) ?? kept.open(report, report.outputEnd);
    if (opened) files.set(key, opened);
    else log.error({ job: report.jobId }, 'kept output is missing');
    return opened;
  }

  /** Fetched when it is read: as a rule all of it was sent while the run was alive. */
  function rowOutput({ seq, outputEnd }: StoredReport): OutputSource {
    let fetched: OutputSource | undefined;
    return {
      stored: outputEnd,
      read(position, maxBytes) {
        fetched ??= decodeOutput(outputEnd, journal.output(seq) ?? new Uint8Array(0));
        return fetched.read(position, maxBytes);
      },
    };
  }

  function forget(run: RunKey): void {
    const key = keyOf(run);
    live.delete(key);
    files.get(key)?.close();
    files.delete(key);
    current?.forward.drop(run);
  }

  return {
    attach(run, source) {
      live.set(keyOf(run), { run, source });
      current?.forward.add(run, source, 0);
    },
    wake,
    settle(report) {
      const held = report.kept === 'row' || report.kept === 'file';
      if (held || report.outputEnd === 0) live.delete(keyOf(report));
      if (held && current?.forward.has(report)) {
        const source = stored(report);
        if (source) current.forward.add(report, source, 0);
      }
      if (current) current.more = true;
      pump();
    },
    resend({ seq, report, signature }) {
      if (current && seq <= current.seq) current.uplink.send('report', { report, signature });
    },
    open(uplink, afterSeq, cursors) {
      const forward = createForward({
        windowBytes: LIMITS.outputWindowBytes,
        frameBytes: LIMITS.outputFrameBytes,
      });
      const positions = new Map(
        cursors.map((one) => [keyOf({ jobId: toHex(one.jobId), attempt: one.attempt }), one.position]),
      );
      for (const [key, { run, source }] of live) forward.add(run, source, positions.get(key) ?? 0);
      current = { uplink, forward, cursors: positions, seq: afterSeq, report: undefined, more: true };
      wake();
    },
    ack(run, position) {
      current?.forward.ack(run, position);
      wake();
    },
    release(runs) {
      for (const run of runs) forget(run);
    },
    close() {
      current = undefined;
      cancelLook();
    },
  };
}
