import type { OrderMessage, TaskMessage } from '../../proto/codec.ts';
import type { KeyRole } from '../../proto/frame.ts';
import { TASK_KINDS, type TaskKind, taskKindOf } from '../../proto/validate-order.ts';
import { ALL_PATHS, type PathRules, parsePathRules } from './path-rules.ts';

/**
 * What this host allows beyond the trust document, from `policy.json` in the agent's home. The trust document decides
 * which keys may sign an order at all; this can only take away, so that the stricter of the two wins.
 */
export interface Policy {
  /** Kinds of task that need an operator's own signature; with 'controller' keys alone they are refused. */
  readonly operatorFor: ReadonlySet<TaskKind>;
  /** Kinds of task that are never done here. */
  readonly denied: ReadonlySet<TaskKind>;
  /** What tasks of kind file and tree may write, and tasks of kind collect read. Commands are not held to this. */
  readonly write: PathRules;
  readonly read: PathRules;
}

export const OPEN_POLICY: Policy = {
  operatorFor: new Set(),
  denied: new Set(),
  write: ALL_PATHS,
  read: ALL_PATHS,
};

/** Whether the time of an order is also held against this host's own clock. */
export function wantsOperators(policy: Policy): boolean {
  return policy.operatorFor.size > 0;
}

/** Why the policy refuses this order, or undefined. */
export function policyProblem(
  order: Pick<OrderMessage, 'tasks'> & Partial<Pick<OrderMessage, 'limits'>>,
  signers: readonly KeyRole[],
  policy: Policy,
): string | undefined {
  for (const task of order.tasks) {
    const kind = taskKindOf(task);
    if (!kind) return 'a task of an unknown kind';
    const hidden = besides(task, order);
    for (const [one, what] of [[kind, `tasks of kind ${kind}`] as const, ...hidden]) {
      if (policy.denied.has(one)) return `${what} are denied on this host`;
      if (policy.operatorFor.has(one) && !signers.includes('operator'))
        return `${what} need an operator's signature on this host`;
    }
    const undone = task.undo?.tasks.flatMap(({ file }) => file?.path ?? []) ?? [];
    const written = [(task.file ?? task.tree)?.path ?? [], undone].flat();
    const problem =
      written.map((path) => writeProblem(policy, path)).find((one) => one !== undefined) ||
      (task.collect && readProblem(policy, task.collect.path));
    if (problem) return problem;
  }
  return undefined;
}

const UNDO_KINDS = ['command', 'shell', 'file', 'service', 'packages'] as const satisfies TaskKind[];

/**
 * What is done besides, whatever kind the task is: the line of a guard; what a probe starts; what takes it back; and variables, by which (PATH, LD_PRELOAD) the order
 * says what the commands of the init system are.
 */
function besides(
  { guard, service, reboot, packages, probe, undo }: TaskMessage,
  { limits }: Partial<Pick<OrderMessage, 'limits'>>,
): (readonly [TaskKind, string])[] {
  const found: (readonly [TaskKind, string])[] = [];
  if (guard?.unless) found.push(['shell', 'guards that run a line, as tasks of kind shell,']);
  if ((service || reboot || packages) && limits?.env.length)
    found.push(['shell', 'services, reboots and packages with variables, as tasks of kind shell,']);
  if (probe?.command) found.push(['command', 'probes by a command, as tasks of kind command,']);
  if (probe?.shell) found.push(['shell', 'probes by a line, as tasks of kind shell,']);
  for (const task of undo?.tasks ?? [])
    for (const kind of UNDO_KINDS) if (task[kind]) found.push([kind, `undoing by tasks of kind ${kind}`]);
  return found;
}

/** Asked again where the task is carried out, of the path without the links that led to it. */
export function writeProblem({ write }: Policy, path: string): string | undefined {
  return write.allows(path) ? undefined : `${path} is not among the paths that tasks may write on this host`;
}

export function readProblem({ read }: Policy, path: string): string | undefined {
  return read.allows(path) ? undefined : `${path} is not among the paths that tasks may read on this host`;
}

/**
 * `{"require": "operator"}` for every kind, `{"require": {"shell": "operator"}}` for some, `{"deny": ["script"]}`, and
 * `{"paths": {"write": ["/srv/app/**"], "read": ["/var/log/**"]}}`.
 * Throws an Error that names what it does not understand: a policy that is misread must not be taken for an open one.
 */
export function parsePolicy(text: string): Policy {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error('it is not an object');
  for (const key of Object.keys(value))
    if (!['require', 'deny', 'paths'].includes(key)) throw new Error(`"${key}" is not known`);
  const { require = {}, deny = [], paths = {} } = value as Partial<Record<string, unknown>>;
  if (!Array.isArray(deny)) throw new Error('"deny" is not a list');
  return {
    operatorFor: new Set(operatorFor(require)),
    denied: new Set(deny.map(kindOf)),
    ...pathRules(paths),
  };
}

function pathRules(paths: unknown): Pick<Policy, 'write' | 'read'> {
  if (typeof paths !== 'object' || paths === null || Array.isArray(paths))
    throw new Error('"paths" is not an object');
  for (const key of Object.keys(paths))
    if (key !== 'write' && key !== 'read') throw new Error(`"paths.${key}" is not known`);
  const { write, read } = paths as { write?: unknown; read?: unknown };
  return {
    write: write === undefined ? ALL_PATHS : parsePathRules(write, 'paths.write'),
    read: read === undefined ? ALL_PATHS : parsePathRules(read, 'paths.read'),
  };
}

function operatorFor(require: unknown): readonly TaskKind[] {
  if (require === 'operator') return TASK_KINDS;
  if (typeof require !== 'object' || require === null || Array.isArray(require))
    throw new Error('"require" is neither "operator" nor an object');
  return Object.entries(require).map(([kind, who]) => {
    if (who !== 'operator') throw new Error(`"require.${kind}" is not "operator"`);
    return kindOf(kind);
  });
}

function kindOf(name: unknown): TaskKind {
  const kind = TASK_KINDS.find((one) => one === name);
  if (!kind) throw new Error(`${JSON.stringify(name)} is not a kind of task (${TASK_KINDS.join(', ')})`);
  return kind;
}
