import assert from 'node:assert/strict';
import { copyFileSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { AgentWorld } from '../support/agent-world.ts';
import { outcomes, refusals, world } from './runs/world.ts';

const PARTS = ['journal.db', 'journal.db-wal'];

function copyOf(at: AgentWorld): () => void {
  for (const part of PARTS)
    if (existsSync(join(at.folder, part)))
      copyFileSync(join(at.folder, part), join(at.folder, `old-${part}`));
  return () => {
    at.journal.close();
    for (const part of PARTS) {
      rmSync(join(at.folder, part), { force: true });
      if (existsSync(join(at.folder, `old-${part}`)))
        copyFileSync(join(at.folder, `old-${part}`), join(at.folder, part));
    }
  };
}

for (const [what, ended] of [
  ['while it ran', false],
  ['after it had ended', true],
] as const) {
  test(`an order that ran, and whose journal is put back ${what}: its redelivery starts nothing`, async (t) => {
    const at = await world(t);
    const putBack = copyOf(at);
    const made = at.order();
    await at.deliver(made);
    assert.equal(at.started.length, 1);
    if (ended) at.started[0]?.finish();
    await at.clock.settle();
    const epoch = at.journal.epoch();
    putBack();
    await at.crash();
    assert.notDeepEqual(at.journal.epoch(), epoch);
    await at.deliver(made);
    assert.equal(at.started.length, 1);
    assert.deepEqual(refusals(at), ['not-a-target']);
    // It is not a dead end: what is ordered of the new epoch runs.
    await at.deliver(at.order());
    assert.equal(at.started.length, 2);
  });
}

test('an order that waited in the journal that is put back is not started by it, since it may have been', async (t) => {
  const at = await world(t);
  for (let place = 0; place < 2; place++) await at.deliver(at.order());
  await at.deliver(at.order());
  assert.equal(at.started.length, 2);
  const putBack = copyOf(at);
  for (const run of at.started) run.finish();
  await at.clock.settle();
  assert.equal(at.started.length, 3);
  putBack();
  await at.crash();
  await at.clock.settle();
  assert.equal(at.started.length, 3);
  assert.ok(outcomes(at).filter((one) => one === 'interrupted').length >= 1, outcomes(at).join());
});
