import { createHash } from 'node:crypto';
import type { RandomBytes } from '../../proto/random.ts';

/** The same seed gives the same bytes: SHA-256 over seed and counter. */
export function seededRandom(seed: string): RandomBytes {
  let counter = 0;
  return (length) => {
    const out = new Uint8Array(length);
    for (let at = 0; at < length; at += 32) {
      const block = createHash('sha256').update(`${seed}/${counter++}`).digest();
      out.set(block.subarray(0, length - at), at);
    }
    return out;
  };
}
