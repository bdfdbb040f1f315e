import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import type { Packed } from '../../../../controller/installer/build.ts';
import { type BuildsPorts, createBuilds } from '../../../../controller/installer/builds/builds.ts';
import { MUSTER_VERSION } from '../../../../proto/version.ts';
import { temporaryFolder } from '../../../support/folder.ts';

const run = promisify(execFile);
const sha512 = (bytes: Uint8Array): string => createHash('sha512').update(bytes).digest('hex');

async function bytesOf(packed: Packed): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of packed.open()) pieces.push(piece);
  return Buffer.concat(pieces);
}

function buildsIn(t: TestContext, folder: string, other: Partial<BuildsPorts> = {}) {
  const builds = createBuilds({
    folder,
    archives: [],
    env: process.env,
    node: { path: process.execPath, version: process.version },
    note: () => {},
    now: Date.now,
    ...other,
  });
  t.after(() => builds.close());
  return builds;
}

test('the executable for this machine runs, brings its own node, and is the same bytes in every cache', async (t) => {
  const folder = temporaryFolder(t);
  const first = await buildsIn(t, join(folder, 'a')).packed('executable', 'x64', ['gzip', 'zstd']);
  assert.equal(first.packing, 'zstd');
  assert.ok(first.length < 40e6, `${first.length} bytes are sent`);
  const file = zstdDecompressSync(await bytesOf(first));
  assert.equal(first.sha512, sha512(await bytesOf(first)));
  assert.deepEqual(first.build, {
    version: MUSTER_VERSION,
    form: 'executable',
    arch: 'x64',
    sha512: sha512(file),
    length: file.length,
  });
  const agent = join(folder, 'agent');
  await writeFile(agent, file);
  await chmod(agent, 0o755);
  const { stdout, stderr } = await run(agent, ['--version'], { env: {} });
  assert.equal(stdout.trim(), MUSTER_VERSION);
  assert.equal(stderr, '');

  const second = await buildsIn(t, join(folder, 'b')).packed('executable', 'x64', ['gzip']);
  assert.equal(second.packing, 'gzip');
  assert.equal(second.build.sha512, first.build.sha512);
  assert.equal(sha512(gunzipSync(await bytesOf(second))), first.build.sha512);
});
