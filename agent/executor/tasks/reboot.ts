import { type Clock, delay } from '../../../proto/clock.ts';
import type { Message } from '../../../proto/codec.ts';
import type { StepContext, StepResult } from '../step.ts';

export interface RebootPorts {
  readonly clock: Clock;
  /** What brings this machine down and up again, as a command. */
  readonly rebootCommand: readonly string[];
  /** Why this machine wants another boot; undefined where it does not. Rejects where that cannot be found out. */
  whyReboot(context: StepContext): Promise<string | undefined>;
}

/**
 * Brings the machine down. That the run goes on behind this task is made durable before; that it was another boot is for the
 * agent to find that comes up then. Returns only where the machine stays up.
 */
export async function reboot(
  task: Message<'RebootTask'>,
  ports: RebootPorts,
  context: StepContext,
): Promise<StepResult> {
  const why = task.ifNeeded ? await ports.whyReboot(context) : undefined;
  if (task.ifNeeded && why === undefined)
    return { state: 'succeeded', change: 'unchanged', reason: 'the machine does not want a reboot' };
  if (why !== undefined) context.write('stderr', Buffer.from(`the machine wants a reboot: ${why}\n`));
  if (context.spec.check) return { state: 'succeeded', change: 'would-change' };
  await context.beforeReboot();
  const [program = ''] = ports.rebootCommand;
  const ending = await context.command('reboot', { argv: ports.rebootCommand });
  if (ending.kind === 'not-started') return notRebooted(ending.reason);
  // What a signal ended may have been ended by the shutdown that it began.
  if (ending.kind === 'exited' && ending.exitCode !== 0)
    return notRebooted(ending.reason ?? `${program} exited with ${ending.exitCode}`);
  await delay(ports.clock, task.timeoutMs, context.signal);
  return {
    state: 'failed',
    code: 'not-rebooted',
    reason: `the machine was still up ${task.timeoutMs / 1000} s after ${program} was started`,
  };
}

function notRebooted(why: string): StepResult {
  return { state: 'failed', code: 'not-rebooted', reason: `the machine was not rebooted: ${why}` };
}
