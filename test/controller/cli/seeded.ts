/** Whole numbers below a limit, the same for the same seed. Source: G. Marsaglia, "Xorshift RNGs", 2003. */
export function seededNumbers(seed: number): (below: number) => number {
  let state = seed * 2654435761 + 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % Math.max(1, below);
  };
}
