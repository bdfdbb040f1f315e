/** 10 GiB of output through one run. */
import { startFleet } from '../e2e/fleet.ts';
import { assertBounded, flood as floodOnce } from '../e2e/flood.ts';
import type { Section } from './main.ts';

const GIB = 2 ** 30;
const CAP_BYTES = 10 * 2 ** 20;

export const flood: Section = async (t) => {
  const fleet = await startFleet(t);
  const [loud] = await Promise.all([fleet.agent('loud'), fleet.agent('quiet')]);
  const pids = { agent: loud.process.child.pid ?? 0, controller: fleet.controller.child.pid ?? 0 };
  const bytes = 10 * GIB;
  const seen = await floodOnce(fleet, { on: 'loud', beside: 'quiet', bytes, capBytes: CAP_BYTES, pids });
  assertBounded(seen, bytes, CAP_BYTES);
  const p99 = seen.beside[Math.floor(seen.beside.length * 0.99)] ?? Number.NaN;
  return `10 GiB in ${seen.seconds.toFixed(0)} s, grown by ${JSON.stringify(seen.grownMib)} MiB; ${seen.beside.length} commands on another agent meanwhile, p99 ${p99.toFixed(0)} ms`;
};
