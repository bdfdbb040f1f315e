import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Loose, readLoose } from '../../../controller/documents/loose.ts';

/** As plain data; lists and maps of whatever is in them. */
function plain(node: Loose): unknown {
  switch (node.kind) {
    case 'map':
      return node.entries().map(({ key, value }) => [key, plain(value)]);
    case 'list':
      return node.items().map(plain);
    case 'text':
      return node.text;
    case 'nothing':
      return null;
    case 'sealed':
      return '(sealed)';
  }
}

function read(text: string): unknown {
  const document = readLoose(text);
  if ('problems' in document) return document.problems.map(({ line, message }) => `${line}: ${message}`);
  return plain(document.root);
}

const TABLE: [string, string, unknown][] = [
  [
    'values stay as they were written',
    'a: 0644\nb: yes\nc: 1.10\nd: "x"\ne:\nf: ~',
    [
      ['a', '0644'],
      ['b', 'yes'],
      ['c', '1.10'],
      ['d', 'x'],
      ['e', null],
      ['f', null],
    ],
  ],
  [
    'keys are texts',
    '80: a\ntrue: b\n? [x]\n: c',
    [
      ['80', 'a'],
      ['true', 'b'],
    ],
  ],
  [
    'the same key twice is there twice',
    'a: 1\na: 2',
    [
      ['a', '1'],
      ['a', '2'],
    ],
  ],
  [
    'an alias is what its anchor was before it',
    'a: &x 1\nb: *x\nc: &x 2\nd: *x',
    [
      ['a', '1'],
      ['b', '1'],
      ['c', '2'],
      ['d', '2'],
    ],
  ],
  [
    'a merge key brings what the map has not',
    'x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}',
    [
      [
        'x',
        [
          ['a', '1'],
          ['b', '2'],
        ],
      ],
      [
        'y',
        [
          ['a', '1'],
          ['b', '3'],
        ],
      ],
    ],
  ],
  [
    'of several merged maps the first counts',
    'x: &x {a: 1}\ny: &y {a: 2, c: 3}\nz: {<<: [*x, *y]}',
    [
      ['x', [['a', '1']]],
      [
        'y',
        [
          ['a', '2'],
          ['c', '3'],
        ],
      ],
      [
        'z',
        [
          ['a', '1'],
          ['c', '3'],
        ],
      ],
    ],
  ],
  [
    'tags of their own seal',
    'a: !vault |\n  x\nb: !unsafe "{{ y }}"\nc: !!str 22',
    [
      ['a', '(sealed)'],
      ['b', '{{ y }}'],
      ['c', '22'],
    ],
  ],
  ['an empty file is nothing', '# x\n', null],
  [
    'a bad line is named',
    'a: 1\n b: 2',
    [
      '2: not YAML: Nested mappings are not allowed in compact mappings',
      '2: not YAML: Implicit map keys need to be followed by map values',
    ],
  ],
  ['one document only', 'a: 1\n---\nb: 2', ['2: expected one document, "---" begins a second one']],
  ['a control character is named', 'a: 1\nb: \u0007', ['2: expected text, found the control character 0x07']],
  ['depth is bounded', '['.repeat(100_000), ['1: deeper than 100 levels']],
];
for (const [sentence, text, expected] of TABLE)
  test(`loose YAML: ${sentence}`, () => {
    const found = read(text);
    if (sentence.startsWith('a bad line')) assert.match(String(found), /1: not YAML/);
    else assert.deepEqual(found, expected);
  });

test('aliases of aliases cost nothing as long as nobody looks', () => {
  const bomb = Array.from(
    { length: 30 },
    (_, n) =>
      `k${n}: &k${n} [${
        n === 0
          ? 'x'
          : Array(9)
              .fill(`*k${n - 1}`)
              .join()
      }]`,
  );
  const document = readLoose(`${bomb.join('\n')}\nlast: 1`);
  assert.ok('root' in document && document.root.kind === 'map');
  assert.equal(document.root.entries().length, 31);
});

test('merge keys that bring merge keys are bounded', () => {
  const bomb = Array.from(
    { length: 12 },
    (_, n) =>
      `k${n}: &k${n} {${
        n === 0
          ? 'a: 1'
          : `<<: [${Array(9)
              .fill(`*k${n - 1}`)
              .join()}]`
      }}`,
  );
  const document = readLoose(bomb.join('\n'));
  assert.ok('root' in document && document.root.kind === 'map');
  const last = document.root.entries().at(-1)?.value;
  assert.ok(last?.kind === 'map');
  assert.ok(last.entries().length < 30_000);
});

test('a map with itself in it is none that is walked for ever', () => {
  const document = readLoose('a: &a {b: *a}');
  assert.ok('root' in document && document.root.kind === 'map');
  assert.equal(document.root.entries()[0]?.value.kind, 'map');
});
