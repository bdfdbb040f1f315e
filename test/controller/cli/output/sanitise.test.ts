import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createTerminalText,
  jsonLine,
  sanitise,
  sanitiseLine,
} from '../../../../controller/cli/output/sanitise.ts';

/** What a hostile host writes -> what an operator sees. */
const HOSTILE: [what: string, raw: string, shown: string][] = [
  ['a colour', '\x1b[31mred\x1b[0m', '\\x1b[31mred\\x1b[0m'],
  ['clearing the screen', '\x1b[2J\x1b[H', '\\x1b[2J\\x1b[H'],
  ['going up and overwriting a line', 'bad\x1b[1A\x1b[2Kgood', 'bad\\x1b[1A\\x1b[2Kgood'],
  ['the title', '\x1b]0;pwned\x07', '\\x1b]0;pwned\\x07'],
  ['the clipboard', '\x1b]52;c;cm0gLXJm\x1b\\', '\\x1b]52;c;cm0gLXJm\\x1b\\'],
  [
    'a link that lies',
    '\x1b]8;;https://evil\x1b\\ok\x1b]8;;\x1b\\',
    '\\x1b]8;;https://evil\\x1b\\ok\\x1b]8;;\\x1b\\',
  ],
  ['a question that the terminal answers as if typed', '\x1b[6n\x1bP$q"p\x1b\\', '\\x1b[6n\\x1bP$q"p\\x1b\\'],
  ['CSI as one C1 character', '\x9b31m', '\\x9b31m'],
  ['OSC and ST as C1 characters', '\x9d0;x\x9c', '\\x9d0;x\\x9c'],
  ['DCS, SOS, PM, APC as C1 characters', '\x90\x98\x9e\x9f', '\\x90\\x98\\x9e\\x9f'],
  ['NEL', 'a\x85b', 'a\\x85b'],
  ['the bell', 'ding\x07', 'ding\\x07'],
  ['a carriage return', 'failed\rok    ', 'failed\\x0dok    '],
  ['backspaces', 'failed\b\b\b\b\b\bok', 'failed\\x08\\x08\\x08\\x08\\x08\\x08ok'],
  ['vertical tab and form feed', 'a\vb\fc', 'a\\x0bb\\x0cc'],
  ['shifting the character set', '\x0elqqk\x0f', '\\x0elqqk\\x0f'],
  ['NUL and DEL', 'a\0b\x7f', 'a\\x00b\\x7f'],
  ['right-to-left override', 'exe.\u202egnp', 'exe.\\u{202e}gnp'],
  ['isolates', '\u2066a\u2067b\u2068c\u2069', '\\u{2066}a\\u{2067}b\\u{2068}c\\u{2069}'],
  ['marks of direction', '\u200e\u200f\u061c', '\\u{200e}\\u{200f}\\u{61c}'],
  ['characters of no width', 'ad\u200bmin\ufeff\u2060\u00ad', 'ad\\u{200b}min\\u{feff}\\u{2060}\\xad'],
  ['line and paragraph separators', 'a\u2028b\u2029c', 'a\\u{2028}b\\u{2029}c'],
  ['tag characters', '\u{e0041}', '\\u{e0041}'],
  ['a lone surrogate', '\ud800x', '\\u{d800}x'],
];

for (const [what, raw, shown] of HOSTILE) {
  test(`on a terminal ${what} is shown and not done`, () => {
    assert.equal(sanitise(raw), shown);
    assert.equal(sanitiseLine(raw), shown);
  });
}

test('no character of any kind of control reaches a terminal', () => {
  for (let code = 0; code < 0x11_0000; code += 1) {
    const character = String.fromCodePoint(code);
    if (!/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(character) || '\n\t\u200c\u200d'.includes(character)) continue;
    assert.match(sanitise(character), /^\\(x[0-9a-f]{2}|u\{[0-9a-f]+\})$/, code.toString(16));
  }
});

test('text in any script stays as it is, with its line feeds and tabs', () => {
  const text = 'naïve\t日本語\nעברית العربية हिन्दी क्‍ष 👩‍👩‍👧 ü';
  assert.equal(sanitise(text), text);
});

test('in a name line feeds and tabs are shown too', () => {
  assert.equal(sanitiseLine('web-1\nmuster: all is well\t!'), 'web-1\\x0amuster: all is well\\x09!');
});

test('a stream reads the same on the terminal wherever it is cut', () => {
  const raw = Buffer.concat([
    Buffer.from('ünïcödé 🎉\r\nnext\rover\r\r\n\x1b[0m \u202e'),
    Buffer.from([0xff, 0xc3, 0x28, 0xe2, 0x82]),
    Buffer.from('end\r'),
  ]);
  const whole = createTerminalText();
  const expected = whole.push(raw) + whole.end();
  assert.equal(expected, 'ünïcödé 🎉\nnext\\x0dover\\x0d\n\\x1b[0m \\u{202e}\ufffd\ufffd(\ufffdend\\x0d');
  for (let cut = 0; cut <= raw.length; cut += 1) {
    const text = createTerminalText();
    assert.equal(
      text.push(raw.subarray(0, cut)) + text.push(raw.subarray(cut)) + text.end(),
      expected,
      `cut at ${cut}`,
    );
  }
});

test('a control sequence that is cut between two pieces is not completed by the terminal', () => {
  const text = createTerminalText();
  const shown =
    text.push(Uint8Array.of(0x1b)) +
    text.push(Buffer.from('[31m')) +
    text.push(Uint8Array.of(0xc2)) +
    text.push(Uint8Array.of(0x9b));
  assert.equal(shown + text.end(), '\\x1b[31m\\x9b');
});

test('a line of JSON holds no raw control character, and means the same', () => {
  const value = { text: HOSTILE.map(([, raw]) => raw).join(' '), 'na\u202eme': '\u{e0041}' };
  const line = jsonLine(value);
  assert.doesNotMatch(line, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
  assert.deepEqual(JSON.parse(line), value);
});
