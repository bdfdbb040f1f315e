/** Takes one sample and says how much it was. */
export type Sampler = () => Promise<number>;

/**
 * Takes the samplers in turns, beginning with another one each round, so that what the machine does meanwhile hits all of
 * them alike; sample i of every sampler is of the same round. The first `warmUp` rounds do not count.
 */
export async function interleave<Name extends string>(
  samplers: Readonly<Record<Name, Sampler>>,
  { rounds, warmUp }: { rounds: number; warmUp: number },
): Promise<Record<Name, number[]>> {
  const entries = Object.entries<Sampler>(samplers);
  const samples = Object.fromEntries(entries.map(([name]): [string, number[]] => [name, []]));
  for (let round = 0; round < warmUp + rounds; round++) {
    for (let turn = 0; turn < entries.length; turn++) {
      const [name, sample] = entries[(round + turn) % entries.length] ?? [];
      if (name === undefined || sample === undefined) continue;
      const value = await sample();
      if (round >= warmUp) samples[name]?.push(value);
    }
  }
  return samples as Record<Name, number[]>;
}
