import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Freeze, Window } from '../../../controller/rollouts/rollout.ts';
import { openAt, spanOf, wallOf } from '../../../controller/rollouts/windows.ts';
import { isZone, momentOf } from '../../../controller/rollouts/zone.ts';

const at = (text: string): number => Date.parse(text);
const minutes = (text: string): number => Number(text.slice(0, 2)) * 60 + Number(text.slice(3));
const window = (from: string, to: string, zone: string, days: number[] = []): Window => ({
  ...{ days, from: minutes(from), to: minutes(to), zone },
});

/** Until when it is open, or since when it will be; in UTC. */
function told(windows: readonly Window[], now: string, freezes: readonly Freeze[] = []): string {
  const opening = openAt(windows, freezes, at(now));
  const ms = opening.open ? opening.closesAtMs : opening.opensAtMs;
  return `${opening.open ? 'open until' : 'opens'} ${ms === null ? 'never' : new Date(ms).toISOString().slice(0, 16)}`;
}

const BERLIN = 'Europe/Berlin';
const NIGHT = window('22:00', '04:00', BERLIN);

const WINDOWS: readonly (readonly [what: string, windows: Window[], now: string, told: string])[] = [
  ['in winter it is an hour ahead of UTC', [NIGHT], '2026-01-10T20:30Z', 'opens 2026-01-10T21:00'],
  ['in summer two', [NIGHT], '2026-07-10T19:30Z', 'opens 2026-07-10T20:00'],
  ['at its first moment it is open', [NIGHT], '2026-01-10T21:00Z', 'open until 2026-01-11T03:00'],
  [
    'past midnight it is the window of the day before',
    [NIGHT],
    '2026-01-11T01:00Z',
    'open until 2026-01-11T03:00',
  ],
  ['at its last moment it is shut', [NIGHT], '2026-01-11T03:00Z', 'opens 2026-01-11T21:00'],
  [
    'the night in which clocks are set forward is an hour shorter',
    [NIGHT],
    '2026-03-28T21:00Z',
    'open until 2026-03-29T02:00',
  ],
  [
    'the night in which they are set back is an hour longer',
    [NIGHT],
    '2026-10-24T20:00Z',
    'open until 2026-10-25T03:00',
  ],
  [
    'a begin in the gap is when the clocks are set',
    [window('02:30', '05:00', BERLIN)],
    '2026-03-29T00:30Z',
    'opens 2026-03-29T01:00',
  ],
  [
    'an end in the gap is then, too',
    [window('01:00', '02:30', BERLIN)],
    '2026-03-29T00:30Z',
    'open until 2026-03-29T01:00',
  ],
  [
    'all of it in the gap: not on that day',
    [window('02:10', '02:50', BERLIN)],
    '2026-03-29T00:30Z',
    'opens 2026-03-30T00:10',
  ],
  [
    'a week later, where it is of that day only',
    [window('02:10', '02:50', BERLIN, [0])],
    '2026-03-29T00:30Z',
    'opens 2026-04-05T00:10',
  ],
  [
    'in the doubled hour it opens once',
    [window('02:15', '02:45', BERLIN)],
    '2026-10-25T01:30Z',
    'opens 2026-10-26T01:15',
  ],
  ['the first time', [window('02:15', '02:45', BERLIN)], '2026-10-25T00:20Z', 'open until 2026-10-25T00:45'],
  [
    'from the doubled hour on it begins the first time',
    [window('02:30', '04:00', BERLIN)],
    '2026-10-25T00:00Z',
    'opens 2026-10-25T00:30',
  ],
  [
    'half an hour forward',
    [window('02:15', '04:00', 'Australia/Lord_Howe')],
    '2026-10-03T15:00Z',
    'opens 2026-10-03T15:30',
  ],
  [
    'half an hour back',
    [window('01:00', '04:00', 'Australia/Lord_Howe')],
    '2026-04-04T14:30Z',
    'open until 2026-04-04T17:30',
  ],
  [
    'a zone without summer',
    [window('22:00', '23:00', 'Asia/Kolkata')],
    '2026-07-01T12:00Z',
    'opens 2026-07-01T16:30',
  ],
  [
    'a day is that of the zone',
    [window('01:00', '02:00', 'Pacific/Auckland', [1])],
    '2026-07-05T12:00Z',
    'opens 2026-07-05T13:00',
  ],
  [
    'the day is the one on which it begins',
    [window('22:00', '04:00', 'UTC', [5])],
    '2026-11-28T01:00Z',
    'open until 2026-11-28T04:00',
  ],
  [
    'and not the one on which it ends',
    [window('22:00', '04:00', 'UTC', [6])],
    '2026-11-28T01:00Z',
    'opens 2026-11-28T22:00',
  ],
  ['a whole day', [window('00:00', '00:00', 'UTC', [6])], '2026-11-28T13:00Z', 'open until 2026-11-29T00:00'],
  [
    'two that touch are one',
    [window('20:00', '22:00', 'UTC'), window('22:00', '23:00', 'UTC')],
    '2026-11-28T21:00Z',
    'open until 2026-11-28T23:00',
  ],
  ['none: always', [], '2026-11-28T21:00Z', 'open until never'],
];

for (const [what, windows, now, expected] of WINDOWS)
  test(`a window, ${what}`, () => assert.equal(told(windows, now), expected));

const freeze = (from: string, to: string, zone = BERLIN): Freeze => ({ from, to, zone, reason: 'sale' });

const FREEZES: readonly (readonly [
  what: string,
  windows: Window[],
  freezes: Freeze[],
  now: string,
  told: string,
])[] = [
  [
    'to a day lasts to its end',
    [],
    [freeze('2026-12-20', '2026-12-26')],
    '2026-12-26T22:59Z',
    'opens 2026-12-26T23:00',
  ],
  [
    'that comes closes what is open',
    [],
    [freeze('2026-12-20T18:00', '2026-12-21')],
    '2026-12-20T12:00Z',
    'open until 2026-12-20T17:00',
  ],
  [
    'lasts through the doubled hour',
    [],
    [freeze('2026-10-25T01:00', '2026-10-25T02:30')],
    '2026-10-25T00:45Z',
    'opens 2026-10-25T01:30',
  ],
  [
    'begins with the doubled hour',
    [],
    [freeze('2026-10-25T02:30', '2026-10-25T06:00')],
    '2026-10-25T00:10Z',
    'open until 2026-10-25T00:30',
  ],
  [
    'in a window lets it open later',
    [NIGHT],
    [freeze('2026-01-10T20:00', '2026-01-10T23:00')],
    '2026-01-10T21:30Z',
    'opens 2026-01-10T22:00',
  ],
  [
    'over a whole window leaves the next',
    [NIGHT],
    [freeze('2026-01-10T20:00', '2026-01-11T05:00')],
    '2026-01-10T12:00Z',
    'opens 2026-01-11T21:00',
  ],
  [
    'after another is one',
    [],
    [freeze('2026-01-10', '2026-01-10'), freeze('2026-01-11', '2026-01-12')],
    '2026-01-10T12:00Z',
    'opens 2026-01-12T23:00',
  ],
];

for (const [what, windows, freezes, now, expected] of FREEZES)
  test(`a freeze ${what}`, () => assert.equal(told(windows, now, freezes), expected));

test('zones are names of IANA, and nothing else', () => {
  for (const zone of ['UTC', BERLIN, 'America/Argentina/Buenos_Aires']) assert.ok(isZone(zone), zone);
  for (const zone of ['', '+02:00', 'Europe/Berlim', '../UTC', 'UTC\n', '__proto__', 'x'.repeat(65)])
    assert.ok(!isZone(zone), zone);
});

test('days that there are not are no times', () => {
  for (const text of ['2026-02-30', '2026-13-01', '2026-01-01T24:30', '2026-1-1', '2026-01-01T10:00Z', ''])
    assert.ok(Number.isNaN(wallOf(text)), text);
  assert.equal(wallOf('2028-02-29'), at('2028-02-29T00:00Z'));
  assert.ok(
    spanOf(freeze('2026-01-01', '2026-01-01')).toMs > spanOf(freeze('2026-01-01', '2026-01-01')).fromMs,
  );
});

test('a time that clocks show twice is the first or the last of both', () => {
  const wall = at('2026-10-25T02:30Z');
  assert.equal(momentOf(BERLIN, wall, 'first'), at('2026-10-25T00:30Z'));
  assert.equal(momentOf(BERLIN, wall, 'last'), at('2026-10-25T01:30Z'));
});
