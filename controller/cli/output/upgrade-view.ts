import type { Tracked } from '../tally.ts';
import type { Paint } from './paint.ts';
import { reasonOf } from './reason.ts';
import { sanitiseLine } from './sanitise.ts';
import type { Screen } from './screen.ts';
import { explainUnknown, renderOutcome, renderSummary } from './summary.ts';
import { longest } from './table.ts';
import { changeOf } from './task-results.ts';
import type { JobView } from './view.ts';

/** A line for each host, when it is done: from which version to which one, or why not. */
export function createUpgradeView({
  screen,
  names,
  paint,
}: {
  screen: Screen;
  names: readonly string[];
  paint: Paint;
}): JobView {
  const width = Math.min(40, longest(names));
  return {
    // It says in the report what it says there.
    output() {},
    task() {},
    ended(run) {
      const name = sanitiseLine(run.name).padEnd(width);
      screen.out(`${name}  ${outcomeOf(run, paint)}\n`);
    },
    finished(end) {
      if (end.runs.length > 1)
        screen.note(renderSummary({ ...end, tasks: ['upgrade'] }, [], paint, true).trimEnd());
      else for (const line of explainUnknown(end.counts, end.job)) screen.note(line);
    },
  };
}

function outcomeOf(run: Tracked, paint: Paint): string {
  if (run.state !== 'succeeded') {
    const reason = run.outcome && reasonOf(run.outcome);
    const why = reason === null || reason === run.state ? '' : `: ${sanitiseLine(reason)}`;
    return `${renderOutcome({ state: run.state, exitCode: null, signal: null }, paint)}${why}`;
  }
  const versions = sanitiseLine(run.tasks[0]?.reason ?? '');
  switch (changeOf(run.tasks)) {
    case 'unchanged':
      return paint('green', `unchanged${versions === '' ? '' : `, ${versions}`}`);
    case 'would-change':
      return paint('cyan', `would change: ${versions}`);
    case 'changed':
    case null:
      return paint('cyan', versions === '' ? 'changed' : versions);
  }
}
