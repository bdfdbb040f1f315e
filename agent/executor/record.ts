import { crc32 } from 'node:zlib';
import type { Stream } from './block.ts';

/**
 * The file in which a run's output is kept, written as the output is read, so that an agent after this one knows what this
 * one knew. Against the death of a process the page cache is enough; nothing is fsynced but before a reboot.
 *
 *   header   "mlog1\n", a byte that is 1 once an agent let go of the run in good order, a free byte,
 *            f64le bytes of stdout that were read and not kept, f64le those of stderr
 *   record   u8 kind, u32le length, u32le crc32 of the payload (begun with the kind), payload
 *
 * The header's numbers are written over in place. What does not check ends the file: it is a record that was not written
 * whole, and bytes of a hostile program must not pass for one of ours.
 */
export const LOG_HEADER_BYTES = 24;
export const RECORD_HEADER_BYTES = 9;
const MAGIC = Buffer.from('mlog1\n');
const CLOSED_AT = 6;
export const DROPPED_AT = 8;

export interface LogHeader {
  readonly closed: boolean;
  readonly dropped: Readonly<Record<Stream, number>>;
}

export function encodeHeader({ closed, dropped }: LogHeader): Uint8Array {
  const bytes = Buffer.alloc(LOG_HEADER_BYTES);
  MAGIC.copy(bytes);
  bytes[CLOSED_AT] = closed ? 1 : 0;
  bytes.writeDoubleLE(dropped.stdout, DROPPED_AT);
  bytes.writeDoubleLE(dropped.stderr, DROPPED_AT + 8);
  return bytes;
}

/** Undefined for what is no log. */
export function decodeHeader(bytes: Uint8Array): LogHeader | undefined {
  const header = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (header.length < LOG_HEADER_BYTES || !header.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  const dropped = {
    stdout: header.readDoubleLE(DROPPED_AT),
    stderr: header.readDoubleLE(DROPPED_AT + 8),
  };
  if (!Number.isSafeInteger(dropped.stdout) || !Number.isSafeInteger(dropped.stderr)) return undefined;
  return { closed: header[CLOSED_AT] === 1, dropped };
}

export type Kind = Stream | 'gap' | 'note';
const KINDS: readonly Kind[] = ['stdout', 'stderr', 'gap', 'note'];

export interface LogRecord {
  readonly kind: Kind;
  /** Where its header begins, in what was parsed. */
  readonly at: number;
  readonly payload: Uint8Array;
}

/** The checksum of a payload; or of its next part, after that of what is before it. */
export function checksum(kind: Kind, payload: Uint8Array, before = 1 + KINDS.indexOf(kind)): number {
  return crc32(payload, before);
}

export function recordHeader(kind: Kind, length: number, check: number): Uint8Array {
  const header = Buffer.alloc(RECORD_HEADER_BYTES);
  header[0] = 1 + KINDS.indexOf(kind);
  header.writeUInt32LE(length, 1);
  header.writeUInt32LE(check, 5);
  return header;
}

/** The records that are whole, from `at` on, and where they end. The payloads are views. */
export function parseRecords(bytes: Uint8Array, at = 0): { records: LogRecord[]; end: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const records: LogRecord[] = [];
  let end = at;
  while (end + RECORD_HEADER_BYTES <= bytes.length) {
    const kind = KINDS[view.getUint8(end) - 1];
    const payloadAt = end + RECORD_HEADER_BYTES;
    const payloadEnd = payloadAt + view.getUint32(end + 1, true);
    if (!kind || payloadEnd > bytes.length) break;
    const payload = bytes.subarray(payloadAt, payloadEnd);
    if (checksum(kind, payload) !== view.getUint32(end + 5, true)) break;
    records.push({ kind, at: end, payload });
    end = payloadEnd;
  }
  return { records, end };
}

export function encodeGap(stream: Stream, offset: number): Uint8Array {
  const bytes = Buffer.alloc(9);
  bytes[0] = stream === 'stdout' ? 1 : 2;
  bytes.writeDoubleLE(offset, 1);
  return bytes;
}

export function decodeGap(payload: Uint8Array): { stream: Stream; offset: number } {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
  return { stream: bytes[0] === 1 ? 'stdout' : 'stderr', offset: bytes.readDoubleLE(1) };
}
