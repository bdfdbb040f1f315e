import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AgentWorld } from '../../support/agent-world.ts';
import { agentWorld } from '../../support/agent-world.ts';
import type { Made } from '../../support/orders.ts';
import { outcomes, refusals } from './world.ts';

const YEAR_MS = 365 * 86_400_000;
const DAY_MS = 86_400_000;
const SKEWS: [string, number][] = [
  ['right', 0],
  ['a year ahead', YEAR_MS],
  ['a year behind', -YEAR_MS],
];

interface Skewed {
  at: AgentWorld;
  /** The controller's time: it passes whatever this host's clock does, and while this host is suspended. */
  trueMs(): number;
  order(ttlMs: number): Made;
}

async function skewed(t: { after(fn: () => unknown): void }, skewMs: number): Promise<Skewed> {
  const at = await agentWorld(t);
  const beganMs = at.clock.now();
  const trueMs = (): number => beganMs + at.clock.uptimeMs();
  at.controller.behaviour.timeMs = trueMs;
  at.clock.stepWall(skewMs);
  await at.start();
  return {
    at,
    trueMs,
    order: (ttlMs) => at.order({ signedAtMs: trueMs(), expiresAtMs: trueMs() + ttlMs }),
  };
}

/** Takes every place, so that what follows waits. */
async function busy({ at, order }: Skewed): Promise<void> {
  for (let place = 0; place < 2; place++) await at.deliver(order(10 * DAY_MS));
  assert.equal(at.started.length, 2);
}

for (const [what, skewMs] of SKEWS) {
  describe(`a host whose clock is ${what}`, () => {
    it('starts what has not expired, and refuses what has', async (t) => {
      const world = await skewed(t, skewMs);
      await world.at.deliver(world.order(1_000));
      assert.equal(world.at.started.length, 1);
      await world.at.deliver(world.order(0));
      await world.at.deliver(world.order(-1_000));
      assert.equal(world.at.started.length, 1);
      assert.deepEqual(refusals(world.at), ['order-expired', 'order-expired']);
    });

    it('starts nothing late that waited for its turn', async (t) => {
      const world = await skewed(t, skewMs);
      await busy(world);
      await world.at.deliver(world.order(5_000));
      await world.at.clock.advance(4_900);
      assert.deepEqual(outcomes(world.at), []);
      await world.at.clock.advance(200);
      for (const run of world.at.started) run.finish();
      await world.at.clock.settle();
      assert.equal(world.at.started.length, 2);
      assert.ok(outcomes(world.at).includes('expired order-expired'));
    });

    it('starts nothing late after a suspend of three days, before it has heard of the controller again', async (t) => {
      const world = await skewed(t, skewMs);
      await busy(world);
      await world.at.deliver(world.order(3_600_000));
      world.at.controller.behaviour.unreachable = true;
      world.at.controller.session().link.cut();
      world.at.clock.suspend(3 * DAY_MS);
      for (const run of world.at.started) run.finish();
      await world.at.clock.advance(10);
      assert.equal(world.at.started.length, 2);
      world.at.controller.behaviour.unreachable = false;
      await world.at.clock.advance(90_000);
      assert.ok(outcomes(world.at).includes('expired order-expired'));
    });

    it('is not led astray by a clock that is set while it works', async (t) => {
      const world = await skewed(t, skewMs);
      await busy(world);
      await world.at.deliver(world.order(5_000));
      world.at.clock.stepWall(YEAR_MS);
      await world.at.clock.advance(1_000);
      world.at.clock.stepWall(-2 * YEAR_MS);
      const [first] = world.at.started;
      first?.finish();
      await world.at.clock.advance(1_000);
      // In time, so its turn came.
      assert.equal(world.at.started.length, 3);
    });
  });
}

describe('a controller whose clock was a year ahead for one session', () => {
  it('made no agent forget orders, and so refuse new ones that expire before those', async (t) => {
    const at = await agentWorld(t);
    await at.start();
    await at.deliver(at.order({ expiresAtMs: at.clock.now() + 30 * DAY_MS }));
    at.started[0]?.finish();
    await at.clock.settle();
    at.controller.giveReceipt();
    await at.clock.settle();
    at.controller.behaviour.timeMs = () => at.clock.now() + YEAR_MS;
    await at.crash();
    at.controller.behaviour.timeMs = undefined;
    await at.crash();
    await at.deliver(at.order());
    assert.deepEqual(refusals(at), []);
    assert.equal(at.started.length, 2);
  });
});
