import { signOrder } from '../../../proto/bundle.ts';
import type { SignatureMessage } from '../../../proto/codec.ts';
import { type KeyPair, signKeyPair } from '../../../proto/crypto.ts';
import { keyId } from '../../../proto/frame.ts';
import { fromHex, toHex } from '../../../proto/ids.ts';
import { LIMITS } from '../../../proto/limits.ts';
import { EXIT, Failure } from '../failure.ts';
import { readTextIfThere, writePrivate } from '../files.ts';
import { keyFileOf } from '../home.ts';
import type { Surroundings } from '../surroundings.ts';

/**
 * An operator's own signing key. It is made on his machine and never leaves it: what the controller gets is the public half, and signatures.
 * One for each context, and so for one fleet: an order for another fleet is never signed with it.
 */
export interface OperatorKey {
  /** Hex. */
  id: string;
  publicKey: Uint8Array;
  fleetId: Uint8Array;
  sign(order: Uint8Array): SignatureMessage;
}

/** What `operator-key.json` holds; all bytes in hex. */
interface KeyFile {
  version: 1;
  fleetId: string;
  publicKey: string;
  seed: string;
}

const PREFIX = 'muster-key-';
const SEED_BYTES = 32;

/** The public key as it is handed to an admin. */
export function encodePublicKey(publicKey: Uint8Array): string {
  return PREFIX + Buffer.from(publicKey).toString('base64url');
}

/** Throws a Failure (wrong use). */
export function parsePublicKey(text: string): Uint8Array {
  const trimmed = text.trim();
  const bytes = Buffer.from(trimmed.slice(PREFIX.length), 'base64url');
  if (bytes.length !== LIMITS.publicKeyBytes || encodePublicKey(bytes) !== trimmed)
    throw new Failure(
      EXIT.wrongUse,
      'this is not the public key of an operator',
      '"muster operator key" on their machine prints it; it begins with muster-key-',
    );
  return bytes;
}

/** Makes the key of this context anew and keeps it. */
export async function makeKey(surroundings: Surroundings, fleetId: string): Promise<OperatorKey> {
  const seed = surroundings.random(SEED_BYTES);
  const pair = signKeyPair(seed);
  const file: KeyFile = { version: 1, fleetId, publicKey: toHex(pair.publicKey), seed: toHex(seed) };
  await writePrivate(keyFileOf(surroundings), `${JSON.stringify(file, null, 2)}\n`);
  return keyOf(pair, Buffer.from(fleetId, 'hex'));
}

/** Undefined where there is none. Throws a Failure for a file that is not one of these. */
export async function readKey(surroundings: Surroundings): Promise<OperatorKey | undefined> {
  const path = keyFileOf(surroundings);
  const text = await readTextIfThere(path);
  if (text === undefined) return undefined;
  const { version, fleetId, publicKey, seed } = parsed(text) as Partial<Record<keyof KeyFile, unknown>>;
  const bytes = bytesOf(seed, SEED_BYTES);
  const fleet = bytesOf(fleetId, LIMITS.keyIdBytes);
  const pair = bytes && signKeyPair(bytes);
  if (version !== 1 || !pair || !fleet || toHex(pair.publicKey) !== publicKey)
    throw new Failure(
      EXIT.wrongUse,
      `${path} is damaged`,
      'put it back from a copy, or make a new key with "muster operator key --replace" and have it trusted',
    );
  return keyOf(pair, fleet);
}

function parsed(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

const bytesOf = (hex: unknown, length: number): Uint8Array | undefined =>
  typeof hex === 'string' ? fromHex(hex, length) : undefined;

function keyOf(pair: KeyPair, fleetId: Uint8Array): OperatorKey {
  return {
    id: toHex(keyId('operator', pair.publicKey)),
    publicKey: pair.publicKey,
    fleetId,
    sign: (order) => signOrder(order, 'operator', pair),
  };
}
