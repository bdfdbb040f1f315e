import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CrowdEvent, type HostEnd, installAll } from '../../../controller/installer/engine.ts';
import { HostFailure } from '../../../controller/installer/failure.ts';
import type { HostWork } from '../../../controller/installer/work.ts';
import { virtualClock } from '../../support/virtual-clock.ts';
import { entryOf, resultOf } from '../cli/install/hosts.ts';

/** A crowd of hosts that wait to be told how they end. */
function stage(count: number, concurrency: number) {
  const clock = virtualClock();
  const events: CrowdEvent[] = [];
  const hosts = new Map<string, { work: HostWork; end(failure?: unknown): void }>();
  const crowd = installAll({
    ...{ entries: Array.from({ length: count }, (_, index) => entryOf(`h${index}`)), concurrency, clock },
    tell: (event) => events.push(event),
    install: (entry, work) =>
      new Promise((resolve, reject) => {
        const end = (failure?: unknown): void =>
          failure === undefined ? resolve(resultOf(entry.written)) : reject(failure);
        hosts.set(entry.written, { work, end });
      }),
  });
  const begun = (): string[] => [...hosts.keys()];
  const host = (name: string) => hosts.get(name) ?? assert.fail(`${name} was not begun`);
  return { clock, events, begun, host, crowd };
}

const brief = (ends: readonly HostEnd[]): string[] =>
  ends.map((end) => (end.state === 'failed' ? `${end.because} in ${end.step}` : end.state));

test('hosts begin in the order of the list, never more at once than was asked for', async () => {
  const { clock, begun, host } = stage(4, 2);
  assert.deepEqual(begun(), ['h0', 'h1']);
  host('h1').end();
  await clock.settle();
  assert.deepEqual(begun(), ['h0', 'h1', 'h2']);
});

test('ends come in the order of the list, whichever ended first, each with its own cause and step', async () => {
  const { clock, host, crowd } = stage(3, 3);
  host('h2').end();
  host('h1').work.tell({ what: 'step', step: 'place' });
  host('h1').work.tell({ what: 'step', step: 'undo' });
  host('h1').end(new HostFailure('disk-full', '/opt'));
  await clock.settle();
  host('h0').end();
  assert.deepEqual(brief(await crowd.over), ['done', 'disk-full in place', 'done']);
});

test('what is no HostFailure is a defect of that host alone, thrown late or at once', async () => {
  const clock = virtualClock();
  const { over } = installAll({
    ...{ entries: [entryOf('a'), entryOf('b')], concurrency: 1, clock, tell: () => {} },
    install(entry) {
      if (entry.written === 'a') throw new Error('no such thing');
      return Promise.resolve(resultOf('b'));
    },
  });
  const ends = await over;
  assert.deepEqual(brief(ends), ['defect in connect', 'done']);
  assert.match(JSON.stringify(ends[0]), /no such thing/);
});

test('Ctrl-C finishes those at hand and leaves the others where they were', async () => {
  const { host, crowd, events, begun } = stage(3, 1);
  crowd.press();
  assert.ok(!host('h0').work.stop.aborted);
  host('h0').end();
  assert.deepEqual(brief(await crowd.over), ['done', 'not-begun', 'not-begun']);
  assert.deepEqual(begun(), ['h0']);
  assert.deepEqual(
    events.filter(({ what }) => what === 'phase'),
    [{ what: 'phase', phase: 'finishing', atHand: 1 }],
  );
});

test('the second Ctrl-C tells those at hand to stop, and waits for them', async () => {
  const { host, crowd } = stage(2, 2);
  crowd.press();
  crowd.press();
  assert.ok(host('h0').work.stop.aborted);
  host('h0').end(new HostFailure('stopped'));
  host('h1').end();
  assert.deepEqual(brief(await crowd.over), ['stopped in connect', 'done']);
});

test('the third waits for nobody: those at hand are said to be left as they are, and what they say later is not heard', async () => {
  const { host, crowd, events, clock } = stage(3, 2);
  host('h0').work.tell({ what: 'step', step: 'place' });
  for (let press = 0; press < 3; press += 1) crowd.press();
  assert.deepEqual(brief(await crowd.over), ['stopped in place', 'stopped in connect', 'not-begun']);
  host('h0').end();
  await clock.settle();
  assert.deepEqual(brief(await crowd.over), ['stopped in place', 'stopped in connect', 'not-begun']);
  assert.equal(events.filter(({ what }) => what === 'ended').length, 0);
});

test('the second entry with one machine is told what the first is called', () => {
  const { host } = stage(2, 2);
  assert.equal(host('h0').work.claim('boot-1'), undefined);
  assert.equal(host('h1').work.claim('boot-1'), 'h0');
  assert.equal(host('h1').work.claim('boot-2'), undefined);
});

test('ten thousand hosts are begun and ended in one go, without a stack that grows', async () => {
  const clock = virtualClock();
  const { over } = installAll({
    ...{
      entries: Array.from({ length: 10_000 }, (_, index) => entryOf(`h${index}`)),
      concurrency: 20,
      clock,
    },
    tell: () => {},
    install: async (entry) => resultOf(entry.written),
  });
  assert.equal((await over).filter(({ state }) => state === 'done').length, 10_000);
});

test('an empty list is over at once', async () => {
  assert.deepEqual(await stage(0, 20).crowd.over, []);
});
