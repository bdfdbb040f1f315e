/** Protobuf's wire, written by hand, so that the tests can make what no encoder makes. */
import { concat } from './fixture.ts';

export function varint(value: number | bigint, padding = 0): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt(value);
  do {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  } while (rest > 0n);
  for (let i = 0; i < padding; i += 1) bytes.push(0x80);
  bytes.push((bytes.pop() ?? 0) & 0x7f);
  return Uint8Array.from(bytes);
}

/** Field of wire type 0. */
export const number = (field: number, value: number | bigint): Uint8Array =>
  concat(varint(field * 8), varint(value));

/** Field of wire type 2. */
export const bytes = (field: number, value: Uint8Array): Uint8Array =>
  concat(varint(field * 8 + 2), varint(value.length), value);

export const text = (field: number, value: string): Uint8Array => bytes(field, Buffer.from(value, 'utf8'));

/** A submessage of fields. */
export const message = (field: number, ...fields: readonly Uint8Array[]): Uint8Array =>
  bytes(field, concat(...fields));
