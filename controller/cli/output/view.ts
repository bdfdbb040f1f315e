import type { Counts } from '../../api/contract.ts';
import type { Tracked } from '../tally.ts';

export type Stream = 'stdout' | 'stderr';

/** A piece of one run's output, as it came. */
export interface Piece {
  agentId: string;
  name: string;
  attempt: number;
  stream: Stream;
  /** In its stream. */
  offset: number;
  /** Bytes of this stream that were lost just before these, on the host or on the way. */
  missingBytes: number;
  /** Of its first byte, in the run's output, both streams in the order of arrival. */
  position: number;
  bytes: Uint8Array;
}

/** How a job looks on the screen or in a file. */
export interface JobView {
  output(piece: Piece): void;
  /** A run goes on with another task. */
  task(run: Tracked): void;
  /** A run has its outcome; once more when a late real one replaces it. */
  ended(run: Tracked): void;
  /** Nothing follows: the job is over, or this command leaves it. */
  finished(end: End): void;
  /** Resolves when it is ready for more, where what it takes may pile up. */
  settled?(): Promise<void>;
}

export interface End {
  job: string;
  counts: Counts;
  runs: Tracked[];
  elapsedMs: number;
}

/** The part of a view that shows output as it comes. */
export interface LiveView extends Pick<JobView, 'output' | 'ended'> {
  /** Shows what stands without a line's end; nothing follows. */
  flush(): void;
}

/** Returns a function that says how many bytes of its stream are missing before a piece. */
export function createGapFinder(): (piece: Omit<Piece, 'missingBytes'>) => number {
  const next = new Map<string, number>();
  return ({ agentId, attempt, stream, offset, bytes }) => {
    const key = `${agentId}/${attempt}/${stream}`;
    const expected = next.get(key) ?? 0;
    next.set(key, offset + bytes.length);
    return Math.max(0, offset - expected);
  };
}
