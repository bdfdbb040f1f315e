import { type Counts, type Outcome, RUN_STATES } from '../../api/contract.ts';
import { formatDuration } from '../duration.ts';
import { VERDICT, type Verdict } from '../exit-status.ts';
import { formatSize } from '../size.ts';
import type { Tracked } from '../tally.ts';
import type { OutcomeGroup, OutputGroup } from './fold.ts';
import type { Paint, Style } from './paint.ts';
import { reasonOf } from './reason.ts';
import { sanitise, sanitiseLine } from './sanitise.ts';
import { changeOf, renderChanges, renderTaskCounts } from './task-results.ts';

const STYLE: Readonly<Record<Verdict, Style>> = {
  succeeded: 'green',
  failed: 'red',
  'no-answer': 'yellow',
  open: 'cyan',
};
const NAMES_SHOWN = 20;
const OUTPUTS_SHOWN = 5;
const REASONS_SHOWN = 5;
const INLINE_CHARS = 60;

export function hosts(count: number): string {
  return count === 1 ? '1 host' : `${count} hosts`;
}

/** Names as they can be typed after -t. */
export function listNames(names: readonly string[], atMost = NAMES_SHOWN): string {
  const shown = names.slice(0, atMost).map(sanitiseLine).join(',');
  return names.length > atMost ? `${shown} and ${names.length - atMost} more` : shown;
}

/** `36 succeeded, 1 failed, 1 expired`: each state with its own count. */
export function renderCounts(counts: Counts, paint: Paint): string {
  return RUN_STATES.filter((state) => counts[state])
    .map((state) => paint(STYLE[VERDICT[state]], `${counts[state]} ${state}`))
    .join(', ');
}

/** `failed, exit 3`, `failed, SIGKILL`, `timed-out`. */
export function renderOutcome(
  outcome: Pick<OutcomeGroup, 'state' | 'exitCode' | 'signal'>,
  paint: Paint,
): string {
  const { state, exitCode, signal } = outcome;
  const cause = signal !== null ? `, ${sanitiseLine(signal)}` : exitCode ? `, exit ${exitCode}` : '';
  return paint(STYLE[VERDICT[state]], `${state}${cause}`);
}

/** One host: what became of it, in a line. */
export function renderSingle(run: Tracked, paint: Paint): string {
  const { name, state, outcome } = run;
  const { exitCode = null, signal = null, durationMs = null } = outcome ?? {};
  const reason = outcome && reasonOf(outcome);
  const change = state === 'succeeded' ? changeOf(run.tasks) : null;
  const changed = change === null ? '' : `, ${change === 'would-change' ? 'would change' : change}`;
  const took = durationMs === null ? '' : ` in ${formatDuration(durationMs)}`;
  const why = reason === null || reason === state ? '' : ` (${sanitiseLine(reason)})`;
  return `${sanitiseLine(name)}: ${renderOutcome({ state, exitCode, signal }, paint)}${changed}${took}${why}${holesNote(run)}`;
}

/** What is not kept of an output, or may be missing in it. */
function holesNote({ outcome }: Pick<Tracked, 'outcome'>): string {
  if (!outcome) return '';
  const { truncated, storedBytes, outputBytes } = outcome;
  const cut = truncated ? [`output cut at ${formatSize(storedBytes)} of ${formatSize(outputBytes)}`] : [];
  return [...cut, ...gapNotes(outcome)].map((note) => `; ${note}`).join('');
}

/** Where bytes may be missing, a note each. */
export function gapNotes({ gaps }: Pick<Outcome, 'gaps'>): string[] {
  return gaps.map(({ stream, offset }) => `${stream} may lack bytes after byte ${offset}`);
}

const UNKNOWN = {
  lost: 'lost: no word by the deadline, so it may have run or be running; a real outcome that arrives later replaces it',
  interrupted: 'interrupted: its agent died while it ran, so what it did is not known',
} as const;

/** What is meant by states that nobody can know more of, and what to do next. */
export function explainUnknown(counts: Counts, job: string): string[] {
  const states = (['lost', 'interrupted'] as const).filter((state) => counts[state]);
  if (states.length === 0) return [];
  return [
    ...states.map((state) => `  ${UNKNOWN[state]}`),
    `  where it may run twice: muster jobs retry ${job.slice(0, 12)} --state ${states.join(',')}`,
  ];
}

/**
 * The end of a job on several hosts: one line of counts, then a line for each outcome, and under it the outputs that
 * several hosts have in common. `withOutputs`: false where the outputs themselves were printed folded.
 */
export function renderSummary(
  end: {
    job: string;
    counts: Counts;
    runs: readonly Tracked[];
    elapsedMs: number;
    tasks: readonly string[];
  },
  groups: readonly OutcomeGroup[],
  paint: Paint,
  withOutputs: boolean,
): string {
  const lines = [
    `${hosts(end.runs.length)} in ${formatDuration(end.elapsedMs)}: ${renderCounts(end.counts, paint)} · job ${end.job.slice(0, 12)}`,
  ];
  for (const group of groups) {
    lines.push(...groupLines(group, paint));
    if (withOutputs) lines.push(...outputLines(group).map((line) => paint('dim', line)));
  }
  if (end.tasks.length > 1) lines.push(...renderTaskCounts(end.tasks, end.runs, paint));
  const holed = end.runs.filter((run) => holesNote(run) !== '');
  for (const run of holed.slice(0, REASONS_SHOWN))
    lines.push(`  ${sanitiseLine(run.name)}${holesNote(run).replace(/^;/, ':')}`);
  if (holed.length > REASONS_SHOWN)
    lines.push(`  … and ${holed.length - REASONS_SHOWN} more with an output that is not whole`);
  lines.push(...explainUnknown(end.counts, end.job));
  return `${lines.join('\n')}\n`;
}

function groupLines(group: OutcomeGroup, paint: Paint): string[] {
  const head = `  ${hosts(group.names.length)} ${renderOutcome(group, paint)}`;
  const changes = renderChanges(group.runs, paint);
  if (group.state === 'succeeded') return [changes === '' ? head : `${head}: ${changes}`];
  const [reason] = group.reasons.keys();
  if (group.reasons.size === 1 && group.reasons.get(reason ?? '')?.length === group.names.length)
    return [`${head} (${sanitiseLine(reason ?? '')}): ${listNames(group.names)}`];
  const lines = [`${head}: ${listNames(group.names)}`];
  const reasons = [...group.reasons].sort((a, b) => b[1].length - a[1].length);
  for (const [why, names] of reasons.slice(0, REASONS_SHOWN))
    lines.push(`    ${listNames(names, 3)}: ${sanitiseLine(why)}`);
  if (reasons.length > REASONS_SHOWN) lines.push(`    … and ${reasons.length - REASONS_SHOWN} more reasons`);
  return lines;
}

function outputLines(group: OutcomeGroup): string[] {
  if (group.outputs.every(({ output }) => output.bytes === 0)) return [];
  const shared = group.outputs.filter(({ names }) => names.length > 1);
  const rest = group.outputs.filter(({ names }) => names.length === 1).flatMap(({ names }) => names);
  const lines = shared.slice(0, OUTPUTS_SHOWN).map((output, index) => {
    // The names of the largest part of a fleet tell nobody anything; those that differ from it do.
    const names = index === 0 && rest.length + shared.length > 1 ? '' : `: ${listNames(output.names)}`;
    return `    ${hosts(output.names.length)}: ${describeOutput(output)}${group.outputs.length === 1 ? '' : names}`;
  });
  if (shared.length > OUTPUTS_SHOWN)
    lines.push(`    … and ${shared.length - OUTPUTS_SHOWN} more outputs that hosts share`);
  if (shared.length > 0 && rest.length > 0)
    lines.push(
      `    ${hosts(rest.length)} ${rest.length === 1 ? 'with another output' : 'each with another output'}: ${listNames(rest)}`,
    );
  return lines;
}

/** `"6.1.0-28"` where it is one short line, else how much there is of it. */
function describeOutput({ output }: OutputGroup): string {
  if (output.bytes === 0) return 'no output';
  const text = new TextDecoder().decode(output.sample).replace(/\r?\n$/, '');
  if (output.complete && !text.includes('\n') && text.length <= INLINE_CHARS)
    return `"${sanitiseLine(text)}"`;
  return `the same output, ${formatSize(output.bytes)}`;
}

/** With --fold: each distinct output once, under who wrote it. Bytes are made harmless only where they go to a terminal. */
export function renderFolded(
  groups: readonly OutcomeGroup[],
  paint: Paint,
  isTerminal: boolean,
  job: string,
): (string | Uint8Array)[] {
  const parts: (string | Uint8Array)[] = [];
  for (const group of groups) {
    for (const { names, output } of group.outputs) {
      const outcome = renderOutcome(group, (_, text) => text);
      const all = isTerminal ? listNames(names) : names.map(sanitiseLine).join(',');
      parts.push(`${paint('bold', `=== ${hosts(names.length)} ${outcome}: ${all}`)}\n`);
      parts.push(
        isTerminal
          ? sanitise(new TextDecoder().decode(output.sample).replaceAll('\r\n', '\n'))
          : output.sample,
      );
      if (output.sample.length > 0 && output.sample.at(-1) !== 10) parts.push('\n');
      if (!output.complete)
        parts.push(
          `=== longer than what is folded: muster jobs logs ${job.slice(0, 12)} --agent ${sanitiseLine(names[0] ?? '')}\n`,
        );
    }
  }
  return parts;
}
