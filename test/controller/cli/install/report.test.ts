import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endedHost, openReport, waitingHost } from '../../../../controller/cli/install/report.ts';
import { virtualClock } from '../../../support/virtual-clock.ts';
import { entryOf, resultOf } from './hosts.ts';

const HEAD = { version: 1, startedAtMs: 0, controller: 'https://c:7443', options: {} } as const;
const entries = Array.from({ length: 100 }, (_, index) => entryOf(`h${index}`));
const done = (index: number) => {
  const entry = entries[index] ?? entryOf('nobody');
  const end = { state: 'done', result: resultOf(entry.written) } as const;
  return endedHost(entry, end, { durationMs: 1, warnings: [] });
};

async function stage(takesMs = 0) {
  const clock = virtualClock();
  const written: string[] = [];
  const broken: unknown[] = [];
  let fails = false;
  const report = await openReport({
    ...{ path: '/r.json', head: HEAD, hosts: entries.map(waitingHost), clock },
    async write(_, text) {
      if (fails) throw new Error('the disk is full');
      if (takesMs > 0 && written.length > 0)
        await new Promise<void>((resolve) => void clock.after(takesMs, resolve));
      written.push(text);
    },
    broken: (error) => void broken.push(error),
  });
  const states = () =>
    (JSON.parse(written.at(-1) ?? '') as { hosts: { state: string }[] }).hosts.filter(
      ({ state }) => state === 'done',
    ).length;
  return { clock, written, broken, report, states, fail: () => (fails = true) };
}

test('it is written before the first host ends, and then at most once a second', async () => {
  const { clock, written, report, states } = await stage();
  assert.equal(written.length, 1);
  for (let index = 0; index < 50; index += 1) {
    report.ended(done(index));
    await clock.advance(100);
  }
  assert.ok(written.length >= 5 && written.length <= 7, `${written.length}`);
  await clock.advance(1000);
  assert.equal(states(), 50);
  await report.close(7);
  assert.match(written.at(-1) ?? '', /"endedAtMs":7/);
  assert.equal(clock.pending, 0);
});

test('a write that is slow is made seldom: it takes a twentieth of the time at most', async () => {
  const { clock, written, report } = await stage(500);
  for (let index = 0; index < 100; index += 1) {
    report.ended(done(index));
    await clock.advance(300);
  }
  assert.ok(written.length <= 5, `${written.length}`);
});

test('a disk that fills up in the middle is told once, and fails the end', async () => {
  const { clock, broken, report, fail } = await stage();
  fail();
  for (let index = 0; index < 10; index += 1) {
    report.ended(done(index));
    await clock.advance(1000);
  }
  assert.equal(broken.length, 1);
  await assert.rejects(report.close(1), /the disk is full/);
});
