import { incrementalSha512 } from '../../proto/crypto.ts';
import {
  BLOCK_BYTES,
  type Block,
  decodeBlock,
  emptyBlock,
  encodeBlock,
  fill,
  pieces,
  type Stream,
  stdoutLength,
} from './block.ts';

export type { Stream } from './block.ts';

/** Part of a run's output. `offset` counts in its stream, `position` in the output of both. */
export interface Segment {
  readonly stream: Stream;
  readonly offset: number;
  readonly position: number;
  readonly data: Uint8Array;
}

/** Bytes of this stream may be missing from `offset` on. */
export interface Gap {
  readonly stream: Stream;
  readonly offset: number;
}

export interface OutputSummary {
  /** What the run wrote, as far as it was read, also beyond what was kept. */
  readonly length: number;
  readonly stdoutLength: number;
  readonly stderrLength: number;
  /** How much of it was kept: exactly the first `stored` bytes. */
  readonly stored: number;
  readonly truncated: boolean;
  /** 64 bytes; of what was kept, in order of position. */
  readonly sha512: Uint8Array;
  readonly gaps: readonly Gap[];
  /** Why less was kept than the cap allows. */
  readonly problem?: string;
}

export interface OutputLog {
  /** How much the run has written so far; the next byte's position. */
  readonly length: number;
  readonly stored: number;
  append(stream: Stream, data: Uint8Array): void;
  gap(stream: Stream): void;
  /** At most `maxBytes` from `position` on, in order; none at the end of what was kept. For reading only. */
  read(position: number, maxBytes: number): Segment[];
  summary(): OutputSummary;
}

/** Where blocks go that are full. Throws what the disk throws. */
export interface BlockStore {
  append(bytes: Uint8Array): void;
  read(at: number, length: number): Uint8Array;
}

interface Stored {
  readonly position: number;
  readonly stdoutOffset: number;
  /** In the store. */
  readonly at: number;
  readonly length: number;
}

/**
 * A run's output: an exact prefix of at most `capBytes`, and the true lengths of what followed. One block of 64 KiB
 * is in memory; the others are in the store, with 4 numbers each to find them.
 */
export function createOutputLog(options: { capBytes: number; store: BlockStore }): OutputLog {
  const { capBytes, store } = options;
  const hash = incrementalSha512();
  const index: Stored[] = [];
  const lengths = { stdout: 0, stderr: 0 };
  const gaps: Gap[] = [];
  let block = emptyBlock();
  let blockPosition = 0;
  let blockStdout = 0;
  let storeEnd = 0;
  let problem: string | undefined;

  const stored = () => blockPosition + block.length;

  /** Moves a full block to the store. False, and nothing is kept from here on, if the store fails. */
  function spill(): boolean {
    const encoded = encodeBlock(block);
    try {
      store.append(encoded);
    } catch (error) {
      problem = `the output cannot be kept: ${error instanceof Error ? error.message : String(error)}`;
      return false;
    }
    index.push({ position: blockPosition, stdoutOffset: blockStdout, at: storeEnd, length: encoded.length });
    storeEnd += encoded.length;
    blockPosition += block.length;
    blockStdout += stdoutLength(block);
    block = emptyBlock();
    return true;
  }

  function keep(stream: Stream, data: Uint8Array): void {
    let from = 0;
    while (from < data.length) {
      if (block.length === BLOCK_BYTES && !spill()) break;
      from += fill(block, stream, data.subarray(from));
    }
    if (from > 0) hash.update(data.subarray(0, from));
  }

  function blockAt(position: number): { block: Block; position: number; stdoutOffset: number } {
    if (position >= blockPosition) return { block, position: blockPosition, stdoutOffset: blockStdout };
    let low = 0;
    for (let high = index.length - 1; low < high; ) {
      const middle = (low + high + 1) >> 1;
      if ((index[middle]?.position ?? 0) <= position) low = middle;
      else high = middle - 1;
    }
    const found = index[low];
    if (!found) return { block, position: blockPosition, stdoutOffset: blockStdout };
    return { ...found, block: decodeBlock(store.read(found.at, found.length)) };
  }

  return {
    get length() {
      return lengths.stdout + lengths.stderr;
    },
    get stored() {
      return stored();
    },
    append(stream, data) {
      const room = problem === undefined ? capBytes - stored() : 0;
      keep(stream, data.subarray(0, room));
      lengths[stream] += data.length;
    },
    gap(stream) {
      gaps.push({ stream, offset: lengths[stream] });
    },
    read(position, maxBytes) {
      const segments: Segment[] = [];
      const end = Math.min(stored(), position + maxBytes);
      let next = Math.max(0, position);
      while (next < end) {
        const from = blockAt(next);
        const stdout = { stdout: from.stdoutOffset, stderr: from.position - from.stdoutOffset };
        for (const piece of pieces(from.block, next - from.position, end - next)) {
          segments.push({
            stream: piece.stream,
            offset: stdout[piece.stream] + piece.offset,
            position: from.position + piece.at,
            data: piece.data,
          });
        }
        next = from.position + from.block.length;
      }
      return segments;
    },
    summary: () => ({
      length: lengths.stdout + lengths.stderr,
      stdoutLength: lengths.stdout,
      stderrLength: lengths.stderr,
      stored: stored(),
      truncated: lengths.stdout + lengths.stderr > stored(),
      sha512: hash.digest(),
      gaps: [...gaps],
      ...(problem === undefined ? {} : { problem }),
    }),
  };
}
