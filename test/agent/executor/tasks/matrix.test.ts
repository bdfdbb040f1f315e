import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../../../support/folder.ts';
import { bring, fileTask } from './machine.ts';

/** What may be at a path before a task comes to it. */
const FOUND: Record<string, (path: string) => void> = {
  nothing: () => {},
  'the same file': (path) => writeFileSync(path, 'new\n'),
  'another file': (path) => writeFileSync(path, 'older'),
  'a file of the same length': (path) => writeFileSync(path, 'odd\n'),
  'a setuid file': (path) => {
    writeFileSync(path, 'older');
    chmodSync(path, 0o4755);
  },
  'an empty folder': (path) => mkdirSync(path),
  'a full folder': (path) => {
    mkdirSync(path);
    writeFileSync(join(path, 'f'), 'x');
  },
  'the same link': (path) => symlinkSync('target', path),
  'another link': (path) => symlinkSync('/etc/passwd', path),
  'a FIFO': (path) => execFileSync('mkfifo', [path]),
};

/** What a task may ask for. */
const ASKED = {
  file: {},
  'file with a mode': { mode: 0o751 },
  directory: { state: 'directory' },
  'directory with a mode': { state: 'directory', mode: 0o751 },
  link: { state: 'link', target: 'target' },
  absent: { state: 'absent' },
} as const;

/** The kind, mode and content of what is there; undefined for nothing. */
function look(path: string): unknown {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (!stats) return undefined;
  if (stats.isSymbolicLink()) return { link: readlinkSync(path) };
  const mode = stats.mode & 0o7777;
  if (stats.isDirectory()) return { directory: readdirSync(path), mode };
  return stats.isFile() ? { file: readFileSync(path, 'utf8'), mode } : { other: true, mode };
}

test('whatever is there and whatever is asked, a check foretells it, and doing it again changes nothing', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'it');
  let changes = 0;
  let refusals = 0;
  for (const [found, make] of Object.entries(FOUND))
    for (const [asked, more] of Object.entries(ASKED)) {
      const what = `${asked} where there is ${found}`;
      execFileSync('rm', ['-rf', path]);
      make(path);
      const before = look(path);
      const task = fileTask(path, more);
      const check = await bring(task, { check: true });
      assert.deepEqual(look(path), before, `a check of ${what}`);
      const done = await bring(task);
      if ('message' in done) {
        refusals += 1;
        assert.deepEqual([done.code, check, look(path)], ['bad-path', done, before], what);
        continue;
      }
      const foretold = done.lines.map((line) => line.replace(`${path}: `, `${path}: would change: `));
      assert.deepEqual(check, { changed: done.changed, lines: foretold }, what);
      if (done.changed) changes += 1;
      else assert.deepEqual(look(path), before, what);
      const after = look(path);
      assert.deepEqual(await bring(task), { changed: false, lines: [] }, `again, ${what}`);
      assert.deepEqual(look(path), after, what);
      if (asked.includes('mode')) assert.equal((after as { mode: number }).mode, 0o751, what);
      assert.deepEqual(readdirSync(folder), after === undefined ? [] : ['it'], what);
    }
  assert.deepEqual([changes, refusals], [28, 27]);
});
