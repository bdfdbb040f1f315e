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
  };
}

function taskOf(task: TaskMessage): Task {
  const { command, shell, script } = task;
  if (command) return { kind: 'command', argv: command.argv, stdin: command.stdin };
  if (shell) return { kind: 'shell', line: shell.line, stdin: shell.stdin };
  if (script) return { kind: 'script', ...script };
  throw new MusterError('bad-task', 'this agent does not carry out tasks of this kind');
}
