/**
 * What goes up the link of one session: output of many runs in turn, and reports in the order of their chain, each after
 * all kept output of its run.
 *
 *   lane (one run)   acked ........ sent ........ stored        sent - acked <= window; both start at the controller's cursor
 *
 * `next` decides and `sent` moves; nothing here waits, reads a disk or knows the link.
 */
import type { RunKey, StoredReport } from './journal.ts';
import type { OutputSource, Segment } from './output.ts';

export interface Lane {
  readonly run: RunKey;
  readonly source: OutputSource;
  sent: number;
  acked: number;
}

export type Piece =
  | { readonly kind: 'output'; readonly lane: Lane; readonly from: number; readonly maxBytes: number }
  | { readonly kind: 'report'; readonly report: StoredReport };

export interface Forward {
  /** Adds a run, its output going on at `cursor`. A run that is there keeps its place and gets this source. */
  add(run: RunKey, source: OutputSource, cursor: number): void;
  drop(run: RunKey): void;
  has(run: RunKey): boolean;
  ack(run: RunKey, position: number): void;
  /** The next piece to send, or undefined when there is none or every window is full. */
  next(report: StoredReport | undefined): Piece | undefined;
  sent(lane: Lane, segments: readonly Segment[]): void;
  /** Nothing more can be read of this run. */
  giveUp(lane: Lane): void;
}

export function keyOf({ jobId, attempt }: RunKey): string {
  return `${jobId}-${attempt}`;
}

export function createForward(limits: { windowBytes: number; frameBytes: number }): Forward {
  /** In the order of their turns: who was served goes to the end. */
  const lanes = new Map<string, Lane>();

  function isThrough(report: StoredReport): boolean {
    if (report.outputEnd === 0) return true;
    const lane = lanes.get(keyOf(report));
    return !lane || lane.sent >= Math.min(report.outputEnd, lane.source.stored);
  }

  return {
    add(run, source, cursor) {
      const key = keyOf(run);
      const known = lanes.get(key);
      const start = Math.min(cursor, source.stored);
      lanes.set(key, { run, source, sent: known?.sent ?? start, acked: known?.acked ?? start });
    },
    drop: (run) => void lanes.delete(keyOf(run)),
    has: (run) => lanes.has(keyOf(run)),
    ack(run, position) {
      const lane = lanes.get(keyOf(run));
      if (lane) lane.acked = Math.max(lane.acked, Math.min(position, lane.sent));
    },
    next(report) {
      if (report && isThrough(report)) return { kind: 'report', report };
      for (const [key, lane] of lanes) {
        const room = Math.min(lane.source.stored - lane.sent, lane.acked + limits.windowBytes - lane.sent);
        if (room <= 0) continue;
        lanes.delete(key);
        lanes.set(key, lane);
        return { kind: 'output', lane, from: lane.sent, maxBytes: Math.min(room, limits.frameBytes) };
      }
      return undefined;
    },
    sent(lane, segments) {
      for (const { position, data } of segments) lane.sent = Math.max(lane.sent, position + data.length);
    },
    giveUp(lane) {
      // Nor of what it still writes: the controller takes nothing behind a hole.
      lane.sent = Number.POSITIVE_INFINITY;
    },
  };
}
