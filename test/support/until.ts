import { setTimeout as wait } from 'node:timers/promises';

/**
 * The first result of `condition` that is neither false nor undefined, asked for every few milliseconds; fails with
 * `what` after `withinMs`. For what gives no event: processes, files, other programs.
 */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  withinMs = 10_000,
): Promise<Exclude<T, false | undefined>> {
  const deadline = performance.now() + withinMs;
  for (let pauseMs = 2; ; pauseMs = Math.min(pauseMs * 1.5, 100)) {
    const result = await condition();
    if (result !== false && result !== undefined) return result as Exclude<T, false | undefined>;
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await wait(pauseMs);
  }
}
