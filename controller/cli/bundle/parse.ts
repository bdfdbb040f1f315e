import { isUtf8 } from 'node:buffer';
import { type Checked, check, describe, pathText, problemAt, type Schema } from '../../documents/check.ts';
import { type Document, type Path, type Problem, readDocument } from '../../documents/document.ts';
import {
  BUNDLE,
  type CheckedDefaults,
  type CheckedTask,
  type CheckedUndoTask,
  COMMON,
  TASKS,
  UNDO_TASKS,
} from './shape.ts';
import { type BundleTask, taskOf } from './task-body.ts';

export type { BundleTask } from './task-body.ts';

export interface Bundle {
  name: string | undefined;
  defaults: CheckedDefaults;
  tasks: BundleTask[];
}

/** What a bundle file holds as tasks, or all that is wrong with it, by line. Pure. */
export function parseBundle(bytes: Uint8Array): { bundle: Bundle } | { problems: Problem[] } {
  if (!isUtf8(bytes))
    return { problems: [{ line: firstBadLine(bytes), path: '', message: 'expected text in UTF-8' }] };
  const read = readDocument(new TextDecoder().decode(bytes));
  if ('problems' in read) return read;
  const { document } = read;
  const whole = check(BUNDLE, document, document.value, []);
  const given = (document.value as { tasks?: unknown } | null)?.tasks;
  // Also where something else is wrong, so that all of it is told at once.
  const tasks = parseTasks(document, Array.isArray(given) ? given : [], ['tasks']);
  const problems = [whole, tasks].flatMap((result) => ('problems' in result ? result.problems : []));
  if ('problems' in whole || 'problems' in tasks) return { problems: inOrder(problems) };
  const { name, defaults = {} } = whole.value;
  return { bundle: { name, defaults, tasks: tasks.value } };
}

/** A list of tasks anywhere in a document: `path` leads to it. */
export function parseTasks(document: Document, given: readonly unknown[], path: Path): Checked<BundleTask[]> {
  const read = given.map((task, index) => parseTask(document, task, [...path, index]));
  const problems = read.flatMap((result) => ('problems' in result ? result.problems : []));
  problems.push(...takenNames(document, given, path));
  if (problems.length > 0) return { problems };
  return { value: read.flatMap((result) => ('problems' in result ? [] : [result.value])) };
}

function parseTask(document: Document, given: unknown, path: Path): Checked<BundleTask> {
  const task = checkTask<CheckedTask>(TASKS, document, given, path);
  const back = undoTasksOf(given).map((one, index) =>
    checkTask<CheckedUndoTask>(UNDO_TASKS, document, one, [...path, 'undo', 'tasks', index]),
  );
  const problems = [task, ...back].flatMap((result) => ('problems' in result ? result.problems : []));
  if ('problems' in task || problems.length > 0) return { problems };
  const undoTasks = back.flatMap((result) => ('problems' in result ? [] : [result.value]));
  return { value: taskOf(task.value, undoTasks, document, path) };
}

/** What takes a task back is looked at too where something else of it is wrong. */
function undoTasksOf(task: unknown): unknown[] {
  const tasks = (task as { undo?: { tasks?: unknown } | null } | null)?.undo?.tasks;
  return Array.isArray(tasks) ? tasks : [];
}

/** As one reads a file. */
export function inOrder(problems: readonly Problem[]): Problem[] {
  return [...problems].sort((a, b) => a.line - b.line || (a.path < b.path ? -1 : 1));
}

/** No character of several bytes has a line feed in it, so each line is right or wrong by itself. */
function firstBadLine(bytes: Uint8Array): number {
  for (let line = 1, start = 0; ; line += 1) {
    const end = bytes.indexOf(10, start);
    if (end < 0 || !isUtf8(bytes.subarray(start, end))) return line;
    start = end + 1;
  }
}

/** A task of one of the kinds in `shapes`. */
function checkTask<T>(
  shapes: Readonly<Record<string, unknown>>,
  document: Document,
  task: unknown,
  path: Path,
): Checked<T> {
  const kinds = Object.keys(shapes);
  const wrong = (message: string, ...more: Path) => ({
    problems: [problemAt(document, [...path, ...more], message)],
  });
  if (typeof task !== 'object' || task === null || Array.isArray(task))
    return wrong(`expected a map with one of ${listOf(kinds)}, not ${describe(task)}`);
  const [kind, second] = kinds.filter((one) => Object.hasOwn(task, one));
  if (kind === undefined) {
    const others = Object.keys(task).filter((key) => !(key in COMMON));
    return wrong(`expected one of ${listOf(kinds)}`, ...others.slice(0, 1));
  }
  if (second !== undefined) return wrong(`one task does one thing: there is ${kind} already`, second);
  return check(shapes[kind] as Schema<T>, document, task, path);
}

function listOf(kinds: readonly string[]): string {
  return `${kinds.slice(0, -1).join(', ')} and ${kinds.at(-1)}`;
}

/** Results are told by name. */
function takenNames(document: Document, tasks: readonly unknown[], path: Path): Problem[] {
  const first = new Map<string, number>();
  return tasks.flatMap((task, index) => {
    const name = (task as { name?: unknown } | null)?.name;
    if (typeof name !== 'string') return [];
    const other = first.get(name);
    if (other === undefined) {
      first.set(name, index);
      return [];
    }
    return [
      problemAt(
        document,
        [...path, index, 'name'],
        `${describe(name)} is the name of ${pathText([...path, other])} too`,
      ),
    ];
  });
}
