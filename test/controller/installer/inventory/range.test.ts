import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { expandRanges } from '../../../../controller/installer/inventory/range.ts';

const GOOD: [string, string][] = [
  ['web', 'web'],
  ['web[1:3]', 'web1 web2 web3'],
  ['web[01:03].example.com', 'web01.example.com web02.example.com web03.example.com'],
  ['db[a:c]', 'dba dbb dbc'],
  ['n[0:10:5]', 'n0 n5 n10'],
  ['n[:2]', 'n0 n1 n2'],
  ['n[008:010]', 'n008 n009 n010'],
  ['r[1:2]-[a:b]', 'r1-a r1-b r2-a r2-b'],
  ['n[5:5]', 'n5'],
  ['n[y:B]', 'ny nz nA nB'],
  ['n[9:11]', 'n9 n10 n11'],
];
for (const [pattern, names] of GOOD)
  test(`${pattern} stands for ${names}`, () => {
    assert.deepEqual(expandRanges(pattern, 100), { names: names.split(' ') });
  });

describe('a range that cannot be meant is refused', () => {
  const bad: [string, RegExp][] = [
    ['web[1]', /a range such as/],
    ['web[1:2:3:4]', /a range such as/],
    ['web[3:1]', /ends before it begins/],
    ['web[b:a]', /ends before it begins/],
    ['web[01:9]', /same number of digits/],
    ['web[1:b]', /two numbers or two letters/],
    ['web[1:]', /two numbers or two letters/],
    ['web[]', /a range such as/],
    ['web[1:2:0]', /a step from 1 on/],
    ['web[1:2:-1]', /a step from 1 on/],
    ['web[1:2', /a bracket without its other/],
    ['web1:2]', /a bracket without its other/],
    ['web[[1:2]]', /a bracket without its other/],
    ['web[0:99999999]', /more than 100 hosts/],
    ['a[0:9]b[0:9]c[0:1]', /more than 100 hosts/],
    ['web[0:999999999999999]', /more than 100 hosts/],
    ['web[0:9999999999999999999]', /two numbers or two letters/],
  ];
  for (const [pattern, expected] of bad)
    test(pattern, () => {
      const expanded = expandRanges(pattern, 100);
      assert.ok('problem' in expanded, 'it was taken');
      assert.match(expanded.problem, expected);
    });
});
