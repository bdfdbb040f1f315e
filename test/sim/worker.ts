/** A thread that lives histories, one after the other, as they are asked for. */
import { parentPort } from 'node:worker_threads';
import { live } from './history.ts';
import { weaknessNamed } from './weaknesses.ts';

/** What a thread is asked for. */
export interface Wanted {
  readonly seed: number;
  readonly weakness?: string;
}

/** What it says of a history. */
export interface Lived {
  readonly seed: number;
  readonly digest: string;
  readonly starts: number;
  readonly virtualMs: number;
  readonly tookMs: number;
  readonly violation: { readonly promise: number; readonly what: string } | undefined;
  /** Only of a history that went wrong, or where it was asked for. */
  readonly lines: readonly string[];
}

parentPort?.on('message', async ({ seed, weakness }: Wanted) => {
  const beganMs = performance.now();
  const history = await live(seed, weakness === undefined ? undefined : weaknessNamed(weakness));
  const { digest, starts, virtualMs, violation, lines } = history;
  const lived: Lived = {
    ...{ seed, digest, starts, virtualMs },
    tookMs: performance.now() - beganMs,
    violation: violation && { promise: violation.promise, what: violation.message },
    lines: violation ? lines : [],
  };
  parentPort?.postMessage(lived);
});
