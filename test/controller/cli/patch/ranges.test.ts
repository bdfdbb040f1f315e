import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foldNames } from '../../../../controller/cli/patch/ranges.ts';
import { expandRanges } from '../../../../controller/installer/inventory/range.ts';

for (const [names, folded] of [
  [['web-1'], 'web-1'],
  [['web-1', 'web-2'], 'web-1 web-2'],
  [['web-1', 'web-2', 'web-3'], 'web-[1:3]'],
  [['web-3', 'web-1', 'web-2', 'web-5'], 'web-[1:3] web-5'],
  [['web-8', 'web-9', 'web-10', 'web-11'], 'web-[8:11]'],
  [['web-08', 'web-09', 'web-10'], 'web-[08:10]'],
  [['web-98', 'web-99', 'web-100'], 'web-[98:100]'],
  [['web-097', 'web-098', 'web-099', 'web-100'], 'web-[097:100]'],
  [['n0', 'n1', 'n2'], 'n[0:2]'],
  [['r7-3.example.net', 'r7-4.example.net', 'r7-5.example.net'], 'r7-[3:5].example.net'],
  [['r7-1', 'r8-1', 'r9-1'], 'r7-1 r8-1 r9-1'],
  [['mail', 'ns'], 'mail ns'],
  [[], ''],
] as const)
  test(`names are folded where three are in a row: ${names.join(' ')}`, () => {
    assert.equal(foldNames(names).join(' '), folded);
  });

test('what was folded stands for the same names', () => {
  const names = Array.from({ length: 312 }, (_, n) => `web-${String(n).padStart(2, '0')}`);
  const some = names.filter((_, n) => n % 17 !== 3);
  const back = foldNames(some).flatMap((text) => {
    const read = expandRanges(text, 1000);
    assert.ok('names' in read, text);
    return read.names;
  });
  assert.deepEqual(back.sort(), some.sort());
});
