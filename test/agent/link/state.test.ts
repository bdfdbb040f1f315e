import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  applyLink,
  LASTED_MS,
  type LinkEvent,
  type LinkState,
  needsSomebody,
  waitMs,
} from '../../../agent/link/state.ts';

const url = 'https://controller.test';
const end = { reason: 'gone' };

function after(...events: LinkEvent[]): LinkState {
  return events.reduce(applyLink, { state: 'idle', round: 0 } as LinkState);
}

const online: LinkEvent[] = [{ event: 'dial', url }, { event: 'opened' }, { event: 'ready', nowMs: 100 }];
const ended = (nowMs: number): LinkEvent => ({ event: 'ended', end, nowMs, waitMs: 50 });

describe('the state of a link', () => {
  it('goes from dialling over greeting to online', () => {
    assert.deepEqual(after(...online), { state: 'online', url, sinceMs: 100, round: 0 });
  });

  it('counts the rounds that came to nothing, and forgets them after a session that lasted', () => {
    const failed = after({ event: 'dial', url }, ended(0), { event: 'dial', url }, ended(0));
    assert.equal(failed.round, 2);
    const back = [{ event: 'dial', url }, ...online.slice(1)] as LinkEvent[];
    assert.equal([...back, ended(100 + LASTED_MS - 1)].reduce(applyLink, failed).round, 3);
    assert.equal([...back, ended(100 + LASTED_MS)].reduce(applyLink, failed).round, 1);
  });

  it('tries the next address without a wait', () => {
    assert.equal(
      after({ event: 'dial', url }, { event: 'dial', url: 'https://other.test' }).state,
      'dialling',
    );
  });

  it('throws on what cannot be', () => {
    for (const events of [
      [{ event: 'opened' }],
      [{ event: 'ready', nowMs: 0 }],
      [...online, { event: 'dial', url }],
      [{ event: 'stop' }, { event: 'dial', url }],
      [{ event: 'stop' }, ended(0)],
    ] as LinkEvent[][])
      assert.throws(() => after(...events), /^Error: link: /);
  });
});

describe('the wait before the next round', () => {
  const most = () => new Uint8Array([255, 255, 255, 255]);
  const least = () => new Uint8Array(4);

  it('is anything from nothing to a bound that doubles up to a minute', () => {
    assert.deepEqual(
      [0, 1, 2, 7, 20, 1e6].map((round) => waitMs(end, round, most)),
      [499, 999, 1999, 59_999, 59_999, 59_999],
    );
    assert.equal(waitMs(end, 9, least), 0);
  });

  it('is up to five minutes where somebody has to do something', () => {
    assert.equal(waitMs({ reason: '', code: 'agent-removed' }, 9, most), 299_999);
    assert.ok(needsSomebody({ reason: '', code: 'agent-quarantined' }));
    assert.ok(!needsSomebody({ reason: '', code: 'unavailable' }) && !needsSomebody(end));
  });

  it('begins after what the controller asked for', () => {
    assert.equal(waitMs({ reason: '', code: 'try-later', retryAfterMs: 7_000 }, 0, least), 7_000);
  });
});
