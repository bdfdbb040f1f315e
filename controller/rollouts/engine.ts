import type { Clock } from '../../proto/clock.ts';
import { MusterError } from '../../proto/errors.ts';
import type { Database } from '../db/database.ts';
import { createHistory } from './history.ts';

/** Rollouts, as far as they are told of. */
export function createRollouts(ports: { db: Database; clock: Clock }) {
  const history = createHistory(ports);
  async function refuse(): Promise<never> {
    throw new MusterError('rollout-state', 'this controller carries out no rollouts yet');
  }
  return {
    ...history,
    check: refuse,
    start: refuse,
    report: refuse,
    pause: refuse,
    resume: refuse,
    approve: refuse,
    abort: refuse,
    rollback: refuse,
  };
}
