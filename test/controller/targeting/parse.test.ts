import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTargets, TARGET_LIMITS } from '../../../controller/targeting/parse.ts';
import { expectProblem } from './expect-problem.ts';

test('names, ids, globs, all and exclusions are told apart', () => {
  const id = '0123456789abcdef0123456789abcdef';
  const list = parseTargets(` all , web-*,db-1,${id},!web-9, !x? `);
  assert.equal(list.include.all, true);
  assert.deepEqual([...list.include.names.keys()], ['db-1', id]);
  assert.equal(list.include.globs.length, 1);
  assert.equal(list.exclude.all, false);
  assert.deepEqual([...list.exclude.names], [['web-9', '!web-9']]);
  assert.equal(list.exclude.globs.length, 1);
});

test('upper case means lower case, and is kept as it was written for messages', () => {
  assert.deepEqual(
    [...parseTargets('WEB-1,a,!Db-2').include.names],
    [
      ['web-1', 'WEB-1'],
      ['a', 'a'],
    ],
  );
  assert.deepEqual([...parseTargets('ALL,!Db-2').exclude.names], [['db-2', '!Db-2']]);
});

const rlo = '\u202e';
const REFUSED: [what: string, text: string, column: number, length: number, message: RegExp][] = [
  ['an empty list', '', 1, 1, /empty/],
  ['only spaces', '   ', 1, 3, /empty/],
  ['a comma alone', ',', 1, 1, /expected a name, a glob or all, found nothing/],
  ['an empty item', 'a,,b', 3, 1, /found nothing/],
  ['an item of spaces', 'a,  ,b', 3, 2, /found nothing/],
  ['a trailing comma', 'a,b,', 5, 1, /found nothing/],
  ['a lone exclamation mark', 'a,!', 3, 1, /after "!"/],
  ['two exclamation marks', 'a,!!b', 4, 1, /"!" cannot be in a name/],
  ['an exclusion of all', 'a, !all', 4, 4, /would leave nobody/],
  ['nothing but exclusions', '!web-9', 1, 6, /write "all,!web-9"/],
  ['nothing but excluded globs', '!a*,!b', 1, 6, /write "all,!a\*,!b"/],
  ['a space within a name', 'web-1 web-2', 6, 1, /a space cannot be in a name.*commas/],
  ['a colon between names', 'web:db', 4, 1, /":" cannot be in a name.*separate names with commas/],
  ['a path', '../../etc', 3, 1, /"\/" cannot be in a name/],
  ['two dots', 'a,a..b', 3, 4, /two dots/],
  ['a shell substitution', 'a,$(id)', 3, 1, /"\$" cannot/],
  ['a leading dash', 'a,-x', 3, 2, /begins nor ends with/],
  ['a property that every object has', 'a,__proto__', 3, 9, /reserved/],
  ['constructor', 'constructor', 1, 11, /reserved/],
  ['a right-to-left override', `a,b${rlo}c`, 4, 1, /U\+202E cannot be in a name/],
  ['a right-to-left override in a glob', `a,*${rlo}c`, 4, 1, /U\+202E cannot be in a name/],
  ['a letter that folds into ASCII', 'a,\u212a1', 3, 1, /U\+212A cannot/],
  ['a letter that grows in lower case', 'a\u0130b', 2, 1, /U\+0130 cannot/],
  ['a character of two units', 'a,x\u{1f600}', 4, 2, /U\+1F600 cannot/],
  ['a newline', 'a\nb', 2, 1, /control character U\+000A .* commas/],
  ['a NUL', 'a,b\u0000', 4, 1, /control character U\+0000/],
  ['a terminal escape', '\u001b[31m', 1, 1, /control character U\+001B/],
  ['a C1 control character', 'a\u009b', 2, 1, /control character U\+009B/],
  ['a name of 255 characters', 'a'.repeat(255), 1, 255, /longer than 253/],
  ['an unterminated class', 'a,web-[12', 7, 3, /expected "\]"/],
  ['a class with a comma', 'web-[1,2]', 5, 2, /expected "\]"/],
  ['an empty class', 'web-[]', 5, 2, /empty/],
  ['an empty negated class', 'web-[!]', 5, 3, /empty/],
  ['a reversed range', 'web-[z-a]', 6, 3, /"z-a" is not a range/],
  ['a range from digits to letters', 'web-[!0-f]', 7, 3, /"0-f" is not a range/],
  ['a class with a caret', 'web-[^1]', 6, 1, /"\^" cannot/],
  ['braces', 'web-{1,2}', 5, 1, /"{" cannot/],
  ['a backslash', 'web-\\*', 5, 1, /"\\" cannot/],
  [
    'a glob that is too long',
    '?'.repeat(TARGET_LIMITS.globChars + 1),
    1,
    TARGET_LIMITS.globChars + 1,
    /longer than/,
  ],
];

for (const [what, text, column, length, message] of REFUSED) {
  test(`${what} is refused where it stands`, () => {
    expectProblem(() => parseTargets(text), 'bad-target', column, length, message);
  });
}

test('a list that is too long is refused before it is read', () => {
  const { chars, items, globs } = TARGET_LIMITS;
  expectProblem(() => parseTargets('a'.repeat(chars + 1)), 'bad-target', chars + 1, 1, /longer than/);
  expectProblem(
    () => parseTargets(`${'a,'.repeat(items)}a`),
    'bad-target',
    2 * items + 1,
    1,
    /more than 10000 items/,
  );
  expectProblem(
    () => parseTargets(`${'a*,'.repeat(globs)}a?`),
    'bad-target',
    1,
    3 * globs + 2,
    /more than 100 globs/,
  );
});

test('the full ids of ten thousand agents fit', () => {
  const ids = Array.from({ length: 10_000 }, (_, n) => n.toString(16).padStart(32, '0'));
  assert.equal(parseTargets(ids.join(',')).include.names.size, 10_000);
});
