import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { controllerTime } from '../../../agent/link/controller-time.ts';
import { type AgentWorld, agentWorld } from '../../support/agent-world.ts';
import { virtualClock } from '../../support/virtual-clock.ts';
import { refusals } from '../runs/world.ts';

/** An agent that is online, and a controller whose clock is `aheadMs` ahead of the one that it had then. */
async function world(t: TestContext): Promise<AgentWorld & { aheadMs: number }> {
  const made = await agentWorld(t);
  const at = Object.assign(made, { aheadMs: 0 });
  made.controller.behaviour.timeMs = () => made.clock.now() + at.aheadMs;
  await made.start();
  return at;
}

/** An order as the controller makes it now: good for ten seconds, from now on. */
async function deliverNow(at: AgentWorld & { aheadMs: number }): Promise<void> {
  const nowMs = at.clock.now() + at.aheadMs;
  await at.deliver(at.order({ signedAtMs: nowMs, notBeforeMs: nowMs, expiresAtMs: nowMs + 10_000 }));
}

describe("the controller's time in a session", () => {
  for (const [what, stepMs] of [
    ['back by 20 s', -20_000],
    ['ahead by 90 s', 90_000],
    ['back by a year', -365 * 86_400_000],
  ] as const)
    it(`is followed within half a minute when it is set ${what}`, async (t) => {
      const at = await world(t);
      at.aheadMs = stepMs;
      await deliverNow(at);
      assert.equal(refusals(at).length, 1);
      await at.clock.advance(30_000);
      await deliverNow(at);
      assert.equal(at.started.length, 1);
    });

  it('is followed while it drifts for days, also when frames never cease', async (t) => {
    const at = await world(t);
    for (let second = 0; second < 120; second++) {
      await at.clock.advance(1_000);
      at.aheadMs += 250;
      at.controller.session().send('receipt', { epoch: new Uint8Array(16), reportSeq: 0 });
    }
    await deliverNow(at);
    await at.clock.advance(15_000);
    await deliverNow(at);
    assert.ok(at.started.length > 0);
  });

  it('is not changed by a controller that does not tell it', async (t) => {
    const at = await world(t);
    at.controller.behaviour.timeMs = () => 0;
    at.controller.session().send('ping', { id: 1 });
    await at.clock.advance(60_000);
    await deliverNow(at);
    assert.equal(at.started.length, 1);
  });

  it('lets what waits expire when it is set ahead', async (t) => {
    const at = await world(t);
    for (let i = 0; i < 3; i++) await at.deliver(at.order({ expiresAtMs: at.clock.now() + 600_000 }));
    at.aheadMs = 3_600_000;
    await at.clock.advance(16_000);
    assert.deepEqual(
      at.controller.reports().map((report) => report.code),
      ['order-expired'],
    );
  });

  it('is counted from the welcome, however late the session is ready', async (t) => {
    const at = await agentWorld(t);
    const ready = Promise.withResolvers<void>();
    at.controller.behaviour.beforeReady = ready.promise;
    await at.start();
    await at.clock.advance(30_000);
    ready.resolve();
    await at.clock.settle();
    const nowMs = at.clock.now();
    await at.deliver(at.order({ notBeforeMs: nowMs, expiresAtMs: nowMs + 10_000 }));
    assert.equal(at.started.length, 1);
  });
});

describe('a time that was told', () => {
  it('is never taken to be later than it can be, and never earlier than it was told', () => {
    const clock = virtualClock();
    const time = controllerTime(clock);
    time.set(1_000_000);
    time.correct(1_000_500, Number.POSITIVE_INFINITY);
    assert.equal(time.nowMs(), 1_000_500);
    time.correct(990_000, Number.POSITIVE_INFINITY);
    assert.equal(time.nowMs(), 1_000_500);
    time.correct(999_000, 1_500);
    assert.equal(time.nowMs(), 1_000_500);
    time.correct(999_000, 100);
    assert.equal(time.nowMs(), 999_100);
  });

  it('does not go back by a suspend that lay between the question and its answer', () => {
    const clock = virtualClock();
    const time = controllerTime(clock);
    time.set(1_000_000);
    clock.suspend(600_000);
    time.correct(1_000_020, 600_020);
    assert.equal(time.nowMs(), 1_600_000);
  });
});
