import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { commandLine } from '../../../controller/cli/command-line.ts';
import { oneWell, stage } from './run-stage.ts';

test('a script is sent with its name, content and arguments', async (t) => {
  const { terminal, home, created } = await stage(t, { events: oneWell() });
  const file = join(home, 'check.sh');
  await writeFile(file, '#!/bin/sh\necho $1\n');
  assert.equal(await commandLine(['script', '-t', 'web-1', file, '--full', '-t', 'x'], terminal), 0);
  const content = Buffer.from('#!/bin/sh\necho $1\n').toString('base64');
  assert.deepEqual(created()?.body, {
    targets: 'web-1',
    tasks: [{ script: { content, args: ['--full', '-t', 'x'], name: 'check.sh' } }],
  });
});

test('a script can come from standard input', async (t) => {
  const { terminal, created } = await stage(t, { events: oneWell(), stdin: Buffer.from('#!/bin/sh\n') });
  assert.equal(await commandLine(['script', '-t', 'web-1', '-'], terminal), 0);
  const content = Buffer.from('#!/bin/sh\n').toString('base64');
  assert.deepEqual(created()?.body, {
    targets: 'web-1',
    tasks: [{ script: { content, args: [], name: 'stdin' } }],
  });
});

test('a script that is not there, empty, a folder or too large is wrong use', async (t) => {
  const { terminal, home, api } = await stage(t, {});
  await writeFile(join(home, 'empty'), '');
  await writeFile(join(home, 'large'), Buffer.alloc(768 * 1024 + 1));
  for (const file of ['nowhere', 'empty', '.', 'large'])
    assert.equal(await commandLine(['script', '-t', 'web-1', join(home, file)], terminal), 2, file);
  assert.match(
    terminal.stderr.text(),
    /no such file[\s\S]*is empty[\s\S]*it is a folder[\s\S]*is larger than 786432 bytes/,
  );
  assert.equal(api.connections(), 0);
});
