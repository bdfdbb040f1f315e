import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from './support/folder.ts';

/** Runs test files of the given sources as .ci/test does. */
function run(t: Parameters<typeof temporaryFolder>[0], sources: Record<string, string>) {
  const folder = temporaryFolder(t);
  for (const [name, source] of Object.entries(sources)) {
    writeFileSync(join(folder, name), `import { suite, test } from 'node:test';\n${source}`);
  }
  // A test process tells its children that they are test processes too.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { stdout, status } = spawnSync(
    process.execPath,
    [
      `--import=${join(import.meta.dirname, 'support/leaks.ts')}`,
      '--test',
      `--test-reporter=${join(import.meta.dirname, 'reporter.ts')}`,
      '--test-reporter-destination=stdout',
      '*.test.mjs',
    ],
    { cwd: folder, env: { ...env, NO_COLOR: '1' }, encoding: 'utf8' },
  );
  return { lines: stdout.trimEnd().split('\n'), stdout, status };
}

test('a run that passes is one line for each file and the counts', (t) => {
  const { lines, status } = run(t, {
    'a.test.mjs': `suite('s', () => { test('one', () => {}); test('two', () => { console.log('quiet'); }); });`,
    'b.test.mjs': `test('three', () => {});`,
  });
  assert.equal(status, 0);
  assert.deepEqual(
    lines
      .slice(0, 2)
      .map((line) => line.replace(/[\d.]+ s$/, 'n s'))
      .sort(),
    ['  ok  a.test.mjs  2 passed, n s', '  ok  b.test.mjs  1 passed, n s'],
  );
  assert.deepEqual(lines.slice(2), ['', '3 passed, 0 failed, 0 skipped']);
});

test('a failure shows its place, its error with the cause, and what the file printed', (t) => {
  const { lines, stdout, status } = run(t, {
    'a.test.mjs': `suite('outer', () => {
      test('inner', () => { console.error('hint'); throw new TypeError('boom', { cause: new Error('why') }); }); });`,
  });
  assert.equal(status, 1);
  for (const part of ['a.test.mjs:3  outer > inner', 'TypeError: boom', 'Error: why', 'hint']) {
    assert.ok(stdout.includes(part), `${part} is not in:\n${stdout}`);
  }
  assert.equal(lines.at(-1), '0 passed, 1 failed, 0 skipped');
});

test('a test around one that failed is not counted as a second failure', (t) => {
  const { lines } = run(t, {
    'a.test.mjs': `test('outer', async (t) => { await t.test('inner', () => { throw new Error('x'); }); });`,
  });
  assert.equal(lines.at(-1), '0 passed, 1 failed, 0 skipped');
});

test('skips are counted by their reason, and are not passes', (t) => {
  const { lines, status } = run(t, {
    'a.test.mjs': `test('one', () => {});
      test('two', { skip: 'needs sshd' }, () => {}); test('three', { skip: 'needs sshd' }, () => {});
      test('four', (t) => t.skip('too old')); test('five', { todo: 'soon' }, () => { throw new Error('x'); });`,
  });
  assert.equal(status, 0);
  assert.deepEqual(lines.slice(-6), [
    'skipped:',
    '   2  needs sshd',
    '   1  too old',
    '   1  to do: soon',
    '',
    '1 passed, 0 failed, 4 skipped',
  ]);
});

test('a file that dies, that fails late or that holds no test is a failure', (t) => {
  const { lines, stdout, status } = run(t, {
    'a.test.mjs': 'process.exit(3);',
    'b.test.mjs': '',
    'c.test.mjs': 'syntax error(',
    'd.test.mjs': `test('passes', () => { setTimeout(() => { throw new Error('late'); }, 1); });`,
  });
  assert.equal(status, 1);
  for (const part of ['exit status 3', 'holds no test', 'SyntaxError', 'late'])
    assert.ok(stdout.includes(part), stdout);
  assert.equal(lines.at(-1), '1 passed, 4 failed, 0 skipped');
});

test('a file that leaves something open fails and names it, instead of never ending', (t) => {
  const { lines, stdout, status } = run(t, {
    'a.test.mjs': `import { createServer } from 'node:net'; test('passes', () => { createServer().listen(0, '127.0.0.1'); });`,
  });
  assert.equal(status, 1);
  assert.match(stdout, /left open after the last test: .*TCPServerWrap/);
  assert.equal(lines.at(-1), '1 passed, 1 failed, 0 skipped');
});

test('a run without a test fails', (t) => {
  const { lines, status } = run(t, {});
  assert.equal(status, 1);
  assert.ok(lines.includes('no test ran'));
  assert.equal(lines.at(-1), '0 passed, 0 failed, 0 skipped');
});
