import type { Clock } from '../../proto/clock.ts';
import { API_LIMITS } from './limits.ts';
import type { ReadyReply } from './messages.ts';

/** Name -> what is wrong, or undefined. A check that throws or takes too long is one that failed. */
export type Checks = Readonly<Record<string, () => Promise<string | undefined>>>;

export async function readiness(checks: Checks, clock: Clock): Promise<ReadyReply> {
  const found = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => [name, await verdict(check, clock)] as const),
  );
  return { ready: found.every(([, problem]) => problem === null), checks: Object.fromEntries(found) };
}

async function verdict(check: () => Promise<string | undefined>, clock: Clock): Promise<string | null> {
  let cancel = (): void => {};
  const late = new Promise<string>((resolve) => {
    cancel = clock.after(API_LIMITS.readyMs, () => resolve('no answer in time'));
  });
  try {
    return (await Promise.race([check(), late])) ?? null;
  } catch {
    // Everybody may ask whether we are ready; why not is for the log of whoever checks.
    return 'failed';
  } finally {
    cancel();
  }
}
