import type { OrderMessage, TaskMessage } from '../../proto/codec.ts';
import { MusterError } from '../../proto/errors.ts';
import { toHex } from '../../proto/ids.ts';
import type { RunSpec, Task } from '../executor/run.ts';

/** What the executor is to do for an order that was opened, and so has passed `checkOrder`. */
export function specOf(order: OrderMessage, attempt: number): RunSpec {
  const { limits } = order;
  if (!limits) throw new TypeError('an order to run has limits');
  return {
    jobId: toHex(order.jobId),
    attempt,
    tasks: order.tasks.map(taskOf),
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

function taskOf(task: TaskMessage): Task {
  return { ...actionOf(task), ...(task.guard && { guard: task.guard }) };
}

function actionOf(task: TaskMessage): Task {
  const { command, shell, script, file, tree, service, reboot, collect, upgrade, uninstall } = task;
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
  throw new MusterError('bad-task', 'this agent does not carry out tasks of this kind');
}
