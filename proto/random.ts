/** Where random bytes come from; a simulator injects a seeded source so that keys and nonces replay. */
export type RandomBytes = (length: number) => Uint8Array;

/** A fraction in [0, 1) with 32 bits of randomness, for jitter. */
export function fraction(random: RandomBytes): number {
  const bytes = random(4);
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0) / 0x1_0000_0000;
}
