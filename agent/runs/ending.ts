import { sha512 } from '../../proto/crypto.ts';
import { judge, type RunResult, type TaskResult } from '../executor/run.ts';
import type { Ending } from '../executor/shim.ts';

/**
 * The outcome of a run whose agent died, from what its shims wrote down. Undefined unless that says how the whole run ended:
 * a task that failed ends a run, and the last one's success does. What it wrote was read by nobody, so its output is a gap.
 */
export function outcomeOf(
  endings: readonly Ending[],
  run: { readonly tasks: number; readonly startedAtMs: number },
  nowMs: number,
): RunResult | undefined {
  const tasks: TaskResult[] = [];
  for (const [index, ending] of endings.entries()) {
    const task = { index, durationMs: 0, outputFrom: 0, outputTo: 0, ...judge(ending) };
    if (task.state === 'interrupted') return undefined;
    tasks.push(task);
    if (task.state !== 'succeeded') break;
  }
  const last = tasks.at(-1);
  if (!last || (last.state === 'succeeded' && tasks.length < run.tasks)) return undefined;
  for (let index = tasks.length; index < run.tasks; index++)
    tasks.push({ index, state: 'skipped', durationMs: 0, outputFrom: 0, outputTo: 0 });
  const { startedAtMs } = run;
  return {
    state: last.state === 'succeeded' ? 'succeeded' : 'failed',
    reason: 'it ended while no agent was there; what it wrote from then on is missing',
    tasks,
    output: UNREAD,
    startedAtMs,
    endedAtMs: nowMs,
    durationMs: Math.max(0, nowMs - startedAtMs),
    leftover: [],
  };
}

const UNREAD = {
  length: 0,
  stored: 0,
  stdoutLength: 0,
  stderrLength: 0,
  truncated: false,
  sha512: sha512(),
  gaps: [
    { stream: 'stdout', offset: 0 },
    { stream: 'stderr', offset: 0 },
  ],
} as const;
