import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { liveInThreads } from './pool.ts';
import { told } from './story.ts';
import type { Lived, Wanted } from './worker.ts';

/** As many histories as fit, and no fewer than these; a quiet machine lives several hundred. */
const LEAST = 60;
const MOST = 400;
const BUDGET_MS = 25_000;

const THREADS = Math.min(2, availableParallelism());

async function liveAll(wanted: readonly Wanted[]): Promise<Lived[]> {
  const waiting = [...wanted];
  const lived: Lived[] = [];
  await liveInThreads({ threads: THREADS, next: () => waiting.shift(), done: (one) => void lived.push(one) });
  return lived.toSorted((a, b) => a.seed - b.seed);
}

test('the same seed gives the same history, byte for byte, in whichever thread', async () => {
  const twice = await liveAll([7, 8, 7, 8].map((seed) => ({ seed })));
  const digests = twice.map((one) => one.digest);
  assert.equal(digests[0], digests[1]);
  assert.equal(digests[2], digests[3]);
  assert.notEqual(digests[0], digests[2]);
});

test('every promise holds in histories of chance', async (t) => {
  const beganMs = performance.now();
  const lived: Lived[] = [];
  let seed = 0;
  await liveInThreads({
    threads: THREADS,
    next() {
      if (seed >= MOST || (seed >= LEAST && performance.now() - beganMs > BUDGET_MS)) return undefined;
      seed += 1;
      return { seed };
    },
    done: (one) => void lived.push(one),
  });
  const starts = lived.reduce((sum, one) => sum + one.starts, 0);
  const hours = lived.reduce((sum, one) => sum + one.virtualMs, 0) / 3_600_000;
  t.diagnostic(`${lived.length} histories, ${starts} programs started, ${hours.toFixed(0)} virtual hours`);
  for (const one of lived) assert.equal(one.violation, undefined, told(one));
});
