import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { killStorm } from './kill-storm.ts';

test('controller and agents killed at random moments under load: nothing is lost, starts twice or is told wrongly', async (t) => {
  const seed = process.env.MUSTER_STORM_SEED ?? String(randomInt(1_000_000));
  t.diagnostic(`MUSTER_STORM_SEED=${seed}`);
  try {
    const storm = await killStorm(t, { seed, forMs: 8_000, agents: 3 });
    t.diagnostic(`${storm.jobs} jobs, ${storm.starts} starts, ${JSON.stringify(storm.counts)}`);
    assert.ok(storm.faults.length >= 5 && storm.starts > 5);
  } catch (error) {
    throw new Error(`MUSTER_STORM_SEED=${seed}: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  }
});
