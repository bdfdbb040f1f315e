import { type Message, type OrderMessage, TargetParams, type TaskMessage } from '../../proto/codec.ts';
import { MusterError } from '../../proto/errors.ts';
import { toHex } from '../../proto/ids.ts';
import { checkTargetParams } from '../../proto/validate-packages.ts';
import type { CommandTask, RunSpec, StepTask, Task } from '../executor/run.ts';

/** What the executor is to do for an order that was opened, and so has passed `checkOrder`. */
export function specOf(order: OrderMessage, params: Uint8Array, attempt: number): RunSpec {
  const { limits } = order;
  if (!limits) throw new TypeError('an order to run has limits');
  const transaction = params.length === 0 ? null : transactionOf(params);
  return {
    jobId: toHex(order.jobId),
    attempt,
    tasks: order.tasks.map((task) => taskOf(task, transaction)),
    user: limits.user,
    cwd: limits.cwd,
    env: Object.fromEntries(limits.env.map(({ name, value }) => [name, value])),
    timeoutMs: limits.timeoutMs,
    killGraceMs: limits.killGraceMs,
    outputCapBytes: limits.outputCapBytes,
    check: order.check,
    nice: limits.nice,
  };
}

/** Throws MusterError('order-malformed'). */
function transactionOf(bytes: Uint8Array): Message<'PackageTransaction'> | null {
  let params: Message<'TargetParams'>;
  try {
    params = TargetParams.decode(bytes);
  } catch (cause) {
    throw new MusterError('order-malformed', 'params', { cause });
  }
  checkTargetParams(params);
  return params.transaction;
}

function taskOf(task: TaskMessage, transaction: Message<'PackageTransaction'> | null): Task {
  const { guard, undo } = task;
  return {
    ...actionOf(task, transaction),
    ...(guard && { guard }),
    ...(undo && {
      undo: {
        withinMs: undo.withinMs,
        tasks: undo.tasks.map((one) => actionOf({ ...NOTHING, ...one }, transaction)),
      },
    }),
  };
}

type Action = Omit<TaskMessage, 'name' | 'guard' | 'undo'>;
/** Kinds that take nothing back. */
const NOTHING = {
  ...{ script: null, tree: null, reboot: null, collect: null, upgrade: null, uninstall: null, probe: null },
} as const;

function actionOf(task: Action, transaction: Message<'PackageTransaction'> | null): CommandTask | StepTask {
  const { command, shell, script, file, tree, service, reboot, collect, upgrade, uninstall } = task;
  const { packages, probe } = task;
  if (command) return { kind: 'command', ...command };
  if (shell) return { kind: 'shell', ...shell };
  if (script) return { kind: 'script', ...script };
  if (file) return { kind: 'file', ...file };
  if (tree) return { kind: 'tree', ...tree };
  if (service) return { kind: 'service', ...service };
  if (reboot) return { kind: 'reboot', ...reboot };
  if (collect) return { kind: 'collect', ...collect };
  if (upgrade) return { kind: 'upgrade', ...upgrade };
  if (uninstall) return { kind: 'uninstall', ...uninstall };
  if (probe) return { kind: 'probe', ...probe };
  if (packages) {
    const { action } = packages;
    if ((action === 'apply' || action === 'revert') && !transaction)
      throw new MusterError('order-malformed', 'params.transaction');
    return { kind: 'packages', ...packages, transaction };
  }
  throw new MusterError('bad-task', 'this agent does not carry out tasks of this kind');
}
