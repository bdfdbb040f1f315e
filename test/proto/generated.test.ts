import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { muster } from '../../proto/generated.js';
import { temporaryFolder } from '../support/folder.ts';

const checkout = resolve(import.meta.dirname, '../..');

test('proto/generated.* is what "npm run generate" makes of proto/muster.proto', (t) => {
  const folder = temporaryFolder(t);
  execFileSync(join(checkout, '.ci/generate'), [folder]);
  for (const file of ['generated.js', 'generated.d.ts']) {
    const committed = readFileSync(join(checkout, 'proto', file), 'utf8');
    assert.ok(
      committed === readFileSync(join(folder, file), 'utf8'),
      `${file} differs: run "npm run generate"`,
    );
  }
});

test('64-bit fields are numbers, absent or present, as their types say', () => {
  const absent = muster.Report.decode(new Uint8Array());
  assert.equal(absent.reportSeq, 0);
  const bytes = muster.Report.encode({ reportSeq: 2 ** 53 - 1 }).finish();
  assert.equal(muster.Report.decode(bytes).reportSeq, 2 ** 53 - 1);
});

test('unknown fields are dropped, so that strict decoding sees them as a difference', () => {
  const unknown = Uint8Array.of(0xf8, 0x7f, 0x01); // field 2047, varint 1
  assert.equal(muster.Report.encode(muster.Report.decode(unknown)).finish().length, 0);
});
