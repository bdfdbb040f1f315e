import { isUtf8 } from 'node:buffer';
import type { TaskBody, TaskKindBody } from '../../api/contract.ts';
import { type Checked, check, describe, pathText, problemAt, type Schema } from '../../documents/check.ts';
import { type Document, type Path, type Problem, readDocument } from '../../documents/document.ts';
import type { CopyTarget } from '../content/copy-task.ts';
import { BUNDLE, type CheckedDefaults, type CheckedTask, COMMON, KINDS, type Kind, TASKS } from './shape.ts';

export interface Bundle {
  name: string | undefined;
  defaults: CheckedDefaults;
  tasks: BundleTask[];
}

/** A task, or what becomes one: a script whose bytes have to be read, a file or folder that may have to be uploaded. */
export type BundleTask = { body: TaskBody } | ScriptSource | CopySource;

export interface ScriptSource extends Named {
  script(bytes: Uint8Array): TaskBody;
}

export interface CopySource extends Named {
  is: 'file' | 'folder';
  target: CopyTarget;
  /** Its name and guards. */
  more: Pick<TaskBody, 'name' | 'unless' | 'creates'>;
}

/** A file of this machine; `line` and `path` say where it is named. */
interface Named {
  source: string;
  line: number;
  path: string;
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
  const tasks = given.map((task, index) => checkTask(document, task, [...path, index]));
  const problems = tasks.flatMap((result) => ('problems' in result ? result.problems : []));
  problems.push(...takenNames(document, given, path));
  if (problems.length > 0) return { problems };
  return {
    value: tasks.flatMap((result, index) =>
      'problems' in result ? [] : [taskOf(result.value, document, [...path, index])],
    ),
  };
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

function checkTask(document: Document, task: unknown, path: Path): Checked<CheckedTask> {
  const wrong = (message: string, ...more: Path) => ({
    problems: [problemAt(document, [...path, ...more], message)],
  });
  if (typeof task !== 'object' || task === null || Array.isArray(task))
    return wrong(`expected a map with one of ${listOf(KINDS)}, not ${describe(task)}`);
  if (Object.hasOwn(task, 'package'))
    return wrong('tasks that install packages are not there yet; use shell with unless meanwhile', 'package');
  const [kind, second] = KINDS.filter((one) => Object.hasOwn(task, one));
  if (kind === undefined) {
    const others = Object.keys(task).filter((key) => !(key in COMMON));
    return wrong(`expected one of ${listOf(KINDS)}`, ...others.slice(0, 1));
  }
  if (second !== undefined) return wrong(`one task does one thing: there is ${kind} already`, second);
  return check<CheckedTask>(TASKS[kind as 'command'] as Schema<CheckedTask>, document, task, path);
}

function listOf(kinds: readonly Kind[]): string {
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

const base64 = (bytes: string | Uint8Array): string => Buffer.from(bytes).toString('base64');

function taskOf(task: CheckedTask, document: Document, path: Path): BundleTask {
  const { name, unless, creates } = task;
  const guards = {
    ...(name === undefined ? {} : { name }),
    ...(unless === undefined ? {} : { unless }),
    ...(creates === undefined ? {} : { creates }),
  };
  const ready = (kind: TaskKindBody): BundleTask => ({ body: { ...guards, ...kind } });
  const input = 'stdin' in task && task.stdin !== undefined ? { stdin: base64(task.stdin) } : {};
  if ('command' in task) return ready({ command: { argv: task.command, ...input } });
  if ('shell' in task) return ready({ shell: { line: task.shell, ...input } });
  if ('directory' in task) return ready({ file: { ...task.directory, state: 'directory' } });
  if ('link' in task) return ready({ file: { ...task.link, state: 'link' } });
  if ('absent' in task) return ready({ file: { path: task.absent, state: 'absent' } });
  if ('service' in task) return ready({ service: task.service });
  if ('reboot' in task) {
    const { timeout } = task.reboot;
    return ready({ reboot: timeout === undefined ? {} : { timeoutMs: timeout } });
  }
  const from = (source: string, ...more: Path) => ({
    source,
    line: document.lineOf([...path, ...more]),
    path: pathText([...path, ...more]),
  });
  if ('script' in task) {
    const { script, args = [] } = task;
    const fileName = script.slice(script.lastIndexOf('/') + 1);
    return {
      ...from(script, 'script'),
      script: (bytes) => ({
        ...guards,
        script: { content: base64(bytes), args, name: fileName, ...input },
      }),
    };
  }
  if ('tree' in task) {
    const { source, ...target } = task.tree;
    return { ...from(source, 'tree', 'source'), is: 'folder', target, more: guards };
  }
  const { content, source, ...target } = task.file;
  if (source !== undefined) return { ...from(source, 'file', 'source'), is: 'file', target, more: guards };
  return ready({ file: { ...target, state: 'file', inline: base64(content ?? '') } });
}
