import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from './folder.ts';
import { requires } from './requires.ts';
import { until } from './until.ts';

test('a temporary folder is gone after its test, with all that is in it', () => {
  const after: (() => void)[] = [];
  const folder = temporaryFolder({ after: (fn) => after.push(fn) });
  writeFileSync(join(folder, 'file'), 'x');
  for (const fn of after) fn();
  assert.equal(existsSync(folder), false);
});

test('until gives the first result that is there, and fails in time with what it waited for', async () => {
  let asked = 0;
  assert.equal(await until('three', () => (++asked < 3 ? undefined : 'third')), 'third');
  assert.equal(asked, 3);
  assert.equal(await until('nothing', async () => 0), 0);
  await assert.rejects(
    until('pigs to fly', () => false, 20),
    /not within 20 ms: pigs to fly/,
  );
});

test('what a machine lacks is a skip with the package that has it', () => {
  const path = process.env.PATH;
  try {
    process.env.PATH = import.meta.dirname;
    assert.match(
      requires('npm', 'busybox').skip ?? '',
      /^needs npm \(package npm\) and busybox \(package busybox\)$/,
    );
  } finally {
    process.env.PATH = path;
  }
  const asRoot = process.getuid?.() === 0 ? {} : { skip: 'needs root' };
  assert.deepEqual(requires('root'), asRoot);
});
