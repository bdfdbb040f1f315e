import assert from 'node:assert/strict';
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { FilePorts } from '../../../../agent/executor/tasks/file.ts';
import { bringTree } from '../../../../agent/executor/tasks/tree.ts';
import { TreeManifest } from '../../../../proto/codec.ts';
import { sha512 } from '../../../../proto/crypto.ts';
import { MusterError } from '../../../../proto/errors.ts';
import { toHex } from '../../../../proto/ids.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { portsOf } from './machine.ts';

const KEY = new Uint8Array(32);

/** What a tree may be made of: a string is a file's content, `->` a link, null a directory. */
type Leaf = { file: string; mode?: number } | { link: string } | { directory: number };

/** Contents that are all in one folder, and that counts who asks. */
function treeOf(t: TestContext, leaves: Record<string, Leaf>, more: Partial<FilePorts> = {}) {
  const cache = temporaryFolder(t);
  const asked: string[] = [];
  const store = (bytes: Uint8Array) => {
    const name = { sha512: sha512(bytes), length: bytes.length, key: KEY };
    writeFileSync(join(cache, toHex(name.sha512)), bytes);
    return name;
  };
  const entries = Object.entries(leaves).map(([path, leaf]) => {
    if ('directory' in leaf) return { path, kind: 'directory', mode: leaf.directory };
    if ('link' in leaf) return { path, kind: 'link', target: leaf.link };
    return { path, kind: 'file', mode: leaf.mode ?? 0, content: store(Buffer.from(leaf.file)) };
  });
  const manifest = store(TreeManifest.encode({ version: 1, entries }));
  const fetch = async ({ sha512 }: { sha512: Uint8Array }) => {
    asked.push(toHex(sha512));
    return { path: join(cache, toHex(sha512)), release: () => {} };
  };
  const ports = portsOf({ contents: { fetch }, ...more });
  return {
    asked,
    async bring(path: string, options: { check?: boolean; signal?: AbortSignal } = {}) {
      const lines: string[] = [];
      const { check = false, signal = new AbortController().signal } = options;
      const run = { jobId: '00'.repeat(16), signal, check, say: (line: string) => void lines.push(line) };
      const changed = await bringTree({ path, manifest, owner: '', group: '' }, ports, run);
      return { changed, lines };
    },
  };
}

test('a tree is made with all that it names, and is unchanged the next time', async (t) => {
  const path = join(temporaryFolder(t), 'app');
  const tree = treeOf(t, {
    etc: { directory: 0o750 },
    'etc/app.conf': { file: 'a=1\n', mode: 0o640 },
    'etc/deep': { directory: 0 },
    'etc/deep/x': { file: '' },
    current: { link: 'etc/deep' },
  });
  const said = [
    `${path}: directory made (mode 0755)`,
    `${path}/etc: directory made (mode 0750)`,
    `${path}/etc/deep: directory made (mode 0755)`,
    `${path}/etc/app.conf: file made (4 bytes, mode 0640)`,
    `${path}/etc/deep/x: file made (0 bytes, mode 0644)`,
    `${path}/current: link made to etc/deep`,
  ];
  assert.deepEqual(await tree.bring(path, { check: true }), {
    changed: true,
    lines: [
      ...said.map((line) => line.replace(': ', ': would change: ')),
      `${path}: 6 would change, of 6 in the tree`,
    ],
  });
  assert.deepEqual(await tree.bring(path), {
    changed: true,
    lines: [...said, `${path}: 6 changed, of 6 in the tree`],
  });
  assert.equal(readFileSync(join(path, 'etc/app.conf'), 'utf8'), 'a=1\n');
  assert.equal(readlinkSync(join(path, 'current')), 'etc/deep');
  tree.asked.length = 0;
  assert.deepEqual(await tree.bring(path), { changed: false, lines: [] });
  assert.equal(tree.asked.length, 1, 'only the manifest');
});

test('only what differs is fetched and replaced, and what the tree does not name stays', async (t) => {
  const path = temporaryFolder(t);
  const tree = treeOf(t, { a: { file: 'a' }, b: { file: 'b' }, d: { directory: 0 }, 'd/c': { file: 'c' } });
  await tree.bring(path);
  writeFileSync(join(path, 'b'), 'B');
  writeFileSync(join(path, 'own'), 'own');
  const { ino } = lstatSync(join(path, 'a'));
  tree.asked.length = 0;
  assert.deepEqual((await tree.bring(path)).lines, [
    `${path}/b: content changed (1 → 1 byte)`,
    `${path}: 1 changed, of 5 in the tree`,
  ]);
  assert.equal(tree.asked.length, 2);
  assert.equal(lstatSync(join(path, 'a')).ino, ino);
  assert.deepEqual(readdirSync(path).sort(), ['a', 'b', 'd', 'own']);
});

test('a link in the place of a folder of the tree is refused, whoever made it', async (t) => {
  const path = temporaryFolder(t);
  const elsewhere = temporaryFolder(t);
  const tree = treeOf(t, { d: { directory: 0 }, 'd/e': { directory: 0 }, 'd/e/f': { file: 'x' } });
  mkdirSync(join(path, 'd'));
  symlinkSync(elsewhere, join(path, 'd', 'e'));
  await assert.rejects(tree.bring(path), { code: 'bad-path', detail: /is a link and not a directory/ });
  assert.deepEqual(readdirSync(elsewhere), []);
});

test('each entry is held to the policy', async (t) => {
  const path = temporaryFolder(t);
  const checkWrite = (asking: string) => {
    if (asking.endsWith('/kept')) throw new MusterError('policy-denied', asking);
  };
  const tree = treeOf(
    t,
    { d: { directory: 0 }, 'd/a': { file: 'a' }, 'd/kept': { file: 'b' } },
    { checkWrite },
  );
  await assert.rejects(tree.bring(path), { code: 'policy-denied', detail: join(path, 'd/kept') });
  assert.deepEqual(readdirSync(join(path, 'd')), ['a']);
});

test('a manifest that is not one is refused before anything is made', async (t) => {
  const path = join(temporaryFolder(t), 'app');
  for (const leaves of [
    { '../x': { file: 'x' } },
    { 'a/b': { file: 'x' } },
    { '/etc/x': { file: 'x' } },
    { '': { directory: 0 } },
  ] as Record<string, Leaf>[]) {
    await assert.rejects(treeOf(t, leaves).bring(path), { code: 'order-malformed' }, JSON.stringify(leaves));
    assert.throws(() => lstatSync(path), { code: 'ENOENT' });
  }
});

test('a tree of many says the first changes and counts the rest', async (t) => {
  const path = join(temporaryFolder(t), 'new');
  const leaves: Record<string, Leaf> = {};
  for (let link = 0; link < 520; link++) leaves[`link-${link}`] = { link: `${link}` };
  const tree = treeOf(t, leaves);
  const { lines } = await tree.bring(path);
  assert.deepEqual(
    [lines.length, ...lines.slice(-2)],
    [502, '… and 21 more', `${path}: 521 changed, of 521 in the tree`],
  );
});

test('a run that is ended stops in the middle of a tree', async (t) => {
  const path = temporaryFolder(t);
  const tree = treeOf(t, { a: { file: 'a' }, b: { directory: 0 } });
  const ending = new AbortController();
  const bringing = tree.bring(path, { signal: ending.signal });
  ending.abort();
  await assert.rejects(bringing, { name: 'AbortError' });
});
