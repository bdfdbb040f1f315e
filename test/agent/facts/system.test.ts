import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { constants } from 'node:fs';
import { mkdir, mkdtemp, open, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gatherFacts } from '../../../agent/facts/gather.ts';
import { systemSource } from '../../../agent/facts/system.ts';
import { delay } from '../../../proto/clock.ts';
import { systemClock } from '../../../proto/system.ts';

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-facts-'));
});
after(() => rm(folder, { recursive: true, force: true }));

test('a file is read up to the bound, and what is no file is absent', async () => {
  const source = systemSource();
  const path = join(folder, 'text');
  await writeFile(path, 'a'.repeat(100_000));
  assert.equal((await source.readText(path, 50_000))?.length, 50_000);
  assert.equal((await source.readText(path, 500_000))?.length, 100_000);
  await mkdir(join(folder, 'folder'));
  await symlink('loop', join(folder, 'loop'));
  for (const name of ['absent', 'folder', 'loop', 'text/below', 'a\u0000b'])
    assert.equal(await source.readText(join(folder, name), 10), undefined, name);
  assert.equal(await source.readText('/dev/zero', 10), undefined);
});

test('a FIFO in the place of a file is absent, and does not hold the reader up', async () => {
  const path = join(folder, 'fifo');
  execFileSync('mkfifo', [path]);
  const abort = new AbortController();
  const bound = delay(systemClock, 3_000, abort.signal).then(
    () => 'held up',
    () => 'ended',
  );
  try {
    assert.equal(await Promise.race([systemSource().readText(path, 10), bound]), undefined);
  } finally {
    abort.abort();
    await (await open(path, constants.O_RDWR | constants.O_NONBLOCK)).close();
  }
});

test('links, existence and sizes are told, and their absence is no failure', async () => {
  const source = systemSource();
  await symlink('somewhere/else', join(folder, 'link'));
  assert.equal(await source.readLink(join(folder, 'link')), 'somewhere/else');
  assert.equal(await source.readLink(join(folder, 'none')), undefined);
  assert.deepEqual([await source.exists(folder), await source.exists(join(folder, 'none'))], [true, false]);
  const size = await source.statfs(folder);
  assert.ok(size && size.totalBytes >= size.availableBytes && size.totalBytes > 0);
});

test('while one question for a size is open, the same one is not asked again', async () => {
  const source = systemSource();
  const [first, second] = await Promise.all([source.statfs(folder), source.statfs(folder)]);
  assert.ok(first);
  assert.equal(second, undefined);
  assert.ok(await source.statfs(folder), 'asked again once it was answered');
});

test('a folder that fails is asked again the next time', async () => {
  const source = systemSource();
  const path = join(folder, 'later');
  await assert.rejects(source.statfs(path));
  await mkdir(path);
  assert.ok(await source.statfs(path));
});

test('this machine gives the facts that any Linux has', { skip: process.platform !== 'linux' }, async () => {
  const facts = await gatherFacts(systemSource(), { clock: systemClock, agentVersion: '0.1.0' });
  assert.match(facts.arch ?? '', /^(x86_64|aarch64)$/);
  assert.ok(facts.hostname);
  assert.ok((facts.cpu?.count ?? 0) >= 1);
  assert.ok((facts.memory?.totalBytes ?? 0) > 1024 ** 2);
  assert.match(facts.kernel?.release ?? '', /^\d+\.\d+/);
  assert.ok(facts.addresses?.every(({ address }) => address !== '127.0.0.1' && address !== '::1'));
  assert.equal(facts.user?.uid, process.getuid?.());
  assert.equal(facts.nodeVersion, process.version);
  assert.ok(facts.volatile.uptimeSeconds > 0);
});
