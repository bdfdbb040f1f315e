/** What a report says of each task, as it is stored and shown. */
import type { ReportMessage } from '../../proto/codec.ts';
import type { Json } from '../db/schema.ts';

export type TaskState = 'succeeded' | 'failed' | 'timed-out' | 'cancelled' | 'interrupted' | 'skipped';
/** `would-change`: of a check. */
export type Change = 'changed' | 'unchanged' | 'would-change';

export interface TaskResult {
  /** Among the job's tasks, from 0. */
  index: number;
  state: TaskState;
  exitCode: number | null;
  signal: string | null;
  /** May have a fraction. */
  durationMs: number;
  /** Null: nobody knows. */
  change: Change | null;
  reason: string | null;
  /** Of errors.ts, where the reason is one of them. */
  code: string | null;
  /** Its part of the run's output, as positions: from the first byte to the one behind the last. */
  outputFrom: number;
  outputTo: number;
}

/** Of a report whose shape was checked; null where it says nothing of its tasks. */
export function resultsOf(report: Pick<ReportMessage, 'tasks'>): Json | null {
  if (report.tasks.length === 0) return null;
  return JSON.stringify(
    report.tasks.map(
      (task): TaskResult => ({
        index: task.index,
        state: task.state as TaskState,
        exitCode: task.exited ? task.exitCode : null,
        signal: task.signal || null,
        durationMs: task.durationUs / 1000,
        change: task.change === '' ? null : (task.change as Change),
        reason: task.reason || null,
        code: task.code || null,
        outputFrom: task.outputFrom,
        outputTo: task.outputTo,
      }),
    ),
  );
}

/** As they are stored; none where no report came. */
export function resultsIn({ results }: { results: Json | null }): TaskResult[] {
  return JSON.parse(results ?? '[]') as TaskResult[];
}

/** Of a run: changed where one of its tasks changed something. Null: of none it is known. */
export function changeOf(tasks: readonly Pick<TaskResult, 'change'>[]): Change | null {
  const changes = new Set(tasks.map((task) => task.change));
  for (const change of ['changed', 'would-change', 'unchanged'] as const)
    if (changes.has(change)) return change;
  return null;
}
