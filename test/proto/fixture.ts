/** Seeded keys, a fleet and a valid order, from which the tests of proto/ and certs/ depart. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { Encodable, OrderMessage } from '../../proto/codec.ts';
import { boxKeyPair, type KeyPair, signKeyPair } from '../../proto/crypto.ts';
import { type ErrorCode, MusterError } from '../../proto/errors.ts';
import { agentId, fleetIdOf } from '../../proto/frame.ts';
import type { RandomBytes } from '../../proto/random.ts';

/** SHA-512(label, counter): the same bytes for the same label, on every machine. */
export function seeded(label: string): RandomBytes {
  let counter = 0;
  return (length) => {
    const blocks: Buffer[] = [];
    for (let made = 0; made < length; made += 64)
      blocks.push(createHash('sha512').update(`${label}/${counter++}`).digest());
    return new Uint8Array(Buffer.concat(blocks).subarray(0, length));
  };
}

/** Uniform enough in [0, limit). */
export function below(random: RandomBytes, limit: number): number {
  return Buffer.from(random(6)).readUIntBE(0, 6) % limit;
}

/** Bytes from hex with spaces and line breaks. */
export function hex(...lines: readonly string[]): Uint8Array {
  return new Uint8Array(Buffer.from(lines.join('').replaceAll(/\s/g, ''), 'hex'));
}

export const ascii = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));

/** `length` bytes counting up from `first`. */
export const counting = (first: number, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => first + i);

export const concat = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

/** A copy with one byte changed. */
export function flipped(bytes: Uint8Array, at: number, mask = 0x01): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ mask;
  return copy;
}

export const signPair = (name: string): KeyPair => signKeyPair(seeded(`sign ${name}`)(32));
export const boxPair = (name: string): KeyPair => boxKeyPair(seeded(`box ${name}`)(32));

export const ROOT = signPair('root');
export const NEXT_ROOT = signPair('next root');
export const CONTROLLER = signPair('controller');
export const OPERATOR = signPair('operator');
export const RELEASE = signPair('release');
export const AGENT = { sign: signPair('agent'), box: boxPair('agent') };
export const SIBLING = { sign: signPair('sibling'), box: boxPair('sibling') };

export const FLEET = fleetIdOf(ROOT.publicKey);
export const AGENT_ID = agentId(FLEET, AGENT.sign.publicKey);
export const SIBLING_ID = agentId(FLEET, SIBLING.sign.publicKey);
export const EPOCH = counting(0x40, 16);
export const JOB_ID = counting(0x10, 16);

/** 2026-11-23T06:00:00Z. */
export const NOW_MS = 1_795_413_600_000;

export type OrderInput = Encodable<OrderMessage>;

/** A valid order of kind run; the targets are the caller's. */
export function runOrder(targets: { root: Uint8Array; count: number }, changes: OrderInput = {}): OrderInput {
  return {
    version: 4,
    fleetId: FLEET,
    jobId: JOB_ID,
    kind: 'run',
    targetsRoot: targets.root,
    targetsCount: targets.count,
    signedAtMs: NOW_MS - 1_000,
    notBeforeMs: NOW_MS - 1_000,
    expiresAtMs: NOW_MS + 60_000,
    tasks: [{ name: 'hello', command: { argv: ['uname', '-a'] } }],
    limits: { timeoutMs: 3_600_000, killGraceMs: 10_000, outputCapBytes: 10 * 1024 * 1024 },
    retry: { policy: 'never', attempts: 1 },
    reason: 'a first look',
    ...changes,
  };
}

/** A valid order of kind cancel. */
export function cancelOrder(changes: OrderInput = {}): OrderInput {
  return {
    version: 4,
    fleetId: FLEET,
    jobId: counting(0x20, 16),
    kind: 'cancel',
    signedAtMs: NOW_MS - 1_000,
    notBeforeMs: NOW_MS - 1_000,
    expiresAtMs: NOW_MS + 60_000,
    cancel: { jobId: JOB_ID, orderHash: counting(0x60, 32), expiresAtMs: NOW_MS + 60_000 },
    ...changes,
  };
}

/** Fails unless `act` throws a MusterError with this code; gives the error. */
export function refused(code: ErrorCode, act: () => unknown): MusterError {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof MusterError, `expected a MusterError, got ${String(error)}`);
    assert.equal(error.code, code, error.message);
    return error;
  }
  assert.fail(`expected a refusal with ${code}, but nothing was refused`);
}
