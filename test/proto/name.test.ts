import assert from 'node:assert/strict';
import { test } from 'node:test';
import { labelProblem, nameProblem } from '../../proto/name.ts';

test('host names as people have them are names', () => {
  for (const name of [
    'a',
    'web-1',
    'web-1.example.com',
    'db_primary',
    '_service',
    '10.0.0.7',
    '0123456789ab', // a container's id
    `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}`, // 253
  ])
    assert.equal(nameProblem(name), undefined, name);
});

const HOSTILE = [
  ['an empty name', ''],
  ['254 characters', 'a'.repeat(254)],
  ['255 times a', 'a'.repeat(255)],
  ['a million characters', 'a'.repeat(1_000_000)],
  ['a path upwards', '../../etc'],
  ['an absolute path', '/etc/passwd'],
  ['a backslash', 'a\\b'],
  ['two dots in a row', 'a..b'],
  ['the dot', '.'],
  ['the two dots', '..'],
  ['a hidden file', '.ssh'],
  ['a dot at the end', 'web.'],
  ['an option', '-o'],
  ['a dash at the end', 'web-'],
  ['a command substitution', '$(id)'],
  ['back ticks', '`id`'],
  ['a second command', 'x;reboot'],
  ['a pipe', 'a|b'],
  ['white space', 'a b'],
  ['a newline', 'a\nb'],
  ['a newline at the end', 'web\n'],
  ['a carriage return', 'a\r'],
  ['a NUL', 'a\0b'],
  ['a terminal escape', '\x1b[31mred'],
  ['a C1 escape', '\x9b31m'],
  ['a right-to-left override', 'web‮1'],
  ['a zero-width space', 'web​1'],
  ['a letter that only looks like one', 'wеb'],
  ['a full-width letter', 'ｗeb'],
  ['an accent', 'café'],
  ['a lone surrogate', 'a\ud800'],
  ['capitals', 'Web-1'],
  ['the prototype', '__proto__'],
  ['a constructor', 'constructor'],
  ['another property of every object', 'toString'],
  ['the target for everybody', 'all'],
  ['a glob', 'web-*'],
  ['an exclusion', '!web'],
  ['a list', 'a,b'],
  ['a file reference', '@file'],
  ['a selector', 'role=web'],
  ['a URL', 'http://a'],
  ['a spreadsheet formula', '=cmd'],
  ['HTML', '<script>'],
  ['quotes', '"a"'],
  ["another agent's id", '0123456789abcdef0123456789abcdef'],
] as const;

for (const [what, name] of HOSTILE)
  test(`${what} is no name, and the reason does not repeat it`, () => {
    const problem = nameProblem(name);
    assert.equal(typeof problem, 'string');
    assert.ok(name.length < 6 || !problem?.includes(name));
  });

test('labels have the syntax of Kubernetes', () => {
  for (const [key, value] of [
    ['role', 'web'],
    ['env', ''],
    ['app.example.com/tier', 'front-end'],
    ['a', 'A.b_c-1'],
    ['k'.repeat(63), 'v'.repeat(63)],
  ] as const)
    assert.equal(labelProblem(key, value), undefined, `${key}=${value}`);
});

test('labels that are no labels are refused, key and value', () => {
  for (const key of [
    '',
    '-a',
    'a-',
    '.a',
    '/a',
    'a/',
    'a b',
    'a=b',
    'a,b',
    'k'.repeat(64),
    '__proto__',
    'ä',
    'a\n',
    '!a',
  ])
    assert.equal(typeof labelProblem(key, 'v'), 'string', key);
  for (const value of [
    '-v',
    'v-',
    'a b',
    'a=b',
    'a,b',
    '(a)',
    'v'.repeat(64),
    'a\n',
    '\x1b[2J',
    '‮',
    '$(id)',
    '../..',
  ])
    assert.equal(typeof labelProblem('k', value), 'string', value);
});
