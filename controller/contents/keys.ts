import { secretbox, secretboxOpen } from '../../proto/crypto.ts';
import { MusterError } from '../../proto/errors.ts';
import type { RandomBytes } from '../../proto/random.ts';

const NONCE_BYTES = 24;
const KEY_BYTES = 32;

/** The key of one content, and how it is stored. */
export function makeContentKey(
  random: RandomBytes,
  sealingKey: Uint8Array,
): { key: Uint8Array; box: Uint8Array } {
  const key = random(KEY_BYTES);
  const nonce = random(NONCE_BYTES);
  return { key, box: Buffer.concat([nonce, secretbox(key, nonce, sealingKey)]) };
}

/** Throws MusterError('internal') where the stored key was sealed under another one. */
export function openContentKey(box: Uint8Array, sealingKey: Uint8Array): Uint8Array {
  const key = secretboxOpen(box.subarray(NONCE_BYTES), box.subarray(0, NONCE_BYTES), sealingKey);
  if (!key) throw new MusterError('internal', 'the stored key of a content does not open');
  return key;
}
