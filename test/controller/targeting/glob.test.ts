import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Glob, type GlobPart, globMatches } from '../../../controller/targeting/glob.ts';
import { seededFractions } from '../../../controller/targeting/limit.ts';
import { parseTargets } from '../../../controller/targeting/parse.ts';

function globOf(text: string): Glob {
  const [glob] = parseTargets(text).include.globs;
  assert.ok(glob, `${text} is a glob`);
  return glob;
}

const TABLE: [glob: string, matches: string[], misses: string[]][] = [
  ['*', ['a', 'web-1.example.com'], []],
  ['web-*', ['web-', 'web-1', 'web-web-'], ['web', 'aweb-1', 'db-1']],
  ['*-1', ['web-1', '-1', 'a-1-1'], ['web-11', '1']],
  ['web-?', ['web-1', 'web--'], ['web-', 'web-10']],
  ['web-[123]', ['web-1', 'web-3'], ['web-4', 'web-12', 'web-']],
  ['web-[0-9a-f]', ['web-0', 'web-f'], ['web-g', 'web--']],
  ['web-[!1]', ['web-2', 'web-x'], ['web-1', 'web-']],
  ['web-[!0-8]', ['web-9', 'web-a'], ['web-0', 'web-8']],
  ['a[-b]c', ['a-c', 'abc'], ['acc']],
  ['a[b-]c', ['a-c', 'abc'], ['acc']],
  ['*a*b*', ['ab', 'xaxbx', 'aab'], ['ba', 'a', 'b']],
  ['a**b', ['ab', 'aXb'.toLowerCase(), 'a--b'], ['a', 'abc']],
  ['*ab', ['aab', 'abab'], ['aba']],
  ['a.c*', ['a.c', 'a.cd'], ['abc']],
];

for (const [glob, matches, misses] of TABLE) {
  test(`${glob} matches whole names and nothing else`, () => {
    for (const name of matches) assert.equal(globMatches(globOf(glob), name), true, `${glob} ~ ${name}`);
    for (const name of misses) assert.equal(globMatches(globOf(glob), name), false, `${glob} !~ ${name}`);
  });
}

/** The definition itself, exponential but plain. */
function slowMatches(glob: readonly GlobPart[], text: string): boolean {
  const [first, ...rest] = glob;
  if (!first) return text === '';
  if (first.kind === 'run')
    return slowMatches(rest, text) || (text !== '' && slowMatches(glob, text.slice(1)));
  if (text === '') return false;
  const fits =
    first.kind === 'one' ||
    (first.kind === 'literal' ? first.char === text[0] : first.chars.has(text.charAt(0)) !== first.negated);
  return fits && slowMatches(rest, text.slice(1));
}

test('for thousands of random globs and names the matcher agrees with the plain definition', () => {
  const random = seededFractions('glob');
  const pick = (from: readonly string[]): string => from[Math.floor(random() * from.length)] ?? '';
  const string = (from: readonly string[], longest: number): string =>
    Array.from({ length: 1 + Math.floor(random() * longest) }, () => pick(from)).join('');
  let matched = 0;
  for (let round = 0; round < 20_000; round++) {
    const glob = globOf(`*${string(['a', 'b', '*', '?', '[ab]', '[!a]', '[a-c]'], 6)}`).slice(
      random() < 0.5 ? 1 : 0,
    );
    const name = string(['a', 'b', 'c'], 9);
    const expected = slowMatches(glob, name);
    assert.equal(globMatches(glob, name), expected, `${JSON.stringify(glob)} ~ ${name}`);
    if (expected) matched++;
  }
  assert.ok(matched > 2_000 && matched < 18_000, `both answers occur often: ${matched}`);
});

test('a glob made to blow up costs no more than its parts times the characters', () => {
  const name = 'a'.repeat(253);
  const parts = globOf(`${'*a'.repeat(250)}b`);
  let comparisons = 0;
  const counted = new Proxy(parts, {
    get(target, key) {
      comparisons++;
      return Reflect.get(target, key);
    },
  });
  assert.equal(globMatches(counted, name), false);
  assert.ok(comparisons <= parts.length * name.length, `${comparisons}`);
});
