/** All chance of a history comes from here: the same words give the same throws, on every machine. */
export interface Dice {
  /** In [0, 1). */
  fraction(): number;
  /** A whole number in [0, n). */
  below(n: number): number;
  between(least: number, most: number): number;
  chance(probability: number): boolean;
  pick<T>(list: readonly [T, ...T[]]): T;
  bytes(length: number): Uint8Array;
  /** Dice of their own: what one part throws does not move the throws of another. */
  fork(name: string): Dice;
}

export function diceOf(seed: string): Dice {
  let [a, b, c, d] = hash128(seed);
  // sfc32, of PractRand by C. Doty-Humphrey: 128 bits of state, 32 bits a throw.
  function next(): number {
    const sum = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return sum >>> 0;
  }
  for (let warm = 0; warm < 12; warm++) next();
  const fraction = (): number => next() / 0x1_0000_0000;
  const below = (n: number): number => Math.floor(fraction() * n);
  return {
    fraction,
    below,
    between: (least, most) => least + fraction() * (most - least),
    chance: (probability) => fraction() < probability,
    pick: (list) => list[below(list.length)] ?? list[0],
    bytes(length) {
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length; at += 4) {
        const word = next();
        for (let k = 0; k < 4 && at + k < length; k++) bytes[at + k] = word >>> (8 * k);
      }
      return bytes;
    },
    fork: (name) => diceOf(`${seed}/${name}`),
  };
}

/** cyrb128, by bryc: spreads a text over four words. */
function hash128(text: string): [number, number, number, number] {
  let [a, b, c, d] = [1779033703, 3144134277, 1013904242, 2773480762];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    a = b ^ Math.imul(a ^ code, 597399067);
    b = c ^ Math.imul(b ^ code, 2869860233);
    c = d ^ Math.imul(c ^ code, 951274213);
    d = a ^ Math.imul(d ^ code, 2716044179);
  }
  a = Math.imul(c ^ (a >>> 18), 597399067);
  b = Math.imul(d ^ (b >>> 22), 2869860233);
  c = Math.imul(a ^ (c >>> 17), 951274213);
  d = Math.imul(b ^ (d >>> 19), 2716044179);
  return [a ^ b ^ c ^ d, b ^ a, c ^ a, d ^ a];
}
