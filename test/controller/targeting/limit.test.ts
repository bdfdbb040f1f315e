import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyLimit, limitCount, parseLimit, seededFractions } from '../../../controller/targeting/limit.ts';
import { expectProblem } from './expect-problem.ts';

test('a limit is a number or a share', () => {
  assert.deepEqual(parseLimit('10'), { kind: 'count', count: 10 });
  assert.deepEqual(parseLimit('25%'), { kind: 'percent', percent: 25 });
  assert.deepEqual(parseLimit('100%'), { kind: 'percent', percent: 100 });
});

for (const text of [
  '',
  '0',
  '0%',
  '101%',
  '-1',
  '+1',
  '1.5',
  '1e3',
  '10 %',
  '%',
  'ten',
  '10\n',
  '99999999',
  '٣',
  '10%%',
]) {
  test(`a limit of ${JSON.stringify(text)} is refused`, () => {
    expectProblem(() => parseLimit(text), 'bad-limit', 1, Math.max(1, text.length), /expected/);
  });
}

const COUNTS: [limit: string, total: number, count: number][] = [
  ['10', 100, 10],
  ['10', 3, 3],
  ['10', 0, 0],
  ['25%', 100, 25],
  ['25%', 101, 26],
  ['1%', 3, 1],
  ['1%', 0, 0],
  ['100%', 7, 7],
  ['7%', 100, 7],
  ['29%', 100, 29],
  ['55%', 100, 55],
];

for (const [limit, total, count] of COUNTS) {
  test(`${limit} of ${total} is ${count}`, () => assert.equal(limitCount(parseLimit(limit), total), count));
}

const HOSTS = Array.from({ length: 20 }, (_, n) => `h${String(n).padStart(2, '0')}`);

test('without a seed the first ones stay', () => {
  assert.deepEqual(applyLimit(HOSTS, parseLimit('3')), ['h00', 'h01', 'h02']);
});

test('a seed gives the same choice each time, in the order of the list, and another seed another', () => {
  const choose = (seed: string | number) => applyLimit(HOSTS, parseLimit('30%'), seededFractions(seed));
  assert.deepEqual(choose('monday'), choose('monday'));
  assert.deepEqual(choose(7), choose('7'));
  assert.notDeepEqual(choose('monday'), choose('tuesday'));
  assert.equal(new Set(choose('monday')).size, 6);
  assert.deepEqual(choose('monday'), [...choose('monday')].sort());
});

test('the choice of a seed never changes between versions', () => {
  assert.deepEqual(applyLimit(HOSTS, parseLimit('5'), seededFractions('monday')), [
    'h01',
    'h05',
    'h06',
    'h11',
    'h13',
  ]);
  assert.deepEqual(applyLimit(HOSTS, parseLimit('5'), seededFractions(42)), [
    'h00',
    'h03',
    'h04',
    'h06',
    'h07',
  ]);
});

test('every host is chosen about equally often', () => {
  const times = new Map<string, number>();
  for (let seed = 0; seed < 4_000; seed++)
    for (const host of applyLimit(HOSTS, parseLimit('5'), seededFractions(seed)))
      times.set(host, (times.get(host) ?? 0) + 1);
  for (const host of HOSTS) {
    const count = times.get(host) ?? 0;
    assert.ok(count > 850 && count < 1_150, `${host} was chosen ${count} times of 1000 expected`);
  }
});

test('a limit that is not smaller than the list leaves everybody, also with a seed', () => {
  assert.deepEqual(applyLimit(HOSTS, parseLimit('100%'), seededFractions('x')), HOSTS);
  assert.deepEqual(applyLimit(HOSTS, parseLimit('500'), seededFractions('x')), HOSTS);
  assert.deepEqual(applyLimit([], parseLimit('1'), seededFractions('x')), []);
});
