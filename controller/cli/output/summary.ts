import { type Counts, RUN_STATES } from '../../api/contract.ts';
import { formatDuration } from '../duration.ts';
import { VERDICT, type Verdict } from '../exit-status.ts';
import { formatSize } from '../size.ts';
import type { Tracked } from '../tally.ts';
import type { OutcomeGroup, OutputGroup } from './fold.ts';
import type { Paint, Style } from './paint.ts';
import { sanitise, sanitiseLine } from './sanitise.ts';

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
  const { exitCode = null, signal = null, reason = null, durationMs = null } = outcome ?? {};
  const took = durationMs === null ? '' : ` in ${formatDuration(durationMs)}`;
  const why = reason === null || reason === state ? '' : ` (${sanitiseLine(reason)})`;
  return `${sanitiseLine(name)}: ${renderOutcome({ state, exitCode, signal }, paint)}${took}${why}${cutNote(run)}`;
}

function cutNote({ outcome }: Tracked): string {
  if (!outcome?.truncated) return '';
  return `; output cut, ${formatSize(outcome.storedBytes)} of ${formatSize(outcome.outputBytes)} kept`;
}

/**
 * The end of a job on several hosts: one line of counts, then a line for each outcome, and under it the outputs that
 * several hosts have in common. `withOutputs`: false where the outputs themselves were printed folded.
 */
export function renderSummary(
  end: { job: string; counts: Counts; runs: readonly Tracked[]; elapsedMs: number },
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
  const cut = end.runs.filter(({ outcome }) => outcome?.truncated);
  for (const run of cut.slice(0, REASONS_SHOWN)) lines.push(`  ${sanitiseLine(run.name)}${cutNote(run)}`);
  if (cut.length > REASONS_SHOWN)
    lines.push(`  … and ${cut.length - REASONS_SHOWN} more with their output cut`);
  return `${lines.join('\n')}\n`;
}

function groupLines(group: OutcomeGroup, paint: Paint): string[] {
  const head = `  ${hosts(group.names.length)} ${renderOutcome(group, paint)}`;
  if (group.state === 'succeeded') return [head];
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
