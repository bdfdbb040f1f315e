import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSelector, SELECTOR_LIMITS } from '../../../controller/targeting/selector.ts';
import { expectProblem } from './expect-problem.ts';

function shape(text: string): [string, string, string[]][] {
  return parseSelector(text).map(({ key, operator, values }) => [key, operator, [...values]]);
}

const READ: [text: string, shape: [string, string, string[]][]][] = [
  ['role=web', [['role', 'in', ['web']]]],
  ['role==web', [['role', 'in', ['web']]]],
  ['role!=web', [['role', 'notin', ['web']]]],
  [' role  =  web ', [['role', 'in', ['web']]]],
  ['role=', [['role', 'in', ['']]]],
  [
    'role=,env',
    [
      ['role', 'in', ['']],
      ['env', 'exists', []],
    ],
  ],
  ['env in (prod,stage)', [['env', 'in', ['prod', 'stage']]]],
  ['env in( prod , stage )', [['env', 'in', ['prod', 'stage']]]],
  ['zone notin (a)', [['zone', 'notin', ['a']]]],
  ['gpu', [['gpu', 'exists', []]]],
  ['!gpu', [['gpu', 'absent', []]]],
  ['! gpu', [['gpu', 'absent', []]]],
  ['in=notin', [['in', 'in', ['notin']]]],
  ['in in (in)', [['in', 'in', ['in']]]],
  ['example.com/role=a', [['example.com/role', 'in', ['a']]]],
  ['disks.mount=/var/lib', [['disks.mount', 'in', ['/var/lib']]]],
  ['addresses.address=fe80::1', [['addresses.address', 'in', ['fe80::1']]]],
  [
    'role=web,env in (prod,stage),os.id=debian,!gpu,tier!=x',
    [
      ['role', 'in', ['web']],
      ['env', 'in', ['prod', 'stage']],
      ['os.id', 'in', ['debian']],
      ['gpu', 'absent', []],
      ['tier', 'notin', ['x']],
    ],
  ],
];

for (const [text, expected] of READ) {
  test(`"${text}" is read as Kubernetes reads it`, () => assert.deepEqual(shape(text), expected));
}

test('a key with a dot is a label or a fact, one without is a label, and facts. names a fact only', () => {
  const keys = parseSelector('os.id,arch,facts.arch,facts.os.id').map(({ label, path }) => ({ label, path }));
  assert.deepEqual(keys, [
    { label: true, path: ['os', 'id'] },
    { label: true, path: undefined },
    { label: false, path: ['arch'] },
    { label: false, path: ['os', 'id'] },
  ]);
});

const REFUSED: [what: string, text: string, column: number, length: number, message: RegExp][] = [
  ['an empty selector', '', 1, 1, /empty/],
  ['a selector of spaces', '  ', 1, 2, /empty/],
  ['an empty condition', 'a,,b', 3, 1, /expected a label or fact.*found ","/],
  ['a trailing comma', 'a=1,', 5, 1, /found the end/],
  ['a value alone', '=web', 1, 1, /expected a label or fact.*found "="/],
  ['an exclamation mark alone', 'a,!', 4, 1, /found the end/],
  ['a negated equality', '!a=1', 3, 1, /expected "," or the end, found "="/],
  ['two words', 'role web', 6, 3, /expected =.*found "web"/],
  ['an operator in upper case', 'role IN (a)', 6, 2, /found "IN"/],
  ['a comparison', 'cpu.count>4', 10, 1, /expected =.*found ">"/],
  ['a comparison with equality', 'a=>4', 3, 1, /found ">"/],
  ['two equalities', 'a=b=c', 4, 1, /expected "," or the end, found "="/],
  ['a set without brackets', 'env in prod', 8, 1, /expected "\(".*found "p"/],
  ['a set that is not closed', 'env in (prod', 13, 1, /expected "," or "\)", found the end/],
  ['an empty set', 'env in ()', 9, 1, /expected a value, found "\)"/],
  ['an empty value in a set', 'env in (a,,b)', 11, 1, /expected a value, found ","/],
  ['brackets without an operator', 'env (a)', 5, 1, /found "\("/],
  ['a quoted value', 'role="web"', 6, 1, /without quotes/],
  ['a glob as a value', 'role=we*', 8, 1, /"\*" cannot be in a value/],
  ['a key that begins with an underscore', 'a,__proto__=1', 3, 9, /"__proto__": a label key/],
  ['a key that is too long', `${'k'.repeat(64)}=1`, 1, 64, /a label key has up to 63/],
  ['a key of other letters', 'rôle=web', 1, 4, /"rU\+00F4le"/],
  ['a value that is too long', `a=${'v'.repeat(257)}`, 3, 257, /longer than 256/],
  ['a right-to-left override in a value', 'a=b\u202ec', 4, 1, /U\+202E cannot be in a value/],
  ['a newline', 'a=b\n', 4, 1, /control character U\+000A/],
  ['a tab', 'a\t=b', 2, 1, /control character U\+0009/],
  ['too many conditions', `${'a,'.repeat(64)}a`, 129, 1, /more than 64 conditions/],
];

for (const [what, text, column, length, message] of REFUSED) {
  test(`${what} is refused where it stands`, () => {
    expectProblem(() => parseSelector(text), 'bad-selector', column, length, message);
  });
}

test('a selector that is too long is refused before it is read', () => {
  const { chars } = SELECTOR_LIMITS;
  expectProblem(() => parseSelector('a'.repeat(chars + 1)), 'bad-selector', chars + 1, 1, /longer than/);
});
