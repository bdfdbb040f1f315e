import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { sha512 } from '../../proto/crypto.ts';
import { MusterError } from '../../proto/errors.ts';
import { writeWhole } from './atomic-file.ts';

/**
 * A number that only grows, kept where a disk that is full still takes it: in a file that is there already, with two slots
 * that are written in place and in turn, each in a block of its own.
 *
 *   "NUMBER CHECKSUM\n", spaces up to 4096 bytes, twice
 *
 * A write that is cut off damages one slot, and the other still holds the number before it.
 */
export interface Counter {
  /** Durable when it returns. Throws MusterError('journal-failed'); then nothing was counted. */
  next(): number;
}

const SLOT_BYTES = 4096;
const CHECKSUM_CHARS = 32;

/**
 * Begins at 0 where there is no file (the controller sees that it went back, and says what to do); the first number makes it.
 * Throws MusterError('bad-request') for a damaged one.
 */
export function counterFile(path: string): Counter {
  let { value, slot } = readSlots(path);
  return {
    next() {
      const other = 1 - slot;
      if (existsSync(path)) overwrite(path, encode(value + 1), other * SLOT_BYTES);
      else writeWhole(path, encode(value + 1).repeat(2));
      slot = other;
      value += 1;
      return value;
    },
  };
}

/** The greatest number, and the slot that holds it. */
function readSlots(path: string): { value: number; slot: number } {
  if (!existsSync(path)) return { value: 0, slot: 0 };
  let text: string;
  try {
    text = readFileSync(path, 'latin1');
  } catch (cause) {
    throw new MusterError('bad-request', `${path}: ${(cause as Error).message}`, { cause });
  }
  const [first, second] = [0, 1].map((slot) =>
    decode(text.slice(slot * SLOT_BYTES, (slot + 1) * SLOT_BYTES)),
  );
  if (first === undefined && second === undefined) throw new MusterError('bad-request', `${path} is damaged`);
  // The damaged one may have held the number after this one.
  if (first === undefined || second === undefined)
    return { value: (first ?? second ?? 0) + 1, slot: first === undefined ? 1 : 0 };
  return first > second ? { value: first, slot: 0 } : { value: second, slot: 1 };
}

function encode(value: number): string {
  return `${value} ${checksum(`${value}`)}\n`.padEnd(SLOT_BYTES);
}

function decode(slot: string): number | undefined {
  const [, digits = '', sum] = /^(\d{1,15}) ([0-9a-f]+)\n/.exec(slot) ?? [];
  return sum !== undefined && sum === checksum(digits) ? Number(digits) : undefined;
}

function checksum(digits: string): string {
  return Buffer.from(sha512(Buffer.from(digits)))
    .toString('hex')
    .slice(0, CHECKSUM_CHARS);
}

function overwrite(path: string, text: string, position: number): void {
  try {
    const fd = openSync(path, 'r+');
    try {
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, position + at);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    throw new MusterError('journal-failed', `${path}: ${(cause as Error).message}`, { cause });
  }
}
