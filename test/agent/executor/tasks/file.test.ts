import assert from 'node:assert/strict';
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { FileTask } from '../../../../agent/executor/tasks/file.ts';
import { sha512 } from '../../../../proto/crypto.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { bring, fileTask, portsOf } from './machine.ts';

const modeOf = (path: string) => (lstatSync(path).mode & 0o7777).toString(8);
const changed = (...lines: string[]) => ({ changed: true, lines });
const UNCHANGED = { changed: false, lines: [] };

test('a file that is not there is made with its content and the usual mode, and is unchanged the next time', async (t) => {
  const path = join(temporaryFolder(t), 'motd');
  assert.deepEqual(await bring(fileTask(path)), changed(`${path}: file made (4 bytes, mode 0644)`));
  assert.equal(readFileSync(path, 'utf8'), 'new\n');
  assert.equal(modeOf(path), '644');
  const before = lstatSync(path);
  assert.deepEqual(await bring(fileTask(path)), UNCHANGED);
  assert.deepEqual([lstatSync(path).ino, lstatSync(path).mtimeMs], [before.ino, before.mtimeMs]);
});

test('content is replaced and not written over: whoever has the old file open still reads the old', async (t) => {
  const path = join(temporaryFolder(t), 'motd');
  writeFileSync(path, 'old', { mode: 0o600 });
  const { ino } = lstatSync(path);
  const result = await bring(fileTask(path, { mode: 0o640 }));
  assert.deepEqual(result, changed(`${path}: content changed (3 → 4 bytes), mode 0600 → 0640`));
  assert.notEqual(lstatSync(path).ino, ino);
  assert.equal(modeOf(path), '640');
});

test('mode and owner of a file stay as they are where the task names none', async (t) => {
  const path = join(temporaryFolder(t), 'motd');
  writeFileSync(path, 'old');
  chmodSync(path, 0o604);
  assert.deepEqual(await bring(fileTask(path)), changed(`${path}: content changed (3 → 4 bytes)`));
  assert.equal(modeOf(path), '604');
});

test('a mode alone is set in place', async (t) => {
  const path = join(temporaryFolder(t), 'motd');
  writeFileSync(path, 'new\n', { mode: 0o600 });
  const { ino } = lstatSync(path);
  assert.deepEqual(await bring(fileTask(path, { mode: 0o444 })), changed(`${path}: mode 0600 → 0444`));
  assert.deepEqual([lstatSync(path).ino, modeOf(path)], [ino, '444']);
});

test('a mode alone is never set on a file that has other names: those may be of somebody else', async (t) => {
  const folder = temporaryFolder(t);
  const [path, other] = [join(folder, 'motd'), join(folder, 'shadow')];
  writeFileSync(other, 'new\n', { mode: 0o600 });
  linkSync(other, path);
  const result = await bring(fileTask(path, { mode: 0o644 }));
  assert.deepEqual(result, changed(`${path}: mode 0600 → 0644, no longer one file with 1 other name`));
  assert.deepEqual([modeOf(path), modeOf(other)], ['644', '600']);
});

test('content of the same length is told by its digest', async (t) => {
  const path = join(temporaryFolder(t), 'motd');
  writeFileSync(path, 'odd\n');
  assert.deepEqual(await bring(fileTask(path)), changed(`${path}: content changed (4 → 4 bytes)`));
  assert.equal(readFileSync(path, 'utf8'), 'new\n');
});

test('an empty file can be asked for', async (t) => {
  const path = join(temporaryFolder(t), 'empty');
  const task = fileTask(path, { inline: new Uint8Array(0) });
  assert.deepEqual(await bring(task), changed(`${path}: file made (0 bytes, mode 0644)`));
  assert.deepEqual(await bring(task), UNCHANGED);
});

test('directories, links and their absence', async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string, more: Partial<FileTask>) => fileTask(join(folder, name), more);
  const steps: [FileTask, string][] = [
    [at('d', { state: 'directory', mode: 0o750 }), 'directory made (mode 0750)'],
    [at('d', { state: 'directory', mode: 0o700 }), 'mode 0750 → 0700'],
    [at('l', { state: 'link', target: 'd' }), 'link made to d'],
    [at('l', { state: 'link', target: 'nowhere/at all' }), 'link changed (d → nowhere/at all)'],
    [at('l', {}), 'link to nowhere/at all replaced: file made (4 bytes, mode 0644)'],
    [at('l', { state: 'link', target: '/etc/passwd' }), 'file replaced: link made to /etc/passwd'],
    [at('l', { state: 'absent' }), 'link removed'],
    [at('f', {}), 'file made (4 bytes, mode 0644)'],
    [at('f', { state: 'absent' }), 'file removed'],
    [at('d', { state: 'absent' }), 'directory removed'],
  ];
  for (const [task, said] of steps) {
    assert.deepEqual(
      await bring(task, { check: true }),
      changed(`${task.path}: would change: ${said}`),
      `check of ${said}`,
    );
    assert.deepEqual(await bring(task), changed(`${task.path}: ${said}`));
    assert.deepEqual(await bring(task), UNCHANGED, `${said}, again`);
  }
  assert.deepEqual(readdirSync(folder), []);
  assert.ok(statSync('/etc/passwd').size > 0);
});

test('a check touches nothing', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'motd');
  writeFileSync(path, 'old', { mode: 0o600 });
  utimesSync(folder, 1, 1);
  const said = await bring(fileTask(path, { mode: 0o644 }), { check: true });
  assert.deepEqual(said, changed(`${path}: would change: content changed (3 → 4 bytes), mode 0600 → 0644`));
  assert.deepEqual(
    [readFileSync(path, 'utf8'), modeOf(path), lstatSync(folder).mtimeMs],
    ['old', '600', 1000],
  );
});

test('what is absent with its folder is absent; anything else in a folder that is not there fails', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'gone', 'deep', 'f');
  assert.deepEqual(await bring(fileTask(path, { state: 'absent' })), UNCHANGED);
  for (const state of ['file', 'directory'] as const) {
    const result = await bring(fileTask(path, { state }));
    assert.ok('message' in result && result.message.endsWith('the folder gone on the way is not there'));
  }
});

test('named content is fetched only where it is not there already, and never in a check', async (t) => {
  const folder = temporaryFolder(t);
  const source = join(folder, 'cached');
  writeFileSync(source, 'brought');
  const calls: string[] = [];
  const contents = {
    fetch: async () => {
      calls.push('fetch');
      return { path: source, release: () => void calls.push('release') };
    },
  };
  const ports = portsOf({ contents });
  const content = { sha512: sha512(Buffer.from('brought')), length: 7, key: new Uint8Array(32) };
  const path = join(folder, 'copy');
  await bring(fileTask(path, { inline: new Uint8Array(0), content }), { ports, check: true });
  assert.deepEqual(calls, []);
  assert.deepEqual(
    await bring(fileTask(path, { inline: new Uint8Array(0), content }), { ports }),
    changed(`${path}: file made (7 bytes, mode 0644)`),
  );
  assert.deepEqual(await bring(fileTask(path, { inline: new Uint8Array(0), content }), { ports }), UNCHANGED);
  assert.equal(readFileSync(path, 'utf8'), 'brought');
  assert.deepEqual(calls, ['fetch', 'release']);
});

test('content that is not what its name says never gets to its place', async (t) => {
  const folder = temporaryFolder(t);
  const cache = temporaryFolder(t);
  const path = join(folder, 'copy');
  writeFileSync(path, 'old');
  for (const wrong of ['brough', 'brought!', 'BROUGHT', '']) {
    const source = join(cache, 'cached');
    writeFileSync(source, wrong);
    const calls: string[] = [];
    const fetch = async () => ({ path: source, release: () => void calls.push('release') });
    const content = { sha512: sha512(Buffer.from('brought')), length: 7, key: new Uint8Array(32) };
    const result = await bring(fileTask(path, { inline: new Uint8Array(0), content }), {
      ports: portsOf({ contents: { fetch } }),
    });
    assert.ok('code' in result && result.code === 'content-corrupt', wrong);
    assert.deepEqual(
      [readdirSync(folder), readFileSync(path, 'utf8'), calls],
      [['copy'], 'old', ['release']],
    );
  }
});

test('a run that is ended leaves what was there, and nothing beside it', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'copy');
  writeFileSync(path, 'old');
  const ending = new AbortController();
  const fetch = async () => {
    ending.abort();
    return { path, release: () => {} };
  };
  const content = { sha512: sha512(), length: 9, key: new Uint8Array(32) };
  const result = await bring(fileTask(path, { inline: new Uint8Array(0), content }), {
    ports: portsOf({ contents: { fetch } }),
    signal: ending.signal,
  });
  assert.ok('code' in result);
  assert.deepEqual([readdirSync(folder), readFileSync(path, 'utf8')], [['copy'], 'old']);
});

test('names that are not known here fail with the name', async (t) => {
  const path = join(temporaryFolder(t), 'f');
  for (const [more, message] of [
    [{ owner: 'nobody-of-that-name' }, 'there is no user "nobody-of-that-name" on this machine'],
    [{ group: '-x' }, 'there is no group "-x" on this machine'],
    [{ owner: '4294967295' }, 'there is no user "4294967295" on this machine'],
  ] as const)
    assert.deepEqual(await bring(fileTask(path, more)), { code: 'NOT_YET', message });
  assert.deepEqual(readdirSync(join(path, '..')), []);
});

test('a folder hands its group on where it has the setgid bit', async (t) => {
  const folder = temporaryFolder(t);
  chmodSync(folder, 0o2755);
  await bring(fileTask(join(folder, 'd'), { state: 'directory' }));
  assert.equal(modeOf(join(folder, 'd')), '2755');
});

test('a path that would paint a terminal is quoted', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'a\nb\u001b[31m');
  const result = await bring(fileTask(path));
  assert.deepEqual(result, changed(`${JSON.stringify(path)}: file made (4 bytes, mode 0644)`));
});

test('names of any bytes that are text, and of the greatest length, are taken', async (t) => {
  const folder = temporaryFolder(t);
  for (const name of [
    'n'.repeat(255),
    '-rf',
    ' ',
    '\\',
    '"',
    '~',
    '*',
    'é',
    '日'.repeat(85),
    '...',
    '\u0001',
  ])
    assert.ok('changed' in (await bring(fileTask(join(folder, name)))), name);
  const result = await bring(fileTask(join(folder, 'n'.repeat(256))));
  assert.ok('message' in result && result.message.includes('the name is too long for the file system'));
  assert.equal(readdirSync(folder).length, 11);
});

test('a link in the place of a file is replaced, and what it leads to stays as it is', async (t) => {
  const folder = temporaryFolder(t);
  const other = join(folder, 'other');
  writeFileSync(other, 'precious', { mode: 0o600 });
  const path = join(folder, 'link');
  symlinkSync('other', path);
  assert.ok('changed' in (await bring(fileTask(path, { mode: 0o666 }))));
  assert.ok(lstatSync(path).isFile());
  assert.deepEqual([readFileSync(other, 'utf8'), modeOf(other)], ['precious', '600']);
});

test('the owner of a link is set on the link', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'link');
  mkdirSync(join(folder, 'd'));
  const { uid, gid } = lstatSync(folder);
  await bring(fileTask(path, { state: 'link', target: 'd', owner: String(uid), group: String(gid) }));
  assert.equal(readlinkSync(path), 'd');
});
