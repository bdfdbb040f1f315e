import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { test } from 'node:test';
import { moveInto, staysInside, unpack } from '../../../../controller/cli/content/unpack.ts';
import { sha512 } from '../../../../proto/crypto.ts';
import { toHex } from '../../../../proto/ids.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { archiveOf, type Put } from './archives.ts';

async function unpacked(t: { after(fn: () => unknown): void }, entries: readonly Put[]) {
  const outer = temporaryFolder(t);
  const folder = join(outer, 'new');
  const notes: string[] = [];
  const archive = await archiveOf(entries);
  const result = await unpack(Readable.from([archive]), folder, (text) => notes.push(text));
  return { outer, folder, notes, ...result };
}

test('files, folders and links come as they are in the archive', async (t) => {
  const at = await unpacked(t, [
    { name: './etc/', type: 'directory', mode: 0o755 },
    { name: './etc/motd', text: 'hello\n', mode: 0o640 },
    { name: 'etc/same', type: 'link', linkname: './etc/motd' },
    { name: 'etc/link', type: 'symlink', linkname: '../other/file' },
    { name: 'other/file', text: '', mode: 0o600 },
  ]);
  assert.equal(readFileSync(join(at.folder, 'etc/motd'), 'utf8'), 'hello\n');
  assert.equal(readFileSync(join(at.folder, 'etc/same'), 'utf8'), 'hello\n');
  assert.equal(statSync(join(at.folder, 'etc/motd')).mode & 0o7777, 0o640);
  assert.equal(readlinkSync(join(at.folder, 'etc/link')), '../other/file');
  assert.deepEqual(at.files[0], {
    path: 'etc/motd',
    bytes: 6,
    sha512: toHex(sha512(Buffer.from('hello\n'))),
  });
  assert.deepEqual(at.notes, []);
});

const REFUSED: Record<string, readonly Put[]> = {
  'a name with ..': [{ name: '../evil', text: 'x' }],
  'a name with .. in the middle': [{ name: 'a/../../evil', text: 'x' }],
  'a name that ends with ..': [{ name: 'a/..', type: 'directory' }],
  'an absolute name': [{ name: '/tmp/evil', text: 'x' }],
  'a file through a link': [
    { name: 'a', type: 'symlink', linkname: 'b' },
    { name: 'a/evil', text: 'x' },
  ],
  'a file below a file': [
    { name: 'a', text: 'x' },
    { name: 'a/b', text: 'x' },
  ],
  'a file in the place of a link': [
    { name: 'a', type: 'symlink', linkname: 'b' },
    { name: 'a', text: 'x' },
  ],
  'a file twice': [
    { name: 'a', text: 'x' },
    { name: './a', text: 'y' },
  ],
  'a folder in the place of a file': [
    { name: 'a', text: 'x' },
    { name: 'a', type: 'directory' },
  ],
  'a link in the place of a folder': [
    { name: 'a', type: 'directory' },
    { name: 'a', type: 'symlink', linkname: 'b' },
  ],
  'a file where another one made a folder': [
    { name: 'a/b', text: 'x' },
    { name: 'a', text: 'x' },
  ],
};
for (const [what, entries] of Object.entries(REFUSED))
  test(`an archive is refused that holds ${what}`, async (t) => {
    const outer = temporaryFolder(t);
    const archive = Readable.from([await archiveOf(entries)]);
    await assert.rejects(
      unpack(archive, join(outer, 'new'), () => {}),
      /^Error: it has/,
    );
    assert.deepEqual(readdirSync(outer), ['new'], 'nothing was written outside');
  });

const LEFT_OUT: Record<string, Put> = {
  'a link to an absolute path': { name: 'l', type: 'symlink', linkname: '/etc/passwd' },
  'a link that leads out': { name: 'l', type: 'symlink', linkname: '../x' },
  'a link to nothing': { name: 'l', type: 'symlink', linkname: '' },
  'another name of a file outside': { name: 'l', type: 'link', linkname: 'etc/passwd' },
  'a device': { name: 'l', type: 'character-device', devmajor: 1, devminor: 3 },
  'a block device': { name: 'l', type: 'block-device', devmajor: 8, devminor: 0 },
  'a pipe': { name: 'l', type: 'fifo' },
};
for (const [what, entry] of Object.entries(LEFT_OUT))
  test(`left out with a note: ${what}`, async (t) => {
    const at = await unpacked(t, [entry, { name: 'kept', text: 'x' }]);
    assert.equal(at.notes.length, 1);
    assert.throws(() => lstatSync(join(at.folder, 'l')), /ENOENT/);
    assert.ok(existsSync(join(at.folder, 'kept')));
  });

test('setuid, setgid and sticky do not come along', async (t) => {
  const at = await unpacked(t, [
    { name: 'd/', type: 'directory', mode: 0o7777 },
    { name: 'f', text: 'x', mode: 0o6755 },
  ]);
  assert.equal(statSync(join(at.folder, 'd')).mode & 0o7777, 0o777);
  assert.equal(statSync(join(at.folder, 'f')).mode & 0o7777, 0o755);
});

test('a folder that may not be written to can be filled all the same', async (t) => {
  const at = await unpacked(t, [
    { name: 'd/', type: 'directory', mode: 0o500 },
    { name: 'd/f', text: 'x' },
  ]);
  assert.ok(existsSync(join(at.folder, 'd/f')));
});

test('an archive that was cut, or is none, is refused', async (t) => {
  const whole = await archiveOf([{ name: 'a', text: 'x'.repeat(5000) }]);
  const cases = { cut: whole.subarray(0, 3000), noise: Buffer.alloc(2048, 'noise') };
  for (const [what, bytes] of Object.entries(cases)) {
    const folder = join(temporaryFolder(t), 'new');
    await assert.rejects(
      unpack(Readable.from([bytes]), folder, () => {}),
      what,
    );
  }
  const broken = new PassThrough();
  const unpacking = unpack(broken, join(temporaryFolder(t), 'new'), () => {});
  broken.write(whole.subarray(0, 3000));
  broken.destroy(new Error('it did not come whole'));
  await assert.rejects(unpacking, /did not come whole/);
});

test('a link stays inside only where every way to it does', () => {
  const inside: [string, string][] = [
    ['l', 'a'],
    ['l', './a/b'],
    ['a/l', '../b'],
    ['a/b/l', '../../c/d'],
  ];
  const outside: [string, string][] = [
    ['l', '..'],
    ['l', '/a'],
    ['a/l', '../../b'],
    // s may be a link to ".": then this is one above.
    ['a/l', 's/../../b'],
    ['a/l', 's/../b'],
    ['l', 'a/..'],
    ['l', ''],
    ['l', 'a\0b'],
  ];
  for (const [path, target] of inside) assert.ok(staysInside(path, target), `${path} -> ${target}`);
  for (const [path, target] of outside) assert.ok(!staysInside(path, target), `${path} -> ${target}`);
});

test('what is there already is kept, unless it is to be overwritten', async (t) => {
  const at = await unpacked(t, [
    { name: 'd/new', text: 'new' },
    { name: 'd/old', text: 'new' },
  ]);
  const to = join(at.outer, 'web-1');
  mkdirSync(join(to, 'd'), { recursive: true });
  writeFileSync(join(to, 'd/old'), 'old');
  writeFileSync(join(to, 'd/other'), 'other');
  await assert.rejects(moveInto(at.folder, at, to, false), /d\/old is there already; --force/);
  assert.deepEqual(readdirSync(join(to, 'd')).sort(), ['old', 'other'], 'nothing was moved');
  await moveInto(at.folder, at, to, true);
  assert.equal(readFileSync(join(to, 'd/old'), 'utf8'), 'new');
  assert.deepEqual(readdirSync(join(to, 'd')).sort(), ['new', 'old', 'other']);
  assert.ok(!existsSync(at.folder));
});

test('nothing is moved through a link, into a file, or over a folder', async (t) => {
  const cases: ((to: string, away: string) => void)[] = [
    (to, away) => symlinkSync(away, to),
    (to) => writeFileSync(to, ''),
    (to, away) => {
      mkdirSync(to);
      symlinkSync(away, join(to, 'd'));
    },
    (to) => {
      mkdirSync(to);
      writeFileSync(join(to, 'd'), '');
    },
    (to) => mkdirSync(join(to, 'd', 'f'), { recursive: true }),
  ];
  for (const [index, prepare] of cases.entries()) {
    const at = await unpacked(t, [{ name: 'd/f', text: 'new' }]);
    const away = join(at.outer, 'away');
    mkdirSync(away);
    const to = join(at.outer, 'web-1');
    prepare(to, away);
    await assert.rejects(moveInto(at.folder, at, to, true), /there already/, `case ${index}`);
    assert.deepEqual(readdirSync(away), []);
  }
});
