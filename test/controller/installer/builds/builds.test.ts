import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { chmod, chown, mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { zstdDecompressSync } from 'node:zlib';
import {
  type BuildsPorts,
  buildsFolder,
  createBuilds,
} from '../../../../controller/installer/builds/builds.ts';
import { makeExecutable } from '../../../../controller/installer/builds/executable.ts';
import { findProgram } from '../../../../controller/installer/builds/program.ts';
import { systemClock } from '../../../../proto/system.ts';
import { MUSTER_VERSION } from '../../../../proto/version.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { requires } from '../../../support/requires.ts';
import { until } from '../../../support/until.ts';
import { bytesOf, madeUpProgram, sha512 } from './made-up.ts';

const run = promisify(execFile);

const PORTS = {
  clock: systemClock,
  archives: [],
  env: process.env,
  node: { path: process.execPath, version: process.version },
  note: () => {},
};

function buildsIn(t: TestContext, folder: string, other: Partial<BuildsPorts> = {}) {
  const builds = createBuilds({ ...PORTS, folder, ...other });
  t.after(() => builds.close());
  return builds;
}

test('the executable for this machine runs, brings its own node, and is the same bytes wherever it is made', async (t) => {
  const folder = temporaryFolder(t);
  const arch = process.arch === 'arm64' ? 'arm64' : 'x64';
  const first = await buildsIn(t, join(folder, 'a')).packed('executable', arch, ['gzip', 'zstd']);
  assert.equal(first.packing, 'zstd');
  assert.ok(first.length < 40e6, `${first.length} bytes are sent`);
  const sent = await bytesOf(first);
  assert.equal(first.sha512, sha512(sent));
  const file = zstdDecompressSync(sent);
  assert.deepEqual(first.build, {
    ...{ version: MUSTER_VERSION, form: 'executable', arch },
    ...{ sha512: sha512(file), length: file.length },
  });
  const agent = join(folder, 'agent');
  await writeFile(agent, file);
  await chmod(agent, 0o755);
  const { stdout, stderr } = await run(agent, ['--version'], { env: {} });
  assert.equal(stdout.trim(), MUSTER_VERSION);
  assert.equal(stderr, '');

  const notes: string[] = [];
  const note = (sentence: string) => notes.push(sentence);
  const other = await buildsIn(t, join(folder, 'a'), { note }).packed('executable', arch, ['gzip']);
  assert.deepEqual([other.packing, other.build], ['gzip', first.build]);
  assert.deepEqual(notes, [], 'it is packed anew, not made anew');

  const work = join(folder, 'b');
  await mkdir(work);
  const again = await makeExecutable(
    { ...PORTS, signal: new AbortController().signal, program: await findProgram() },
    arch,
    work,
  );
  assert.equal(sha512(await readFile(again)), first.build.sha512);
});

test('the bundle is the agent of this very program, and small', async (t) => {
  const packed = await buildsIn(t, temporaryFolder(t)).packed('bundle', 'x64', ['gzip', 'zstd']);
  assert.ok(packed.length < 300e3, `${packed.length} bytes are sent`);
  const file = zstdDecompressSync(await bytesOf(packed));
  assert.deepEqual(file, await readFile(join(import.meta.dirname, '../../../../dist/agent/main.cjs')));
  assert.equal(packed.build.sha512, sha512(file));
  assert.equal(packed.build.arch, undefined);
});

test('xz is used where this machine has it, and left out where it has not', {
  ...requires('xz'),
}, async (t) => {
  const folder = temporaryFolder(t);
  const program = await madeUpProgram(folder);
  const without = buildsIn(t, join(folder, 'a'), { program, env: { PATH: folder } });
  assert.equal((await without.packed('bundle', 'x64', ['xz', 'gzip'])).packing, 'gzip');
  await assert.rejects(without.packed('bundle', 'x64', ['xz']), {
    because: 'no-build',
    detail: /none of: xz/,
  });
  const packed = await buildsIn(t, join(folder, 'b'), { program }).packed('bundle', 'x64', ['xz', 'gzip']);
  assert.equal(packed.packing, 'xz');
  await writeFile(join(folder, 'packed'), await bytesOf(packed));
  const unpacked = execFileSync('xz', ['-dc', join(folder, 'packed')]);
  assert.equal(sha512(unpacked), packed.build.sha512);
});

/** Builds of a made-up program, and what is in the folder where they are kept. */
async function kept(t: TestContext) {
  const folder = temporaryFolder(t);
  const cache = join(folder, 'cache');
  const program = await madeUpProgram(folder);
  const open = (other: Partial<BuildsPorts> = {}) => buildsIn(t, cache, { program, ...other });
  const packed = await open().packed('bundle', 'x64', ['gzip']);
  const [name = ''] = (await readdir(cache)).filter((one) => !one.endsWith('.json'));
  return { cache, program, open, packed, file: join(cache, name), note: join(cache, `${name}.json`) };
}

test('what was made once is taken from there, also by the next process', async (t) => {
  const { cache, open, packed, file } = await kept(t);
  const { mtimeMs, ino } = await stat(file);
  const again = await open().packed('bundle', 'arm64', ['gzip']);
  assert.deepEqual(again.build, packed.build);
  assert.equal(again.sha512, packed.sha512);
  assert.deepEqual([(await stat(file)).mtimeMs, (await stat(file)).ino], [mtimeMs, ino]);
  assert.equal((await readdir(cache)).length, 2, 'a file and its note, and nothing else');
});

test('what is damaged there is made anew', async (t) => {
  const { open, packed, file, note } = await kept(t);
  const damages: (() => Promise<unknown>)[] = [
    () => writeFile(file, 'x', { flag: 'r+' }),
    () => writeFile(file, ''),
    () => rm(file),
    () => rm(note),
    () => writeFile(note, '{'),
    () => writeFile(note, '{"build":{}}'),
  ];
  for (const damage of damages) {
    await damage();
    const again = await open().packed('bundle', 'x64', ['gzip']);
    assert.equal(again.sha512, packed.sha512, String(damage));
    assert.equal(sha512(await bytesOf(again)), packed.sha512, String(damage));
  }
});

test('another agent is another build', async (t) => {
  const { program, open, packed } = await kept(t);
  await writeFile(program.bundle, '// another one\n');
  const other = await open().packed('bundle', 'x64', ['gzip']);
  assert.notEqual(other.build.sha512, packed.build.sha512);
});

test('many who want it at once get the same, from one process and from several', async (t) => {
  const { cache, program } = await kept(t);
  await rm(cache, { recursive: true });
  const processes = Array.from({ length: 4 }, () => buildsIn(t, cache, { program }));
  const all = await Promise.all(
    processes.flatMap((builds) =>
      Array.from({ length: 5 }, async () => {
        const packed = await builds.packed('bundle', 'x64', ['zstd']);
        assert.equal(sha512(await bytesOf(packed)), packed.sha512);
        return packed.sha512;
      }),
    ),
  );
  assert.equal(new Set(all).size, 1);
  assert.equal((await readdir(cache)).length, 2);
});

test('what is read stays as it is, whatever another process does to the folder meanwhile', async (t) => {
  const { cache, packed } = await kept(t);
  await rm(cache, { recursive: true });
  assert.equal(sha512(await bytesOf(packed)), packed.sha512);
  assert.equal((await packed.read(packed.length - 3, 100)).length, 3);
});

test('old builds go, and what a killed process left; what is new or just being made stays', async (t) => {
  const { cache, open, program } = await kept(t);
  for (let n = 0; n < 20; n += 1) {
    const age = new Date(Date.now() - 86_400_000 * (n + 1));
    await writeFile(join(cache, `old-${n}`), 'x');
    await writeFile(join(cache, `old-${n}.json`), '{}');
    await utimes(join(cache, `old-${n}.json`), age, age);
  }
  const dead = join(cache, 'work-dead');
  await mkdir(dead);
  await writeFile(join(dead, 'agent'), 'x');
  await utimes(dead, 0, 0);
  await mkdir(join(cache, 'work-alive'));
  await writeFile(program.bundle, '// the next version\n');
  await open().packed('bundle', 'x64', ['gzip']);
  const left = await readdir(cache);
  assert.equal(left.filter((name) => name.endsWith('.json')).length, 12);
  assert.equal(left.filter((name) => !name.endsWith('.json') && !name.startsWith('work-')).length, 12);
  assert.ok(left.includes('old-0') && !left.includes('old-19'));
  assert.ok(left.includes('work-alive') && !left.includes('work-dead'));
});

test('a full disk is told, with the folder, and nothing half made is left', {
  ...requires('root', 'mount'),
}, async (t) => {
  const folder = temporaryFolder(t);
  const cache = join(folder, 'cache');
  await mkdir(cache);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=700', 'muster-test', cache]);
  try {
    const builds = buildsIn(t, cache);
    await assert.rejects(builds.packed('bundle', 'x64', ['gzip']), ({ because, detail }) => {
      assert.equal(because, 'no-build');
      assert.ok(detail.includes(`no room left in ${cache}`), detail);
      return true;
    });
    assert.deepEqual(await readdir(cache), []);
  } finally {
    execFileSync('umount', [cache]);
  }
});

test('a folder that others may write to is not used: a fleet runs what is in it', async (t) => {
  const { cache, open } = await kept(t);
  await chmod(cache, 0o777);
  await assert.rejects(open().packed('bundle', 'x64', ['gzip']), {
    because: 'no-build',
    detail: /can be changed by other users: name another cache with XDG_CACHE_HOME/,
  });
});

test('a folder of another user is not used', { ...requires('root') }, async (t) => {
  const { cache, open } = await kept(t);
  await chown(cache, 1, 1);
  await assert.rejects(open().packed('bundle', 'x64', ['gzip']), { detail: /can be changed by other users/ });
});

/** Builds for whose executables npm is asked, and its registry does not answer. */
async function waitingForNpm(t: TestContext, folder: string) {
  const bin = join(folder, 'bin');
  await mkdir(bin);
  await writeFile(join(bin, 'npm'), `#!/bin/sh\necho $$ > ${folder}/pid\nexec sleep 600\n`);
  await chmod(join(bin, 'npm'), 0o755);
  const program = await madeUpProgram(folder);
  const env = { PATH: `${bin}:${process.env.PATH}` };
  const builds = buildsIn(t, join(folder, 'cache'), { program, env });
  const packed = assert.rejects(builds.packed('executable', 'arm64', ['gzip']), { because: 'no-build' });
  const pid = await until('npm runs', () => readFile(join(folder, 'pid'), 'utf8').catch(() => undefined));
  return { builds, packed, pid };
}

test('the bundle waits for no executable', async (t) => {
  const { builds, packed } = await waitingForNpm(t, temporaryFolder(t));
  assert.equal((await builds.packed('bundle', 'arm64', ['gzip'])).build.form, 'bundle');
  await builds.close();
  await packed;
});

test('closing ends what is being made, and leaves nothing of it', async (t) => {
  const folder = temporaryFolder(t);
  const { builds, packed, pid } = await waitingForNpm(t, folder);
  await builds.close();
  await packed;
  assert.throws(() => process.kill(Number(pid), 0), { code: 'ESRCH' });
  assert.deepEqual(await readdir(join(folder, 'cache')), []);
});

test('builds are kept where caches belong', () => {
  const home = { homeDirectory: '/home/ada', isRoot: false };
  assert.equal(buildsFolder({ ...home, env: {} }), '/home/ada/.cache/muster/builds');
  assert.equal(buildsFolder({ ...home, env: { XDG_CACHE_HOME: '/c' } }), '/c/muster/builds');
  assert.equal(
    buildsFolder({ ...home, env: { XDG_CACHE_HOME: 'relative' } }),
    '/home/ada/.cache/muster/builds',
  );
  assert.equal(buildsFolder({ ...home, isRoot: true, env: {} }), '/var/cache/muster/builds');
});
