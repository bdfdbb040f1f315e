import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatDuration, parseDuration } from '../../../controller/cli/duration.ts';
import { Failure } from '../../../controller/cli/failure.ts';

test('durations are read as whole milliseconds', () => {
  const table: [string, number][] = [
    ['500ms', 500],
    ['15s', 15_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['2d', 172_800_000],
    ['1h30m', 5_400_000],
    ['1d2h3m4s5ms', 93_784_005],
    ['1.5h', 5_400_000],
    ['0.5s', 500],
  ];
  for (const [text, ms] of table) assert.equal(parseDuration(text), ms, text);
});

test('a duration that could mean several things is refused with what is wrong', () => {
  const table: [string, RegExp][] = [
    ['15', /needs a unit: 15s, 15m or 15h/],
    ['', /is not a duration/],
    ['s', /is not a duration/],
    ['-5s', /is not a duration/],
    ['5 s', /is not a duration/],
    ['5S', /is not a duration/],
    ['5w', /is not a duration/],
    ['1e3s', /is not a duration/],
    ['30m1h', /out of order/],
    ['1h1h', /out of order/],
    ['0s', /too short/],
    ['0.1ms', /too short/],
  ];
  for (const [text, message] of table)
    assert.throws(
      () => parseDuration(text),
      (error) => error instanceof Failure && error.exit === 2 && message.test(error.message),
      text,
    );
});

test('a duration outside its bounds names the bound', () => {
  assert.throws(() => parseDuration('31d', { maxMs: 30 * 86_400_000 }), /the most is 30d/);
  assert.throws(() => parseDuration('5ms', { minMs: 1000 }), /the least is 1 s/);
  assert.equal(parseDuration('30d', { maxMs: 30 * 86_400_000 }), 30 * 86_400_000);
});

test('durations are shown in the two units that matter', () => {
  const table: [number, string][] = [
    [0, '0 ms'],
    [119.6, '120 ms'],
    [1000, '1 s'],
    [4230, '4.2 s'],
    [9960, '10 s'],
    [59_499, '59 s'],
    [59_600, '1m'],
    [65_000, '1m 05s'],
    [7_800_000, '2h 10m'],
    [86_400_000, '1d'],
    [273_600_000, '3d 4h'],
  ];
  for (const [ms, text] of table) assert.equal(formatDuration(ms), text);
});
