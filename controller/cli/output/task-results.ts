import type { Change, TaskResult } from '../../api/contract.ts';
import { formatDuration } from '../duration.ts';
import type { Tracked } from '../tally.ts';
import type { Paint, Style } from './paint.ts';
import { sanitiseLine } from './sanitise.ts';

const NAMES_SHOWN = 8;

/** What became of a task, in a word: whether it changed something, where that is known. */
type Word = Change | TaskResult['state'];

/** In the order in which they are counted; what went wrong comes last. */
const WORDS: readonly Word[] = [
  'changed',
  'would-change',
  'unchanged',
  'succeeded',
  'skipped',
  'cancelled',
  'interrupted',
  'timed-out',
  'failed',
];
const WRONG: ReadonlySet<Word> = new Set(['cancelled', 'interrupted', 'timed-out', 'failed']);

function wordOf({ state, change }: Pick<TaskResult, 'state' | 'change'>): Word {
  return state === 'succeeded' && change !== null ? change : state;
}

function textOf(word: Word): string {
  return word === 'would-change' ? 'would change' : word;
}

function styleOf(word: Word): Style {
  if (WRONG.has(word)) return word === 'interrupted' ? 'yellow' : 'red';
  if (word === 'skipped') return 'dim';
  return word === 'changed' || word === 'would-change' ? 'cyan' : 'green';
}

/** Of a run: changed where one of its tasks changed something. Null: of none it is known. */
export function changeOf(tasks: readonly Pick<TaskResult, 'change'>[]): Change | null {
  for (const change of ['changed', 'would-change', 'unchanged'] as const)
    if (tasks.some((task) => task.change === change)) return change;
  return null;
}

/** `36 changed, 2 unchanged`; empty where it is known of none. */
export function renderChanges(runs: readonly Pick<Tracked, 'tasks'>[], paint: Paint): string {
  const changes = runs.map(({ tasks }) => changeOf(tasks)).filter((change) => change !== null);
  return renderWords(changes, paint);
}

function renderWords(words: readonly Word[], paint: Paint, after: (word: Word) => string = () => ''): string {
  return WORDS.flatMap((word) => {
    const count = words.filter((one) => one === word).length;
    return count === 0 ? [] : [paint(styleOf(word), `${count} ${textOf(word)}`) + after(word)];
  }).join(', ');
}

/** `2/5 the site is there`. */
export function taskLabel(tasks: readonly string[], index: number): string {
  return `${index + 1}/${tasks.length} ${sanitiseLine(tasks[index] ?? '')}`.trimEnd();
}

/** One host, a line for each task: `  task 2/5 the site is there: failed, exit 3 in 120 ms (why)`. */
export function renderTaskLines(
  tasks: readonly string[],
  results: readonly TaskResult[],
  paint: Paint,
): string[] {
  return results.map((result) => {
    const word = wordOf(result);
    const cause =
      result.signal !== null
        ? `, ${sanitiseLine(result.signal)}`
        : result.exitCode
          ? `, exit ${result.exitCode}`
          : '';
    const took = result.state === 'skipped' ? '' : ` in ${formatDuration(result.durationMs)}`;
    const why = result.reason === null ? '' : ` (${sanitiseLine(result.reason)})`;
    const outcome = paint(styleOf(word), textOf(word) + cause);
    return `  task ${taskLabel(tasks, result.index)}: ${outcome}${took}${why}`;
  });
}

/** Many hosts, a line for each task: `  task 2/5 the site is there: 36 changed, 2 failed (db-1,db-2)`. */
export function renderTaskCounts(
  tasks: readonly string[],
  runs: readonly Pick<Tracked, 'name' | 'tasks'>[],
  paint: Paint,
): string[] {
  return tasks.flatMap((_, index) => {
    const words: Word[] = [];
    const wrong = new Map<Word, string[]>();
    for (const { name, tasks: results } of runs) {
      const result = results.find((one) => one.index === index);
      if (result === undefined) continue;
      const word = wordOf(result);
      words.push(word);
      if (WRONG.has(word)) wrong.set(word, [...(wrong.get(word) ?? []), name]);
    }
    if (words.length === 0) return [];
    const named = (word: Word): string => {
      const names = wrong.get(word);
      if (names === undefined) return '';
      const more = names.length > NAMES_SHOWN ? ` and ${names.length - NAMES_SHOWN} more` : '';
      return ` (${names.slice(0, NAMES_SHOWN).map(sanitiseLine).join(',')}${more})`;
    };
    return [`  task ${taskLabel(tasks, index)}: ${renderWords(words, paint, named)}`];
  });
}
