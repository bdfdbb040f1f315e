import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { keepAlive } from '../../../agent/link/keep-alive.ts';
import type { Clock } from '../../../proto/clock.ts';
import { virtualClock } from '../../support/virtual-clock.ts';

function watched(clock: Clock) {
  const asks: number[] = [];
  const deaths: number[] = [];
  const alive = keepAlive(clock, {
    ask: () => asks.push(clock.monotonicMs()),
    dead: () => deaths.push(clock.monotonicMs()),
  });
  return { alive, asks, deaths };
}

describe('the keep-alive of a link', () => {
  it('asks once after 15 s of silence and gives up at 40 s', async () => {
    const clock = virtualClock();
    const { asks, deaths } = watched(clock);
    await clock.advance(120_000);
    assert.deepEqual(asks, [15_000]);
    assert.deepEqual(deaths, [40_000]);
    assert.equal(clock.pending, 0);
  });

  it('goes on for as long as every question is answered', async () => {
    const clock = virtualClock();
    const deaths: number[] = [];
    let asks = 0;
    const alive = keepAlive(clock, {
      ask() {
        asks += 1;
        clock.after(1_000, () => alive.heard());
      },
      dead: () => deaths.push(clock.monotonicMs()),
    });
    await clock.advance(605_000);
    assert.deepEqual(deaths, []);
    assert.ok(asks >= 30, `${asks} questions`);
    alive.stop();
    assert.equal(clock.pending, 0);
  });

  it('asks every 15 s also while it hears something, since the answer says what time it is', async () => {
    const clock = virtualClock();
    const { alive, asks, deaths } = watched(clock);
    for (let second = 0; second < 50; second++) {
      await clock.advance(1_000);
      alive.heard();
    }
    assert.deepEqual(asks, [15_000, 30_000, 45_000]);
    assert.deepEqual(deaths, []);
    alive.stop();
  });

  it('is not fooled by a stall of 5 s in a link that answers', async () => {
    const clock = virtualClock();
    const { alive, deaths } = watched(clock);
    await clock.advance(12_000);
    alive.heard();
    await clock.advance(20_000);
    alive.heard();
    await clock.advance(30_000);
    assert.deepEqual(deaths, []);
    alive.stop();
  });

  it('counts no silence of its own: a process that stood still asks before it gives up', async () => {
    const clock = virtualClock();
    let late = 0;
    const frozen: Clock = {
      ...clock,
      monotonicMs: () => clock.monotonicMs() + late,
      after: (ms, fn) => clock.after(ms, fn),
    };
    const { asks, deaths } = watched(frozen);
    late = 300_000;
    await clock.advance(15_000);
    assert.equal(asks.length, 1);
    assert.deepEqual(deaths, []);
    await clock.advance(25_000);
    assert.equal(deaths.length, 1);
  });
});
