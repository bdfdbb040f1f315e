import { dirname, resolve } from 'node:path';
import { LIMITS, MIB } from '../../../proto/limits.ts';
import type { TaskBody } from '../../api/contract.ts';
import { EXIT, Failure } from '../failure.ts';
import { readBytes } from '../files.ts';
import { sanitiseLine } from '../output/sanitise.ts';
import type { Surroundings } from '../surroundings.ts';
import type { Problem } from './document.ts';
import { type Bundle, type BundleTask, parseBundle } from './parse.ts';

/** As much as an order could hold. */
export const BUNDLE_BYTES = MIB;
const SHOWN = 20;

export interface ReadBundle extends Omit<Bundle, 'tasks'> {
  tasks: TaskBody[];
}

/**
 * A bundle file (`-`: standard input) and the files that it names, from its own folder on. Throws a Failure (wrong use) with all that
 * is wrong, a line each: `bundle.yaml:7: tasks[2].file.mode: expected …`.
 */
export async function readBundle(surroundings: Surroundings, file: string): Promise<ReadBundle> {
  const fromStdin = file === '-';
  const bytes = fromStdin
    ? await surroundings.stdin.readAll(BUNDLE_BYTES)
    : await readBytes(file, BUNDLE_BYTES);
  const parsed = parseBundle(bytes);
  const called = fromStdin ? 'standard input' : file;
  if ('problems' in parsed) throw problemsFailure(called, parsed.problems);
  const folder = fromStdin ? '.' : dirname(file);
  const read = await Promise.all(parsed.bundle.tasks.map((task) => readTask(task, folder)));
  const problems = read.filter((one): one is Problem => 'message' in one);
  if (problems.length > 0) throw problemsFailure(called, problems);
  return { ...parsed.bundle, tasks: read.filter((one): one is TaskBody => !('message' in one)) };
}

async function readTask(task: BundleTask, folder: string): Promise<TaskBody | Problem> {
  if ('body' in task) return task.body;
  const { line, path, source } = task;
  try {
    const bytes = await readBytes(resolve(folder, source), LIMITS.inlineFileBytes);
    if (bytes.length === 0 && path.endsWith('.script')) return { line, path, message: `${source} is empty` };
    return task.with(bytes);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { line, path, message: error.message };
  }
}

function problemsFailure(file: string, problems: readonly Problem[]): Failure {
  const lines = problems
    .slice(0, SHOWN)
    .map(({ line, path, message }) =>
      sanitiseLine(`${file}:${line}: ${path === '' ? '' : `${path}: `}${message}`),
    );
  if (problems.length > SHOWN) lines.push(`… and ${problems.length - SHOWN} more`);
  const count = problems.length === 1 ? 'a mistake' : `${problems.length} mistakes`;
  return new Failure(EXIT.wrongUse, `${file} has ${count}; nothing was sent`, lines.join('\n  '));
}
