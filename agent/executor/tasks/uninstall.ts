import type { Message } from '../../../proto/codec.ts';
import type { StepContext, StepResult } from '../step.ts';

export interface UninstallPorts {
  /** Decides durably that this agent removes itself once its report has its receipt. Throws an Error that says why it cannot. */
  leave(order: { readonly jobId: string; readonly keepPolicy: boolean }): void;
}

/** What the removal itself comes to, nobody is told any more: so all that can be known before is asked here. */
export async function uninstall(
  { keepPolicy }: Message<'UninstallTask'>,
  { leave }: UninstallPorts,
  { spec }: StepContext,
): Promise<StepResult> {
  leave({ jobId: spec.jobId, keepPolicy });
  return { state: 'succeeded', change: 'changed' };
}
