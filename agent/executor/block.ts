/**
 * A block is a stretch of a run's output: its bytes in the order in which they were read, and the lengths of the
 * runs of bytes by which stdout and stderr alternate (stdout first, so the first length may be 0).
 */
export type Stream = 'stdout' | 'stderr';

export const BLOCK_BYTES = 64 * 1024;

export interface Block {
  /** Grows; the first `length` bytes count. */
  bytes: Uint8Array;
  length: number;
  readonly runs: number[];
}

export interface Piece {
  readonly stream: Stream;
  /** Where it begins: in the block, and in its stream within the block. */
  readonly at: number;
  readonly offset: number;
  readonly data: Uint8Array;
}

export function emptyBlock(): Block {
  return { bytes: new Uint8Array(0), length: 0, runs: [0] };
}

/** The stream of the run of bytes with this index. */
function streamOf(run: number): Stream {
  return run % 2 === 0 ? 'stdout' : 'stderr';
}

/** Copies as much of `data` as the block still takes, and returns how much that was. */
export function fill(block: Block, stream: Stream, data: Uint8Array): number {
  const taken = Math.min(data.length, BLOCK_BYTES - block.length);
  if (taken === 0) return 0;
  if (block.length + taken > block.bytes.length) {
    const size = Math.max(1024, 2 ** Math.ceil(Math.log2(block.length + taken)));
    const grown = new Uint8Array(Math.min(BLOCK_BYTES, size));
    grown.set(block.bytes.subarray(0, block.length));
    block.bytes = grown;
  }
  block.bytes.set(data.subarray(0, taken), block.length);
  block.length += taken;
  if (streamOf(block.runs.length - 1) !== stream) block.runs.push(0);
  block.runs[block.runs.length - 1] = (block.runs.at(-1) ?? 0) + taken;
  return taken;
}

/** Bytes of stdout in the block. */
export function stdoutLength(block: Block): number {
  return block.runs.reduce((sum, length, run) => (run % 2 === 0 ? sum + length : sum), 0);
}

/** What lies in [at, at + maxBytes), cut where the stream changes. The data are views, of bytes that do not change. */
export function pieces(block: Block, at: number, maxBytes: number): Piece[] {
  const found: Piece[] = [];
  const end = Math.min(block.length, at + maxBytes);
  let begin = 0;
  const offsets = { stdout: 0, stderr: 0 };
  for (const [run, length] of block.runs.entries()) {
    const stream = streamOf(run);
    const from = Math.max(begin, at);
    const to = Math.min(begin + length, end);
    if (from < to)
      found.push({
        stream,
        at: from,
        offset: offsets[stream] + from - begin,
        data: block.bytes.subarray(from, to),
      });
    begin += length;
    offsets[stream] += length;
    if (begin >= end) break;
  }
  return found;
}
