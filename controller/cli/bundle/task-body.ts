import type { TaskBody, TaskKindBody, UndoableBody, UndoBody } from '../../api/contract.ts';
import { pathText } from '../../documents/check.ts';
import type { Document, Path } from '../../documents/document.ts';
import type { CopyTarget } from '../content/copy-task.ts';
import { probeOf } from './probe.ts';
import type { CheckedTask, CheckedUndoTask } from './shape.ts';

/** What was checked, as the API has it. */

/** A task, or what becomes one: a script whose bytes have to be read, a file or folder that may have to be uploaded. */
export type BundleTask = { body: TaskBody } | ScriptSource | CopySource;

export interface ScriptSource extends Named {
  script(bytes: Uint8Array): TaskBody;
}

export interface CopySource extends Named {
  is: 'file' | 'folder';
  target: CopyTarget;
  /** Its name, its guards, and what takes it back. */
  more: UndoableBody;
}

/** A file of this machine; `line` and `path` say where it is named. */
interface Named {
  source: string;
  line: number;
  path: string;
}

const base64 = (bytes: string | Uint8Array): string => Buffer.from(bytes).toString('base64');

/** `undoTasks`: of its undo, which are checked by themselves. */
export function taskOf(
  task: CheckedTask,
  undoTasks: readonly CheckedUndoTask[],
  document: Document,
  path: Path,
): BundleTask {
  const { name, unless, creates } = task;
  const undo = 'undo' in task ? task.undo : undefined;
  const more = {
    ...(name === undefined ? {} : { name }),
    ...(unless === undefined ? {} : { unless }),
    ...(creates === undefined ? {} : { creates }),
    ...(undo === undefined ? {} : { undo: { withinMs: undo.within, tasks: undoTasks.map(undoTaskOf) } }),
  };
  const from = (source: string, ...inner: Path) => ({
    source,
    line: document.lineOf([...path, ...inner]),
    path: pathText([...path, ...inner]),
  });
  if ('script' in task) {
    const { script, args = [] } = task;
    const fileName = script.slice(script.lastIndexOf('/') + 1);
    return {
      ...from(script, 'script'),
      script: (bytes) => ({
        ...more,
        script: { content: base64(bytes), args, name: fileName, ...inputOf(task) },
      }),
    };
  }
  if ('tree' in task) {
    const { source, ...target } = task.tree;
    return { ...from(source, 'tree', 'source'), is: 'folder', target, more };
  }
  if ('file' in task && task.file.source !== undefined) {
    const { content: _, source, ...target } = task.file;
    return { ...from(source, 'file', 'source'), is: 'file', target, more };
  }
  return { body: { ...more, ...kindOf(task) } };
}

const inputOf = (task: object): { stdin?: string } =>
  'stdin' in task && typeof task.stdin === 'string' ? { stdin: base64(task.stdin) } : {};

function kindOf(task: Exclude<CheckedTask, { script: unknown } | { tree: unknown }>): TaskKindBody {
  if ('package' in task) return { packages: packagesOf(task.package) };
  if ('probe' in task) return { probe: probeOf(task.probe) };
  if ('reboot' in task) {
    const { timeout, 'if-needed': ifNeeded } = task.reboot;
    return {
      reboot: {
        ...(timeout === undefined ? {} : { timeoutMs: timeout }),
        ...(ifNeeded === undefined ? {} : { ifNeeded }),
      },
    };
  }
  if ('file' in task) {
    const { content = '', source: _, ...target } = task.file;
    return undoTaskOf({ file: { ...target, content } });
  }
  return undoTaskOf(task);
}

function undoTaskOf(task: CheckedUndoTask): UndoBody['tasks'][number] {
  if ('command' in task) return { command: { argv: task.command, ...inputOf(task) } };
  if ('shell' in task) return { shell: { line: task.shell, ...inputOf(task) } };
  if ('directory' in task) return { file: { ...task.directory, state: 'directory' } };
  if ('link' in task) return { file: { ...task.link, state: 'link' } };
  if ('absent' in task) return { file: { path: task.absent, state: 'absent' } };
  if ('service' in task) return { service: task.service };
  const { content, ...target } = task.file;
  return { file: { ...target, state: 'file', inline: base64(content) } };
}

function packagesOf(
  task: Extract<CheckedTask, { package: unknown }>['package'],
): Extract<TaskKindBody, { packages: unknown }>['packages'] {
  const { name, names, state, version, 'config-files': configFiles, 'lock-wait': lockWaitMs } = task;
  return {
    action: 'ensure',
    names: names ?? (name === undefined ? [] : [name]),
    ...(state === undefined ? {} : { state }),
    ...(version === undefined ? {} : { version }),
    ...(configFiles === undefined ? {} : { configFiles }),
    ...(lockWaitMs === undefined ? {} : { lockWaitMs }),
  };
}
