import { check, type StartOptions, start } from '../rollout/start-command.ts';
import type { Surroundings } from '../surroundings.ts';

/**
 * Carries out a plan and nothing else: a rollout of it, in one wave where no waves are asked for. So a controller that dies in the middle
 * goes on with it, and a host that fails is brought back. With `check` it says how that would go.
 */
export function applyPlan(
  surroundings: Surroundings,
  options: StartOptions & { plan: string; check?: boolean },
): Promise<number> {
  return (options.check ? check : start)(surroundings, options);
}
