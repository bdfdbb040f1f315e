import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AgentSummary } from '../../../../controller/api/contract.ts';
import { createPresence } from '../../../../controller/cli/install/presence.ts';
import { virtualClock } from '../../../support/virtual-clock.ts';

const VERSION = '1.2.3';
const never = new AbortController().signal;
const agent = (name: string) => ({ id: `id-${name}`, name });

function summary(name: string, more: Partial<AgentSummary> = {}): AgentSummary {
  return {
    ...{ name, id: `id-${name}`, online: true, state: 'active', labels: {}, os: null, arch: null },
    ...{ agentVersion: VERSION, enrolledAtMs: 0, lastSeenMs: 0 },
    ...more,
  };
}

function stage() {
  const clock = virtualClock();
  const asked: string[][] = [];
  const known = new Map<string, AgentSummary>();
  const presence = createPresence({
    clock,
    async list(names) {
      asked.push([...names]);
      return names.flatMap((name) => known.get(name) ?? []);
    },
  });
  const wait = (name: string, signal = never) => {
    const outcome = { what: 'waits' };
    presence.until(agent(name), VERSION, signal).then(
      () => Object.assign(outcome, { what: 'online' }),
      (error: Error) => Object.assign(outcome, { what: error.message }),
    );
    return outcome;
  };
  return { clock, asked, known, wait };
}

test('one question is for all that are waited for', async () => {
  const { clock, asked, known, wait } = stage();
  const [a, b] = [wait('a'), wait('b')];
  known.set('a', summary('a'));
  await clock.advance(200);
  assert.deepEqual(asked, [['a', 'b']]);
  assert.deepEqual([a.what, b.what], ['online', 'waits']);
  known.set('b', summary('b'));
  await clock.advance(200);
  assert.deepEqual(asked.at(-1), ['b']);
  assert.equal(b.what, 'online');
  assert.equal(clock.pending, 0);
});

test('another version, another machine under the name, and one that is not let in are not it', async () => {
  const { clock, known, wait } = stage();
  known.set('old', summary('old', { agentVersion: '1.2.2' }));
  known.set('other', summary('other', { id: 'somebody' }));
  known.set('held', summary('held', { state: 'quarantined' }));
  known.set('off', summary('off', { online: false }));
  const all = ['old', 'other', 'held', 'off'].map((name) => wait(name));
  await clock.advance(59_000);
  assert.ok(all.every(({ what }) => what === 'waits'));
  await clock.advance(2000);
  assert.deepEqual(
    all.map(({ what }) => what.replace(/^.* after 60 s /, '')),
    [
      'it is online with version 1.2.2',
      'the controller does not know it any more',
      'it is quarantined',
      'it is not connected',
    ].map((why) => `${why}`),
  );
});

test('it asks less and less often, at the latest once a second', async () => {
  const { clock, asked, wait } = stage();
  wait('a');
  await clock.advance(1000);
  const early = asked.length;
  assert.ok(early >= 4, `${early}`);
  await clock.advance(20_000);
  const before = asked.length;
  await clock.advance(10_000);
  assert.equal(asked.length - before, 10);
});

test('who is told to stop does, and is not asked about any more', async () => {
  const { clock, asked, wait } = stage();
  const stop = new AbortController();
  const a = wait('a', stop.signal);
  stop.abort();
  await clock.settle();
  assert.match(a.what, /stopped/);
  await clock.advance(5000);
  assert.deepEqual(asked, []);
});

test('what the controller refuses is said to every host that waits', async () => {
  const clock = virtualClock();
  const presence = createPresence({ clock, list: () => Promise.reject(new Error('no')) });
  const both = Promise.allSettled(['a', 'b'].map((name) => presence.until(agent(name), VERSION, never)));
  await clock.advance(200);
  assert.deepEqual(
    (await both).map(({ status }) => status),
    ['rejected', 'rejected'],
  );
});
