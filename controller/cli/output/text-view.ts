import { countOf } from '../exit-status.ts';
import { createCollector } from './collector.ts';
import { fold } from './fold.ts';
import { createPassthroughView, createPrefixView, type LiveParts } from './live-view.ts';
import { sanitiseLine } from './sanitise.ts';
import { explainUnknown, renderFolded, renderOutcome, renderSingle, renderSummary } from './summary.ts';
import { longest } from './table.ts';
import { renderTaskLines, taskLabel } from './task-results.ts';
import type { JobView, LiveView } from './view.ts';

/** What is kept of an output to say in the summary which hosts wrote the same. */
const SUMMARY_SAMPLE = { sampleBytes: 256, budgetBytes: 16 * 1024 * 1024 };
/** What is kept to print it folded. */
const FOLD_SAMPLE = { sampleBytes: 1024 * 1024, budgetBytes: 256 * 1024 * 1024 };

export interface TextViewParts extends LiveParts {
  /** Names of all targets. */
  names: readonly string[];
  /** What the job's tasks are called. */
  tasks: readonly string[];
  /** No live output; at the end each distinct output once. */
  folded: boolean;
}

/** For people: live output and, when the job is over, what became of whom. */
export function createTextView(parts: TextViewParts): JobView {
  const single = parts.names.length === 1 && !parts.folded;
  return single ? createSingleView(parts) : createSeveralView(parts);
}

function createSingleView(parts: TextViewParts): JobView {
  const { screen, tasks, paint } = parts;
  const live = createPassthroughView(parts);
  return {
    output: live.output,
    task({ task }) {
      live.flush();
      if (tasks.length > 1 && task !== null) screen.note(`muster: task ${taskLabel(tasks, task)}`);
    },
    ended: live.ended,
    finished({ job, counts, runs }) {
      live.flush();
      // Where output goes to a file or pipe, a host that succeeded is nothing to talk about.
      const quiet =
        !parts.isTerminal.stderr && countOf(counts, 'succeeded') === runs.length && tasks.length === 1;
      for (const run of quiet ? [] : runs) {
        if (tasks.length > 1)
          for (const line of renderTaskLines(tasks, run.tasks, paint.stderr)) screen.note(line);
        screen.note(renderSingle(run, paint.stderr));
      }
      for (const line of explainUnknown(counts, job)) screen.note(line);
    },
  };
}

function createSeveralView(parts: TextViewParts): JobView {
  const { screen, paint, isTerminal, folded, tasks } = parts;
  const width = Math.min(40, longest(parts.names));
  const live: LiveView = folded
    ? { output() {}, ended() {}, flush() {} }
    : createPrefixView({ ...parts, width });
  const collector = createCollector(folded ? FOLD_SAMPLE : SUMMARY_SAMPLE);
  return {
    output(piece) {
      collector.push(piece);
      live.output(piece);
    },
    // Many hosts' tasks are for the line of progress.
    task() {},
    ended(run) {
      collector.ended(run.agentId);
      live.ended(run);
      // The one that decided: an operator who watches a change wants to know it now.
      const wrong = run.tasks.find(({ state }) => state !== 'succeeded' && state !== 'skipped');
      if (tasks.length > 1 && wrong)
        screen.note(
          `muster: ${sanitiseLine(run.name)}: ${renderOutcome({ state: run.state, exitCode: wrong.exitCode, signal: wrong.signal }, paint.stderr)} at task ${taskLabel(tasks, wrong.index)}`,
        );
    },
    finished(end) {
      live.flush();
      const groups = fold(end.runs, collector.get);
      if (folded)
        for (const part of renderFolded(groups, paint.stdout, isTerminal.stdout, end.job)) screen.out(part);
      screen.note(renderSummary({ ...end, tasks }, groups, paint.stderr, !folded).trimEnd());
    },
  };
}
