/** What a step came to, read from its run. Pure. */
import { resultsIn, type TaskResult } from '../jobs/results.ts';
import { isOpen } from '../jobs/run.ts';
import type { RunRow } from '../jobs/store.ts';
import type { StepOutcome } from './rollout.ts';

/** Undefined while it is not over. `reboots`: which of its tasks bring the machine to another boot. */
export function outcomeOf(
  run: Pick<RunRow, 'state' | 'reason' | 'code' | 'results' | 'exit_code' | 'signal'>,
  reboots: readonly number[],
): StepOutcome | undefined {
  if (isOpen(run.state)) return undefined;
  const results = resultsIn(run);
  const bad = results.find(({ state }) => state !== 'succeeded' && state !== 'skipped');
  return {
    state: run.state,
    reason: run.state === 'succeeded' ? null : reasonOf(run, bad),
    code: run.state === 'succeeded' ? null : (bad?.code ?? run.code),
    rebooted: results.some(
      ({ index, state, change }) =>
        state === 'succeeded' && reboots.includes(index) && change !== 'unchanged',
    ),
    changed: changedBy(results),
  };
}

function reasonOf(
  run: Pick<RunRow, 'state' | 'reason' | 'exit_code' | 'signal'>,
  bad: TaskResult | undefined,
): string {
  const why = bad?.reason ?? run.reason;
  if (why) return why;
  const exitCode = bad?.exitCode ?? run.exit_code;
  const signal = bad?.signal ?? run.signal;
  if (signal !== null) return `${run.state}: ended by ${signal}`;
  return exitCode === null ? run.state : `${run.state}: exit status ${exitCode}`;
}

/** Null: nobody knows. A task that succeeded and does not say so is taken to have changed something. */
function changedBy(results: readonly TaskResult[]): boolean | null {
  const ran = results.filter(({ state }) => state !== 'skipped');
  if (ran.length === 0) return null;
  if (ran.some(({ state, change }) => change === 'changed' || (change === null && state === 'succeeded')))
    return true;
  return ran.some(({ change }) => change === null) ? null : false;
}
