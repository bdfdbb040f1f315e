/** The storm of test/e2e for as long as one likes, in rounds: each with a seed of its own and a fleet that begins empty. */
import { killStorm } from '../e2e/kill-storm.ts';
import type { Section } from './main.ts';

const ROUND_MS = 120_000;
const AGENTS = 6;

export const storm: Section = async (_, { minutes, seed }) => {
  const untilMs = performance.now() + minutes * 60_000;
  const lines: string[] = [];
  for (let round = 0; performance.now() < untilMs; round++) {
    const forMs = Math.min(ROUND_MS, Math.max(10_000, untilMs - performance.now()));
    const ends: (() => unknown)[] = [];
    const options = { seed: `${seed}/${round}`, forMs, agents: AGENTS };
    try {
      const seen = await killStorm({ after: (fn) => void ends.push(fn) }, options);
      const line = `round ${round}: ${seen.faults.length} kills, ${seen.jobs} jobs, ${seen.starts} starts, ${JSON.stringify(seen.counts)}`;
      console.log(line);
      lines.push(line);
    } finally {
      for (const end of ends.reverse()) await end();
    }
  }
  return `${lines.length} rounds, every promise kept`;
};
