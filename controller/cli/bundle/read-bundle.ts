import { dirname, resolve } from 'node:path';
import { LIMITS, MIB } from '../../../proto/limits.ts';
import type { TaskBody } from '../../api/contract.ts';
import type { Checked } from '../../documents/check.ts';
import type { Problem } from '../../documents/document.ts';
import type { Client } from '../client.ts';
import { copyTask } from '../content/copy-task.ts';
import { type LocalSource, readSource } from '../content/local-file.ts';
import { showUploads } from '../content/upload-progress.ts';
import type { Tasks } from '../dispatch.ts';
import { EXIT, Failure } from '../failure.ts';
import { readBytes } from '../files.ts';
import { sanitiseLine } from '../output/sanitise.ts';
import type { Surroundings } from '../surroundings.ts';
import { type Bundle, parseBundle } from './parse.ts';
import type { BundleTask, CopySource } from './task-body.ts';

/** As much as an order could hold. */
export const BUNDLE_BYTES = MIB;
const SHOWN = 20;

/**
 * A bundle file (`-`: standard input) and the files that it names, from its own folder on. Throws a Failure (wrong use) with all that
 * is wrong, a line each: `bundle.yaml:7: tasks[2].file.mode: expected …`.
 */
export async function readBundle(
  surroundings: Surroundings,
  file: string,
): Promise<Omit<Bundle, 'tasks'> & { tasks: Tasks }> {
  const fromStdin = file === '-';
  const bytes = fromStdin
    ? await surroundings.stdin.readAll(BUNDLE_BYTES)
    : await readBytes(file, BUNDLE_BYTES);
  const parsed = parseBundle(bytes);
  const called = fromStdin ? 'standard input' : file;
  if ('problems' in parsed) throw problemsFailure(called, parsed.problems);
  const read = await readTasks(surroundings, parsed.bundle.tasks, fromStdin ? '.' : dirname(file));
  if ('problems' in read) throw problemsFailure(called, read.problems);
  return { ...parsed.bundle, tasks: read.value };
}

/** The files of this machine that tasks name, from `folder` on. */
export async function readTasks(
  surroundings: Surroundings,
  parsed: readonly BundleTask[],
  folder: string,
): Promise<Checked<Tasks>> {
  const read = await Promise.all(parsed.map((task) => readTask(task, folder)));
  const problems = read.flatMap((one) => ('problem' in one ? [one.problem] : []));
  if (problems.length > 0) return { problems };
  const tasks = read.flatMap((one) => ('task' in one ? [one.task] : []));
  const ready = tasks.flatMap((task) => ('local' in task ? [] : [task]));
  return {
    value: ready.length === tasks.length ? ready : (client) => uploaded(surroundings, client, tasks),
  };
}

/** A copy whose source was looked at. */
type LocalCopy = CopySource & { local: LocalSource };

async function readTask(
  task: BundleTask,
  folder: string,
): Promise<{ task: TaskBody | LocalCopy } | { problem: Problem }> {
  if ('body' in task) return { task: task.body };
  const { line, path, source } = task;
  const from = resolve(folder, source);
  const wrong = (message: string) => ({ problem: { line, path, message } });
  try {
    if ('script' in task) {
      const bytes = await readBytes(from, LIMITS.scriptBytes);
      return bytes.length === 0 ? wrong(`${source} is empty`) : { task: task.script(bytes) };
    }
    const local = await readSource(from);
    if ((local.kind === 'tree') === (task.is === 'folder')) return { task: { ...task, local } };
    return wrong(
      task.is === 'file'
        ? `expected a file, ${source} is a folder, which is for a tree task`
        : `expected a folder, ${source} is a file, which is for a file task`,
    );
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return wrong(error.message);
  }
}

/** The tasks once what they name is at the controller. */
async function uploaded(
  surroundings: Surroundings,
  client: Client,
  tasks: readonly (TaskBody | LocalCopy)[],
): Promise<TaskBody[]> {
  const progress = showUploads(surroundings, client);
  try {
    const bodies: TaskBody[] = [];
    for (const task of tasks)
      bodies.push(
        'local' in task
          ? { ...task.more, ...(await copyTask(progress, task.local, task.source, task.target)) }
          : task,
      );
    return bodies;
  } finally {
    progress.stop();
  }
}

/** All that is wrong in a file, a line each. */
export function problemsFailure(file: string, problems: readonly Problem[]): Failure {
  const lines = problems
    .slice(0, SHOWN)
    .map(({ line, path, message }) =>
      sanitiseLine(`${file}:${line}: ${path === '' ? '' : `${path}: `}${message}`),
    );
  if (problems.length > SHOWN) lines.push(`… and ${problems.length - SHOWN} more`);
  const count = problems.length === 1 ? 'a mistake' : `${problems.length} mistakes`;
  return new Failure(EXIT.wrongUse, `${file} has ${count}; nothing was sent`, lines.join('\n  '));
}
