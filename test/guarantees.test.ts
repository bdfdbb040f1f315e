import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const ROOT = join(import.meta.dirname, '..');
const TEXT = readFileSync(join(ROOT, 'docs/guarantees.md'), 'utf8');

/** As the page names a test: its file, and the name that it is declared by. */
const NAMED = /`(test\/[^`]+\.test\.ts)` "(.+?)"(?=$| \(|\.|;)/gm;

/** How the declaration of a test with this name may be quoted. */
const declared = (source: string, name: string): boolean =>
  ["'", '"', '`'].some((quote) => source.includes(`${quote}${name.replaceAll(quote, `\\${quote}`)}${quote}`));

test('every test that docs/guarantees.md names is there, and each guarantee names some', () => {
  const named = [...TEXT.matchAll(NAMED)].map(([, file = '', name = '']) => ({ file, name }));
  const missing = named.filter(({ file, name }) => {
    const path = join(ROOT, file);
    return !existsSync(path) || !declared(readFileSync(path, 'utf8'), name);
  });
  assert.deepEqual(missing, []);
  const mentions = TEXT.match(/`test\/[^`]+\.test\.ts`/g) ?? [];
  assert.equal(named.length, mentions.length, 'a file without the name of its test');
  const parts = TEXT.split(/^## (?=\d)/m).slice(1);
  assert.ok(parts.length >= 16);
  for (const part of parts) assert.match(part, /^- `test\//m, part.slice(0, 60));
});
