import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Freeze, Window } from '../../../controller/rollouts/rollout.ts';
import { openAt, spanOf, wallOf } from '../../../controller/rollouts/windows.ts';
import { isZone, momentOf, wallAt } from '../../../controller/rollouts/zone.ts';

const at = (text: string): number => Date.parse(text);
const minutes = (text: string): number => Number(text.slice(0, 2)) * 60 + Number(text.slice(3));
const [SUN, MON, , , THU, FRI, SAT] = [0, 1, 2, 3, 4, 5, 6];
const window = (from: string, to: string, zone: string, ...days: (number | undefined)[]): Window => ({
  ...{ from: minutes(from), to: minutes(to), zone },
  days: days.flatMap((day) => day ?? []),
});
const freeze = (from: string, to: string, zone: string): Freeze => ({ from, to, zone, reason: 'sale' });

/** `open until …`, `opens …`, by UTC. */
function told(windows: Window[], freezes: Freeze[], now: string): string {
  const opening = openAt(windows, freezes, at(now));
  const shown = (ms: number | null): string =>
    ms === null ? 'ever' : new Date(ms).toISOString().slice(0, 16);
  return opening.open ? `open until ${shown(opening.closesAtMs)}` : `opens ${shown(opening.opensAtMs)}`;
}

describe('a maintenance window', () => {
  const night = window('22:00', '04:00', 'Europe/Berlin');
  const table: [what: string, windows: Window[], freezes: Freeze[], now: string, then: string][] = [
    ['none at all', [], [], '2026-11-27T12:00Z', 'open until ever'],
    ['before it', [night], [], '2026-11-27T20:59Z', 'opens 2026-11-27T21:00'],
    ['as it begins', [night], [], '2026-11-27T21:00Z', 'open until 2026-11-28T03:00'],
    ['past midnight', [night], [], '2026-11-28T02:59Z', 'open until 2026-11-28T03:00'],
    ['as it ends', [night], [], '2026-11-28T03:00Z', 'opens 2026-11-28T21:00'],
    ['in summer', [night], [], '2026-07-01T20:30Z', 'open until 2026-07-02T02:00'],
    // Clocks in Berlin go from 02:00 to 03:00 on the 29th of March 2026, and from 03:00 to 02:00 on the 25th of October.
    ['a night that is an hour shorter', [night], [], '2026-03-28T22:00Z', 'open until 2026-03-29T02:00'],
    ['a night that is an hour longer', [night], [], '2026-10-24T21:00Z', 'open until 2026-10-25T03:00'],
    [
      'a begin that is skipped',
      [window('02:30', '05:00', 'Europe/Berlin')],
      [],
      '2026-03-29T00:00Z',
      'opens 2026-03-29T01:00',
    ],
    [
      'an hour that is skipped whole',
      [window('02:10', '02:50', 'Europe/Berlin')],
      [],
      '2026-03-29T00:00Z',
      'opens 2026-03-30T00:10',
    ],
    [
      'a begin that is shown twice',
      [window('02:30', '05:00', 'Europe/Berlin')],
      [],
      '2026-10-25T00:00Z',
      'opens 2026-10-25T00:30',
    ],
    [
      'an end that is shown twice',
      [window('01:00', '02:30', 'Europe/Berlin')],
      [],
      '2026-10-24T23:30Z',
      'open until 2026-10-25T00:30',
    ],
    [
      'an end that is skipped',
      [window('01:00', '02:30', 'Europe/Berlin')],
      [],
      '2026-03-29T00:30Z',
      'open until 2026-03-29T01:00',
    ],
    [
      'an hour that is skipped whole, of that day of the week only',
      [window('02:10', '02:50', 'Europe/Berlin', SUN)],
      [],
      '2026-03-29T00:00Z',
      'opens 2026-04-05T00:10',
    ],
    [
      'shown twice, it opens the first time',
      [window('02:15', '02:45', 'Europe/Berlin')],
      [],
      '2026-10-25T00:20Z',
      'open until 2026-10-25T00:45',
    ],
    [
      'and not the second',
      [window('02:15', '02:45', 'Europe/Berlin')],
      [],
      '2026-10-25T01:30Z',
      'opens 2026-10-26T01:15',
    ],
    [
      'a day of its zone, which is ahead',
      [window('01:00', '02:00', 'Pacific/Auckland', MON)],
      [],
      '2026-07-05T12:00Z',
      'opens 2026-07-05T13:00',
    ],
    // Lord Howe's clocks change by half an hour.
    [
      'half an hour less',
      [window('02:15', '04:00', 'Australia/Lord_Howe')],
      [],
      '2026-10-03T15:00Z',
      'opens 2026-10-03T15:30',
    ],
    [
      'half an hour more',
      [window('01:00', '03:00', 'Australia/Lord_Howe')],
      [],
      '2026-04-04T14:30Z',
      'open until 2026-04-04T16:30',
    ],
    [
      'a zone without summer',
      [window('22:00', '23:00', 'Asia/Tokyo')],
      [],
      '2026-07-01T13:00Z',
      'open until 2026-07-01T14:00',
    ],
    [
      'a day that it is not',
      [window('22:00', '04:00', 'UTC', FRI)],
      [],
      '2026-11-28T22:00Z',
      'opens 2026-12-04T22:00',
    ],
    [
      'the morning after its day',
      [window('22:00', '04:00', 'UTC', FRI)],
      [],
      '2026-11-28T03:00Z',
      'open until 2026-11-28T04:00',
    ],
    [
      'the morning of its day',
      [window('22:00', '04:00', 'UTC', FRI)],
      [],
      '2026-11-27T03:00Z',
      'opens 2026-11-27T22:00',
    ],
    [
      'the whole of two days',
      [window('00:00', '00:00', 'UTC', SAT, SUN)],
      [],
      '2026-11-28T12:00Z',
      'open until 2026-11-30T00:00',
    ],
    [
      'two that touch',
      [window('20:00', '22:00', 'UTC'), window('22:00', '23:00', 'UTC')],
      [],
      '2026-11-28T21:00Z',
      'open until 2026-11-28T23:00',
    ],
    [
      'two zones',
      [window('22:00', '23:00', 'UTC', MON), window('22:00', '23:00', 'Asia/Tokyo', THU)],
      [],
      '2026-11-25T12:00Z',
      'opens 2026-11-26T13:00',
    ],
    [
      'a freeze',
      [],
      [freeze('2026-12-20', '2026-12-26', 'Europe/Berlin')],
      '2026-12-20T12:00Z',
      'opens 2026-12-26T23:00',
    ],
    [
      'a freeze to come',
      [],
      [freeze('2026-12-20', '2026-12-26', 'UTC')],
      '2026-12-19T12:00Z',
      'open until 2026-12-20T00:00',
    ],
    [
      'a freeze that ends in a window',
      [night],
      [freeze('2026-11-27', '2026-11-27T23:30', 'Europe/Berlin')],
      '2026-11-27T12:00Z',
      'opens 2026-11-27T22:30',
    ],
    [
      'a freeze over a window',
      [night],
      [freeze('2026-11-27', '2026-11-28', 'Europe/Berlin')],
      '2026-11-27T12:00Z',
      'opens 2026-11-28T23:00',
    ],
    [
      'a freeze in the midst of a window',
      [night],
      [freeze('2026-11-28T00:00', '2026-11-28T01:00', 'UTC')],
      '2026-11-27T22:00Z',
      'open until 2026-11-28T00:00',
    ],
    [
      'two freezes that touch',
      [],
      [freeze('2026-12-01', '2026-12-02', 'UTC'), freeze('2026-12-03', '2026-12-04T12:00', 'UTC')],
      '2026-12-01T01:00Z',
      'opens 2026-12-04T12:00',
    ],
  ];
  for (const [what, windows, freezes, now, then] of table)
    test(`${what}: ${then}`, () => assert.equal(told(windows, freezes, now), then));
});

test('a freeze to an hour that is shown twice lasts to the second of them', () => {
  const { toMs } = spanOf(freeze('2026-10-25', '2026-10-25T02:30', 'Europe/Berlin'));
  assert.equal(new Date(toMs).toISOString(), '2026-10-25T01:30:00.000Z');
});

test('days that there are not are no days', () => {
  for (const text of [
    '2026-02-30',
    '2026-13-01',
    '2026-1-1',
    '26-01-01',
    '2026-01-01T24:00',
    '2026-01-01 10:00',
    '',
  ])
    assert.ok(Number.isNaN(wallOf(text)), text);
  assert.equal(wallOf('2028-02-29T10:00'), Date.UTC(2028, 1, 29, 10));
});

test('names of zones are those of IANA, and no offsets', () => {
  for (const zone of ['UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires', 'Etc/GMT+3'])
    assert.ok(isZone(zone), zone);
  for (const zone of ['', '+02:00', 'Berlin', '../UTC', 'Europe/Berlin\n', 'Mars/Base', 'x'.repeat(100)])
    assert.ok(!isZone(zone), zone);
});

test('each minute around a change of the clocks is found again, in the first or the last moment that shows it', () => {
  for (const [zone, day] of [
    ['Europe/Berlin', '2026-03-29'],
    ['Europe/Berlin', '2026-10-25'],
    ['Australia/Lord_Howe', '2026-04-05'],
    ['Australia/Lord_Howe', '2026-10-04'],
    ['America/St_Johns', '2026-03-08'],
    ['Asia/Tokyo', '2026-03-29'],
  ] as const) {
    const fromMs = at(`${day}T00:00Z`) - 86_400_000;
    for (let ms = fromMs; ms < fromMs + 2 * 86_400_000; ms += 10 * 60_000) {
      const wall = wallAt(zone, ms);
      const [first, last] = [momentOf(zone, wall, 'first'), momentOf(zone, wall, 'last')];
      assert.ok(first <= ms && ms <= last, `${zone} ${new Date(ms).toISOString()}`);
      assert.deepEqual([wallAt(zone, first), wallAt(zone, last)], [wall, wall]);
    }
  }
});
