import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Clock, delay } from '../../proto/clock.ts';
import { systemClock, systemRandom } from '../../proto/system.ts';

/** A clock whose waits end when the test says so. */
function manual(): { clock: Clock; waits: { delayMs: number; fire(): void; cancelled: boolean }[] } {
  const waits: { delayMs: number; fire(): void; cancelled: boolean }[] = [];
  const clock: Clock = {
    now: () => 0,
    monotonicMs: () => 0,
    uptimeMs: () => 0,
    after(delayMs, fire) {
      const wait = { delayMs, fire, cancelled: false };
      waits.push(wait);
      return () => {
        wait.cancelled = true;
      };
    },
  };
  return { clock, waits };
}

test('a delay resolves when its time has come, and leaves no listener at the signal', async () => {
  const { clock, waits } = manual();
  const abort = new AbortController();
  const waiting = delay(clock, 250, abort.signal);
  assert.equal(waits[0]?.delayMs, 250);
  waits[0]?.fire();
  await waiting;
  abort.abort(new Error('too late'));
  assert.equal(waits[0]?.cancelled, false);
});

test('an aborted delay rejects with the reason at once and cancels its timer', async () => {
  const { clock, waits } = manual();
  const abort = new AbortController();
  const waiting = delay(clock, 250, abort.signal);
  const reason = new Error('stopping');
  abort.abort(reason);
  await assert.rejects(waiting, reason);
  assert.equal(waits[0]?.cancelled, true);
});

test('a delay under a signal that is aborted already starts no timer', async () => {
  const { clock, waits } = manual();
  const reason = new Error('stopped');
  const waiting = delay(clock, 250, AbortSignal.abort(reason));
  assert.equal(waits.length, 0);
  await assert.rejects(waiting, reason);
});

test("the system's clock goes forward, fires, and a cancelled wait never fires", async () => {
  const before = systemClock.monotonicMs();
  let cancelledFired = false;
  const cancel = systemClock.after(0, () => {
    cancelledFired = true;
  });
  cancel();
  await delay(systemClock, 5);
  assert.ok(systemClock.monotonicMs() - before >= 4);
  assert.equal(cancelledFired, false);
  assert.ok(systemClock.uptimeMs() > 0);
  assert.ok(Math.abs(systemClock.now() - Date.now()) < 1_000);
  await delay(systemClock, -5);
});

test("a wait that is longer than the system's longest timer does not fire at once", async () => {
  let fired = false;
  const cancel = systemClock.after(2 ** 40, () => {
    fired = true;
  });
  await delay(systemClock, 5);
  cancel();
  assert.equal(fired, false);
});

test("the system's randomness gives as many bytes as asked, and others each time", () => {
  assert.equal(systemRandom(33).length, 33);
  assert.notDeepEqual(systemRandom(32), systemRandom(32));
});
