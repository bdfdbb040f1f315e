import type { Weakness } from './weakness.ts';

export const WEAKNESSES: readonly Weakness[] = [];

export function weaknessNamed(name: string): Weakness {
  const found = WEAKNESSES.find((one) => one.name === name);
  if (!found)
    throw new Error(`no weakness is called ${name}: ${WEAKNESSES.map((one) => one.name).join(', ')}`);
  return found;
}
