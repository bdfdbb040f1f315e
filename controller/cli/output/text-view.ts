import { countOf } from '../exit-status.ts';
import { createCollector } from './collector.ts';
import { fold } from './fold.ts';
import { createPassthroughView, createPrefixView, type LiveParts } from './live-view.ts';
import { renderFolded, renderSingle, renderSummary } from './summary.ts';
import { longest } from './table.ts';
import type { JobView, LiveView } from './view.ts';

/** What is kept of an output to say in the summary which hosts wrote the same. */
const SUMMARY_SAMPLE = { sampleBytes: 256, budgetBytes: 16 * 1024 * 1024 };
/** What is kept to print it folded. */
const FOLD_SAMPLE = { sampleBytes: 1024 * 1024, budgetBytes: 256 * 1024 * 1024 };

export interface TextViewParts extends LiveParts {
  /** Names of all targets. */
  names: readonly string[];
  /** No live output; at the end each distinct output once. */
  folded: boolean;
}

/** For people: live output and, when the job is over, what became of whom. */
export function createTextView(parts: TextViewParts): JobView {
  const single = parts.names.length === 1 && !parts.folded;
  return single ? createSingleView(parts) : createSeveralView(parts);
}

function createSingleView(parts: TextViewParts): JobView {
  const live = createPassthroughView(parts);
  return {
    output: live.output,
    ended: live.ended,
    finished({ counts, runs }) {
      live.flush();
      // Where output goes to a file or pipe, a host that succeeded is nothing to talk about.
      const quiet = !parts.isTerminal.stderr && countOf(counts, 'succeeded') === runs.length;
      for (const run of quiet ? [] : runs) parts.screen.note(renderSingle(run, parts.paint.stderr));
    },
  };
}

function createSeveralView(parts: TextViewParts): JobView {
  const { screen, paint, isTerminal, folded } = parts;
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
    ended(run) {
      collector.ended(run.agentId);
      live.ended(run);
    },
    finished(end) {
      live.flush();
      const groups = fold(end.runs, collector.get);
      if (folded)
        for (const part of renderFolded(groups, paint.stdout, isTerminal.stdout, end.job)) screen.out(part);
      screen.note(renderSummary(end, groups, paint.stderr, !folded).trimEnd());
    },
  };
}
