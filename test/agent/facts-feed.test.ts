import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createFactsFeed, type Gathered } from '../../agent/facts-feed.ts';
import { virtualClock } from '../support/virtual-clock.ts';

const facts = (n: number): Gathered => ({ json: Buffer.from(`${n}`), digest: new Uint8Array(32).fill(n) });

describe('the feed of facts', () => {
  it('sends what is new, once, and looks again every ten minutes', async () => {
    const clock = virtualClock();
    const sent: string[] = [];
    let now = facts(1);
    const feed = createFactsFeed({
      clock,
      gather: async () => now,
      send: ({ json }) => sent.push(String(json)),
    });
    assert.equal(feed.digest().length, 0);
    feed.start();
    await clock.settle();
    assert.deepEqual(sent, []);
    feed.compare(new Uint8Array(0));
    assert.deepEqual(sent, ['1']);
    await clock.advance(600_000);
    assert.deepEqual(sent, ['1']);
    now = facts(2);
    await clock.advance(600_000);
    assert.deepEqual(sent, ['1', '2']);
    feed.stop();
    assert.equal(clock.pending, 0);
  });

  it('sends facts that come after the session began', async () => {
    const clock = virtualClock();
    const sent: string[] = [];
    const gathered = Promise.withResolvers<Gathered>();
    const feed = createFactsFeed({
      clock,
      gather: () => gathered.promise,
      send: ({ json }) => sent.push(String(json)),
    });
    feed.start();
    feed.compare(facts(9).digest);
    assert.deepEqual(sent, []);
    gathered.resolve(facts(3));
    await clock.settle();
    assert.deepEqual(sent, ['3']);
    feed.stop();
  });
});
