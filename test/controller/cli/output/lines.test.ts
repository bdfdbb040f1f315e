import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLineSplitter, type Line } from '../../../../controller/cli/output/lines.ts';
import { wholeCharacters } from '../../../../controller/cli/output/utf8.ts';
import { seededNumbers } from '../seeded.ts';

function split(bytes: Uint8Array, cuts: readonly number[], bound: number): Line[] {
  const splitter = createLineSplitter(bound);
  const lines: Line[] = [];
  let start = 0;
  for (const cut of [...cuts, bytes.length]) {
    // The same buffer is used again for the next piece, as a socket does.
    const piece = new Uint8Array(bytes.subarray(start, cut));
    lines.push(...splitter.push(piece).map((line) => ({ ...line, bytes: new Uint8Array(line.bytes) })));
    piece.fill(0x21);
    start = cut;
  }
  return [...lines, ...splitter.end()];
}

const texts = (lines: readonly Line[]): string[] =>
  lines.map(({ bytes, continued }) => (continued ? '+' : '') + Buffer.from(bytes).toString());

test('lines come out whole, the empty ones too, and the last without its line feed', () => {
  assert.deepEqual(texts(split(Buffer.from('a\n\nbc\nd'), [], 100)), ['a', '', 'bc', 'd']);
});

test('a line that has not ended is held until it ends or the stream does', () => {
  const splitter = createLineSplitter(100);
  assert.deepEqual(splitter.push(Buffer.from('half')), []);
  assert.deepEqual(texts(splitter.push(Buffer.from(' whole\nnext'))), ['half whole']);
  assert.deepEqual(texts(splitter.end()), ['next']);
  assert.deepEqual(splitter.end(), []);
});

test('lines are the same wherever the stream is cut', () => {
  const random = seededNumbers(7);
  for (let round = 0; round < 500; round += 1) {
    const bytes = Uint8Array.from(
      { length: random(200) },
      () => [10, 13, 65, 0xc3, 0xbc, 0xf0, 0x9f, 0x8e, 0x89, 0][random(10)] ?? 0,
    );
    const cuts = Array.from({ length: random(8) }, () => random(bytes.length + 1)).sort((a, b) => a - b);
    const expected = Buffer.from(bytes).toString('latin1').split('\n');
    if (expected.at(-1) === '') expected.pop();
    const got = split(bytes, cuts, 1000).map((line) => Buffer.from(line.bytes).toString('latin1'));
    assert.deepEqual(got, expected, `round ${round}`);
  }
});

test('a line without end comes in pieces no longer than the bound, and together they are the line', () => {
  const random = seededNumbers(8);
  for (let round = 0; round < 200; round += 1) {
    const line = '🎉ü.'.repeat(random(200) + 1);
    const bytes = Buffer.from(`${line}\nnext\n`);
    const cuts = Array.from({ length: random(8) }, () => random(bytes.length + 1)).sort((a, b) => a - b);
    const lines = split(bytes, cuts, 64);
    const next = lines.pop();
    assert.deepEqual([next?.continued, Buffer.from(next?.bytes ?? []).toString()], [false, 'next']);
    assert.equal(Buffer.concat(lines.map((piece) => piece.bytes)).toString(), line);
    for (const [index, piece] of lines.entries()) {
      assert.ok(piece.bytes.length <= 64, `${piece.bytes.length}`);
      assert.equal(piece.continued, index > 0);
      assert.equal(wholeCharacters(piece.bytes), piece.bytes.length, 'cut inside a character');
    }
  }
});

test('bytes that are no UTF-8 do not hold a line up', () => {
  const lines = split(new Uint8Array(1000).fill(0x80), [], 64);
  assert.equal(lines.length, 16);
});

test('only a character that lacks its end is held back', () => {
  const table: [number[], number][] = [
    [[], 0],
    [[0x61], 1],
    [[0xc3], 0],
    [[0x61, 0xc3], 1],
    [[0xc3, 0xbc], 2],
    [[0x61, 0xe2, 0x82], 1],
    [[0xf0, 0x9f, 0x8e], 0],
    [[0xf0, 0x9f, 0x8e, 0x89], 4],
    [[0x80, 0x80, 0x80, 0x80], 4],
    [[0xff], 1],
    [[0xc1], 1],
    [[0xf5, 0x80], 2],
  ];
  for (const [bytes, whole] of table)
    assert.equal(wholeCharacters(Uint8Array.from(bytes)), whole, String(bytes));
});
