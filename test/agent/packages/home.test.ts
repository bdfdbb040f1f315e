import assert from 'node:assert/strict';
import { readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { firstSeen, KEPT_MS, keptVersions } from '../../../agent/packages/home.ts';
import { packagesFolder } from '../../../agent/packages/system.ts';
import { temporaryFolder } from '../../support/folder.ts';

const app = { name: 'app', arch: 'amd64', version: '1:1-1' };

function world(t: TestContext) {
  const folder = temporaryFolder(t);
  const home = join(folder, 'packages');
  const disk = packagesFolder(home);
  const file = join(folder, 'app_1%3a1-1_all.deb');
  writeFileSync(file, 'of version one');
  return { home, disk, file, kept: keptVersions(disk) };
}

test('a version that is kept is found again, and is for its owner alone', async (t) => {
  const { kept, file, home } = world(t);
  assert.deepEqual(await kept.find([app]), [undefined]);
  await kept.keep(app, file);
  assert.deepEqual(await kept.find([{ ...app, version: '2' }, app]), [
    undefined,
    join(home, 'kept', 'app_amd64_1%3a1-1.deb'),
  ]);
  assert.equal(statSync(home).mode & 0o777, 0o700);
});

test('a kept file that is not what it was is none', async (t) => {
  const { kept, file, home } = world(t);
  await kept.keep(app, file);
  writeFileSync(join(home, 'kept', 'app_amd64_1%3a1-1.deb'), 'of somebody else');
  assert.deepEqual(await kept.find([app]), [undefined]);
});

test('what nobody wanted for long is not kept, nor what is in nobody’s list', async (t) => {
  const { kept, file, home } = world(t);
  await kept.keep(app, file);
  const newer = { ...app, version: '2' };
  await kept.keep(newer, file);
  writeFileSync(join(home, 'kept', 'strange.deb'), '');
  utimesSync(join(home, 'kept', 'app_amd64_1%3a1-1.deb'), 0, 0);
  await kept.tidy(0, KEPT_MS + 1);
  assert.deepEqual(readdirSync(join(home, 'kept')), ['app_amd64_2.deb']);
  assert.deepEqual(
    (await kept.find([app, newer])).map((path) => path !== undefined),
    [false, true],
  );
});

test('an update is remembered from when it was seen first, and forgotten when it waits no more', async (t) => {
  const { disk } = world(t);
  const lib = { ...app, name: 'lib' };
  assert.deepEqual(await firstSeen(disk, [app], 1), [1]);
  assert.deepEqual(await firstSeen(disk, [app, lib], 2), [1, 2]);
  assert.deepEqual(await firstSeen(disk, [lib], 3), [2]);
  assert.deepEqual(await firstSeen(disk, [app, lib], 4), [4, 2]);
  await disk.writeText('seen.json', 'torn{');
  assert.deepEqual(await firstSeen(disk, [lib], 5), [5]);
});
