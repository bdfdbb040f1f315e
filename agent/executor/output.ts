import { incrementalSha512 } from '../../proto/crypto.ts';
import { BLOCK_BYTES, type Block, emptyBlock, fill, pieces, type Stream, stdoutLength } from './block.ts';
import {
  checksum,
  DROPPED_AT,
  decodeGap,
  decodeHeader,
  encodeGap,
  encodeHeader,
  type Kind,
  LOG_HEADER_BYTES,
  parseRecords,
  RECORD_HEADER_BYTES,
  recordHeader,
} from './record.ts';

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
  /** False when it is not in the file, which then is not complete. */
  append(stream: Stream, data: Uint8Array): boolean;
  gap(stream: Stream): void;
  /** Writes down what is no output. Throws what the disk throws. */
  note(text: string): void;
  /** At most `maxBytes` from `position` on, in order; none at the end of what was kept. For reading only. */
  read(position: number, maxBytes: number): Segment[];
  summary(): OutputSummary;
  /** Durable, also against the end of the machine. Throws what the disk throws. */
  sync(): void;
  /** Nothing that was read is missing in the file, which is closed. */
  close(): void;
}

/** Where a run's log is kept. Throws what the disk throws. */
export interface LogFile {
  /** 0 where there is none. */
  readonly size: number;
  write(at: number, parts: readonly Uint8Array[]): void;
  /** Less at the end of the file. */
  read(at: number, length: number): Uint8Array;
  truncate(length: number): void;
  sync(): void;
  close(): void;
  remove(): void;
}

/** A log, and what an agent before this one wrote to it. */
export interface OpenedLog {
  readonly log: OutputLog;
  readonly notes: readonly string[];
  /** It was let go of in good order, so that nothing which was read is missing. */
  readonly closed: boolean;
}

interface Stored {
  readonly position: number;
  readonly stdoutOffset: number;
  /** In the file. */
  readonly at: number;
  readonly length: number;
}

/** Small pieces of one stream are put together in records of up to this size. */
const JOIN_BYTES = 4096;
/** Longer than any record, so that each is found whole in what is read at once. */
const CHUNK_BYTES = 256 * 1024;
const NOTE_BYTES = 128 * 1024;

/**
 * A run's output: an exact prefix of at most `capBytes`, and the true lengths of what followed. All of it is in the file;
 * one block of 64 KiB is in memory too, and 4 numbers for each other block to find it. Goes on where an earlier agent's
 * file ends. Throws what the disk throws at reading that.
 */
export function openOutputLog(options: {
  capBytes: number;
  file: LogFile;
  /** Throws where so much more output would take what the disk has to keep for others. */
  reserve?: ((bytes: number) => void) | undefined;
}): OpenedLog {
  const { capBytes, file, reserve } = options;
  const hash = incrementalSha512();
  const index: Stored[] = [];
  const lengths = { stdout: 0, stderr: 0 };
  const dropped = { stdout: 0, stderr: 0 };
  const gaps: Gap[] = [];
  const notes: string[] = [];
  let block = emptyBlock();
  let blockPosition = 0;
  let blockStdout = 0;
  let blockAtInFile = LOG_HEADER_BYTES;
  let end = 0;
  /** The record at the end of the file, while more may be joined to it. */
  let open: { kind: Kind; at: number; length: number; check: number } | undefined;
  /** Why the file takes no more. What is in memory is kept all the same. */
  let failure: string | undefined;
  /** From where on the file lacks what was read since. */
  const lost = new Map<Stream, { readonly offset: number; isTold: boolean }>();
  let problem: string | undefined;

  const stored = () => blockPosition + block.length;

  function begin(): void {
    if (end > 0) return;
    file.write(0, [encodeHeader({ closed: false, dropped })]);
    end = LOG_HEADER_BYTES;
  }

  function write(kind: Kind, payload: Uint8Array): void {
    begin();
    const check = checksum(kind, payload);
    file.write(end, [recordHeader(kind, payload.length, check), payload]);
    open = { kind, at: end, length: payload.length, check };
    end += RECORD_HEADER_BYTES + payload.length;
  }

  /** The data first: until the header counts them they are no part of the file. */
  function join(to: NonNullable<typeof open>, data: Uint8Array): void {
    const length = to.length + data.length;
    const check = checksum(to.kind, data, to.check);
    file.write(end, [data]);
    file.write(to.at, [recordHeader(to.kind, length, check)]);
    open = { ...to, length, check };
    end += data.length;
  }

  /** From here on the block is only in the file. */
  function spill(): void {
    const at = blockAtInFile;
    index.push({ position: blockPosition, stdoutOffset: blockStdout, at, length: end - at });
    blockPosition += block.length;
    blockStdout += stdoutLength(block);
    blockAtInFile = end;
    block = emptyBlock();
    open = undefined;
  }

  function count(stream: Stream, data: Uint8Array): void {
    fill(block, stream, data);
    hash.update(data);
    lengths[stream] += data.length;
  }

  /** How much of it was kept: once the file has failed, what the block takes. */
  function keep(stream: Stream, data: Uint8Array): number {
    let from = 0;
    while (from < data.length) {
      if (block.length === BLOCK_BYTES && failure !== undefined) {
        problem = `the output cannot be kept: ${failure}`;
        break;
      }
      if (block.length === BLOCK_BYTES) spill();
      const part = data.subarray(from, from + BLOCK_BYTES - block.length);
      put(stream, part);
      count(stream, part);
      from += part.length;
    }
    return from;
  }

  function put(stream: Stream, part: Uint8Array): void {
    try {
      if (failure !== undefined) throw new Error(failure);
      reserve?.(part.length);
      if (open?.kind === stream && open.length + part.length <= JOIN_BYTES) join(open, part);
      else write(stream, part);
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error);
      open = undefined;
      if (!lost.has(stream)) lost.set(stream, { offset: lengths[stream], isTold: false });
    }
  }

  function drop(stream: Stream, length: number): void {
    lengths[stream] += length;
    dropped[stream] += length;
    try {
      begin();
      file.write(DROPPED_AT, [encodeHeader({ closed: false, dropped }).subarray(DROPPED_AT)]);
    } catch {
      // This agent still knows; to one after it they are as a gap.
    }
  }

  /** Takes in what the file holds, and cuts it off after what is whole. */
  function restore(): boolean {
    const size = file.size;
    const header = decodeHeader(file.read(0, LOG_HEADER_BYTES));
    if (!header) {
      if (size > 0) file.truncate(0);
      return false;
    }
    end = LOG_HEADER_BYTES;
    for (let parsed = 1; parsed > 0 && end < size; end += parsed) {
      const next = parseRecords(file.read(end, CHUNK_BYTES));
      for (const { kind, payload, at } of next.records) takeIn(kind, payload, end + at);
      parsed = next.end;
    }
    const whole = end === size;
    if (!whole) file.truncate(end);
    for (const stream of ['stdout', 'stderr'] as const) {
      dropped[stream] = header.dropped[stream];
      lengths[stream] += dropped[stream];
    }
    file.write(0, [encodeHeader({ closed: false, dropped })]);
    return header.closed && whole;
  }

  function takeIn(kind: Kind, payload: Uint8Array, at: number): void {
    if (kind === 'note') notes.push(Buffer.from(payload).toString('utf8'));
    else if (kind === 'gap') gaps.push(decodeGap(payload));
    else {
      if (block.length + payload.length > BLOCK_BYTES) {
        const atEnd = end;
        end = at;
        spill();
        end = atEnd;
      }
      count(kind, payload);
    }
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
    return { ...found, block: readBlock(found) };
  }

  function readBlock({ at, length }: Stored): Block {
    const read = emptyBlock();
    const { records, end: parsed } = parseRecords(file.read(at, length));
    if (parsed !== length) throw new Error('the log of the output is damaged');
    for (const { kind, payload } of records)
      if (kind === 'stdout' || kind === 'stderr') fill(read, kind, payload);
    return read;
  }

  const log: OutputLog = {
    get length() {
      return lengths.stdout + lengths.stderr;
    },
    get stored() {
      return stored();
    },
    append(stream, data) {
      const room = problem === undefined ? Math.max(0, capBytes - stored()) : 0;
      const kept = keep(stream, data.subarray(0, room));
      if (kept < data.length) drop(stream, data.length - kept);
      return failure === undefined;
    },
    gap(stream) {
      const offset = lengths[stream];
      if (gaps.some((gap) => gap.stream === stream && gap.offset === offset)) return;
      gaps.push({ stream, offset });
      try {
        write('gap', encodeGap(stream, offset));
      } catch {
        // This agent still knows.
      }
    },
    note(text) {
      const bytes = Buffer.from(text);
      if (bytes.length > NOTE_BYTES) throw new RangeError('a note that is too long');
      // A note says that the run came so far; an agent after this one is not to take its output for complete.
      for (const [stream, from] of lost) {
        if (!from.isTold) write('gap', encodeGap(stream, from.offset));
        from.isTold = true;
      }
      write('note', bytes);
    },
    read(position, maxBytes) {
      const segments: Segment[] = [];
      const last = Math.min(stored(), position + maxBytes);
      let next = Math.max(0, position);
      while (next < last) {
        const from = blockAt(next);
        const stdout = { stdout: from.stdoutOffset, stderr: from.position - from.stdoutOffset };
        for (const piece of pieces(from.block, next - from.position, last - next)) {
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
    sync: () => file.sync(),
    close() {
      try {
        if (end > 0) file.write(0, [encodeHeader({ closed: failure === undefined, dropped })]);
      } catch {
        // Then the next agent shows a gap.
      }
      file.close();
    },
  };
  const closed = restore();
  return { log, notes, closed };
}
