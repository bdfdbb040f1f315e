import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../support/folder.ts';
import { copyToCrowd, largeFile, quantile } from './crowd.ts';
import { startFleet } from './fleet.ts';

const HOSTS = 3;
const FILE_MIB = 80;

test('a large file to several hosts at once neither fills memory nor keeps commands waiting', async (t) => {
  const fleet = await startFleet(t);
  const folder = temporaryFolder(t);
  const names = Array.from({ length: HOSTS }, (_, index) => `web-${index}`);
  const bystander = await fleet.agent('bystander');
  const crowd = await Promise.all(names.map((name) => fleet.agent(name)));
  const from = join(folder, 'image');
  await largeFile(from, FILE_MIB);
  const at = await copyToCrowd(fleet, bystander, crowd, { from, to: join(folder, 'there') });
  const median = Math.round(quantile(at.busyMs, 0.5));
  t.diagnostic(
    `${FILE_MIB} MiB up in ${Math.round(at.uploadMs)} ms, to ${HOSTS} hosts in ${Math.round(at.servedMs)} ms; a command: idle ${Math.round(quantile(at.idleMs, 0.5))} ms, meanwhile ${median} ms, most ${Math.round(quantile(at.busyMs, 1))} ms of ${at.busyMs.length}; controller ${Math.round(at.rssBeforeMib)} → ${Math.round(at.rssMostMib)} MiB, agents ${Math.round(at.agentMostMib)} MiB`,
  );
  assert.deepEqual(at.failed, []);
  for (const name of names) assert.equal(statSync(join(folder, `there-${name}`)).size, statSync(from).size);
  assert.ok(at.busyMs.length > 3, 'commands ran meanwhile');
  // Garbage that waits for its collector is counted too; the bench shows that it does not grow with file and hosts.
  const grownMib = at.rssMostMib - at.rssBeforeMib;
  assert.ok(grownMib < (HOSTS * FILE_MIB) / 2, `${grownMib} MiB`);
  // Behind a part of the file, let alone the file, it would take many times as long; machines of tests are busy.
  assert.ok(median < 2_000, `${median} ms`);
});
