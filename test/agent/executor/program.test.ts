import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { localPrograms } from '../../../agent/executor/program.ts';

test('programs are found as execvp finds them', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'muster-programs-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [a, b] = [join(folder, 'a'), join(folder, 'b')];
  for (const each of [a, b]) mkdirSync(each);
  writeFileSync(join(a, 'plain'), '');
  writeFileSync(join(b, 'tool'), '');
  chmodSync(join(b, 'tool'), 0o755);
  mkdirSync(join(a, 'tool'));
  writeFileSync(join(b, 'plain'), '');
  chmodSync(join(b, 'plain'), 0o755);
  symlinkSync('loop', join(a, 'loop'));
  const find = (name: string, path = `${a}:${b}`, cwd = '/') => localPrograms.find(name, path, cwd);

  assert.deepEqual(find('tool'), { path: join(b, 'tool') }, 'a folder of that name is passed over');
  assert.deepEqual(find('plain'), { path: join(b, 'plain') }, 'a file that is not executable is passed over');
  assert.deepEqual(find('plain', a), { exitCode: 126 });
  assert.deepEqual(find('nothing'), { exitCode: 127 });
  assert.deepEqual(find(''), { exitCode: 127 });
  assert.deepEqual(find('loop'), { exitCode: 127 });
  assert.deepEqual(find('./tool', a, b), { path: join(b, 'tool') }, 'a path is relative to the directory');
  assert.deepEqual(find(a), { exitCode: 126 }, 'a folder cannot be run');
  assert.deepEqual(find(join(b, 'tool', 'x')), { exitCode: 127 });
  assert.deepEqual(find('tool', 'b', folder), { path: join(b, 'tool') }, 'so is a folder of PATH');
});
