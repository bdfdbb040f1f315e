import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runFolders } from '../../../agent/executor/folders.ts';
import { temporaryFolder } from '../../support/folder.ts';

const RUN = { jobId: '00112233445566778899aabbccddeeff', attempt: 1 };

test('a spool that is not there holds no run; one that cannot be read does not say so, lest a run starts twice', (t) => {
  const folder = temporaryFolder(t);
  assert.equal(runFolders(join(folder, 'gone')).hasBegun(RUN), false);
  const unreadable = join(folder, 'file');
  writeFileSync(unreadable, '');
  assert.throws(() => runFolders(unreadable).hasBegun(RUN), { code: 'ENOTDIR' });
});
