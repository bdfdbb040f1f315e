import { isRepeatable } from '../past.ts';
import type { StepTask } from '../run.ts';

/**
 * Between steps that an agent after this one could not take up (a service that is restarted, files that are collected) and an
 * agent that wants to be replaced: it waits until none is under way, and holds others back while it goes.
 */
export interface Turns {
  /** Resolves when none is under way; from then on none begins, until the returned function is called. Rejects with the signal's reason. */
  alone(signal: AbortSignal): Promise<() => void>;
  /** Undefined: this step may begin. Else it is for the next agent; should there be none, for when this resolves. */
  held(task: StepTask): Promise<void> | undefined;
  /** A step that may begin. */
  during<T>(task: StepTask, step: () => Promise<T>): Promise<T>;
}

export function createTurns(): Turns {
  let underWay = 0;
  let holding: PromiseWithResolvers<void> | undefined;
  const waiting = new Set<() => void>();
  return {
    async alone(signal) {
      while (underWay > 0 || holding) {
        signal.throwIfAborted();
        await new Promise<void>((resolve) => {
          waiting.add(resolve);
          signal.addEventListener('abort', () => resolve(), { once: true });
        });
      }
      const mine = Promise.withResolvers<void>();
      holding = mine;
      return () => {
        holding = undefined;
        mine.resolve();
      };
    },
    held: (task) => (isRepeatable(task) ? undefined : holding?.promise),
    async during(task, step) {
      if (isRepeatable(task)) return step();
      underWay += 1;
      try {
        return await step();
      } finally {
        underWay -= 1;
        for (const resolve of waiting) resolve();
        waiting.clear();
      }
    },
  };
}
