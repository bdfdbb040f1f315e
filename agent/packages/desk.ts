/** What all actions share: the host, its manager, and how they wait for its lock. */
import { delay } from '../../proto/clock.ts';
import type { Message } from '../../proto/codec.ts';
import { type ErrorCode, MusterError } from '../../proto/errors.ts';
import type { Kept, PackagesDisk } from './home.ts';
import type { Host } from './host.ts';
import type { PackageManager } from './manager.ts';

/** As the order has it; `transaction` of apply and revert. */
export type PackagesTask = Message<'PackagesTask'> & {
  readonly transaction: Message<'PackageTransaction'> | null;
};

/** `unchanged` where it failed says that nothing was touched. */
export interface PackagesResult {
  readonly state: 'succeeded' | 'failed' | 'interrupted';
  readonly change?: 'changed' | 'unchanged' | 'would-change';
  readonly reason?: string;
  readonly code?: ErrorCode;
}

export interface Desk {
  readonly host: Host;
  readonly manager: PackageManager;
  readonly task: PackagesTask;
  readonly isCheck: boolean;
  readonly disk: PackagesDisk;
  readonly kept: Kept;
  /** Tells this task from all others of this agent. */
  readonly key: string;
  /** Writes the answer: one JSON document. */
  answer(document: object): void;
}

export const UNCHANGED: PackagesResult = { state: 'succeeded', change: 'unchanged' };
export const WOULD_CHANGE: PackagesResult = { state: 'succeeded', change: 'would-change' };

const LOOK_MS = 500;

/** Throws MusterError('packages-locked'), with who holds it. */
export async function waitForLock({ host, manager, task }: Desk): Promise<void> {
  const { clock } = host;
  const begunMs = clock.monotonicMs();
  for (let isTold = false; ; isTold = true) {
    const holder = await manager.lockHolder();
    if (!holder) return;
    const who = `${JSON.stringify(holder.name).slice(1, -1)} (process ${holder.pid})`;
    if (clock.monotonicMs() - begunMs >= task.lockWaitMs)
      throw new MusterError('packages-locked', `${who}, after ${task.lockWaitMs / 1000} s`);
    if (!isTold) host.say(`waits for ${who}, which holds the lock of ${manager.name}`);
    await delay(clock, LOOK_MS, host.signal);
  }
}

/** What was cut off before is brought to its end first. Throws an Error that says why it cannot be. */
export async function mend({ host, manager }: Desk): Promise<void> {
  const why = await manager.broken();
  if (why === undefined) return;
  host.say(`brings to its end what was cut off: ${why}`);
  await manager.mend();
}
