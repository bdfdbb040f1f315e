import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { CAUSES } from '../../../controller/installer/failure.ts';

test('docs/install.md knows every cause, and whether it may pass by itself', () => {
  const text = readFileSync(new URL('../../../docs/install.md', import.meta.url), 'utf8');
  for (const [cause, { retryable }] of Object.entries(CAUSES)) {
    const cell = `\n| \`${cause}\`${retryable ? '*' : ''} | `;
    assert.ok(text.includes(cell), cell);
  }
});
