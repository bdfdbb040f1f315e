import assert from 'node:assert/strict';
import { test } from 'node:test';
import { paintFor, plain, wantsColour } from '../../../../controller/cli/output/paint.ts';
import { renderProperties, renderTable } from '../../../../controller/cli/output/table.ts';

test('columns are as wide as they need to be, and no line ends with spaces', () => {
  assert.equal(
    renderTable(
      ['NAME', 'X'],
      [
        ['web-1', ''],
        ['a', 'yes'],
      ],
      plain,
    ),
    'NAME   X\nweb-1\na      yes\n',
  );
});

test('a cell cannot break out of its row', () => {
  assert.equal(
    renderTable(['NAME', 'LABELS'], [['a\nb', '\x1b[2J']], plain),
    'NAME    LABELS\na\\x0ab  \\x1b[2J\n',
  );
});

test('properties stand under each other', () => {
  assert.equal(
    renderProperties(
      [
        ['name', 'web-1'],
        ['os', 'deb\ran'],
      ],
      plain,
    ),
    'name  web-1\nos    deb\\x0dan\n',
  );
});

test('colour is for terminals, and NO_COLOR and dumb terminals turn it off', () => {
  const table: [boolean, Record<string, string>, boolean][] = [
    [true, {}, true],
    [false, {}, false],
    [true, { NO_COLOR: '1' }, false],
    [true, { NO_COLOR: '' }, true],
    [true, { TERM: 'dumb' }, false],
  ];
  for (const [terminal, env, wanted] of table) assert.equal(wantsColour(terminal, env), wanted);
  assert.equal(paintFor(true, {})('red', 'x'), '\x1b[31mx\x1b[39m');
  assert.equal(paintFor(true, { NO_COLOR: '1' })('red', 'x'), 'x');
});
