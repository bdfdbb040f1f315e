import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { temporaryFolder } from '../support/folder.ts';
import { startFleet, type TestFleet } from './fleet.ts';

interface Line {
  host: string;
  path: string;
  bytes: number;
  sha512: string;
}

describe('files from machines', () => {
  let fleet: TestFleet;
  let folder: string;
  const ends: (() => unknown)[] = [];
  const suite = { after: (fn: () => unknown) => void ends.push(fn) };

  before(async () => {
    fleet = await startFleet(suite);
    folder = temporaryFolder(suite);
    await Promise.all([fleet.agent('web-1'), fleet.agent('web-2')]);
    mkdirSync(join(folder, 'logs', 'old'), { recursive: true });
    writeFileSync(join(folder, 'logs', 'today'), Buffer.alloc(300_000, 'a line of a log\n'));
    writeFileSync(join(folder, 'logs', 'old', 'empty'), '');
    writeFileSync(join(folder, 'logs', 'run.sh'), '#!/bin/sh\n');
    chmodSync(join(folder, 'logs', 'run.sh'), 0o750);
    symlinkSync('../today', join(folder, 'logs', 'old', 'link'));
    symlinkSync('/etc/passwd', join(folder, 'logs', 'away'));
  });
  test.after(async () => {
    for (const end of ends.reverse()) await end();
  });

  test('a file of each host comes into a folder of its name', async () => {
    const out = join(folder, 'one');
    const fetched = await fleet.muster([
      'fetch',
      '-t',
      'web-*',
      join(folder, 'logs', 'today'),
      '-o',
      out,
      '--json',
    ]);
    assert.equal(fetched.status, 0, fetched.stderr);
    const lines = fetched.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
    assert.deepEqual(lines.map(({ host }) => host).sort(), ['web-1', 'web-2']);
    for (const { host, path, bytes, sha512 } of lines) {
      const here = readFileSync(join(out, host, 'today'));
      assert.equal(path, join(out, host, 'today'));
      assert.equal(bytes, here.length);
      assert.equal(sha512, createHash('sha512').update(here).digest('hex'));
      assert.ok(here.equals(readFileSync(join(folder, 'logs', 'today'))));
    }
    assert.deepEqual(readdirSync(out).sort(), ['web-1', 'web-2']);
  });

  test('a folder comes with all that is in it but what leads elsewhere', async () => {
    const out = join(folder, 'tree');
    const fetched = await fleet.muster(['fetch', '-t', 'web-1', join(folder, 'logs'), '-o', out]);
    assert.equal(fetched.status, 0, fetched.stderr);
    const here = join(out, 'web-1', 'logs');
    assert.deepEqual(readdirSync(here, { recursive: true }).sort(), [
      'old',
      'old/empty',
      'old/link',
      'run.sh',
      'today',
    ]);
    assert.equal(readlinkSync(join(here, 'old', 'link')), '../today');
    assert.equal(statSync(join(here, 'run.sh')).mode & 0o777, 0o750);
    assert.match(fetched.stderr, /left out logs\/away: a link to \/etc\/passwd/);
    assert.match(fetched.stdout, /^web-1: .* 3 files\n$/);
  });

  test('what is here is kept, and overwritten when it is asked for', async () => {
    const out = join(folder, 'twice');
    const args = ['fetch', '-t', 'web-1', join(folder, 'logs', 'run.sh'), '-o', out];
    assert.equal((await fleet.muster(args)).status, 0);
    const here = join(out, 'web-1', 'run.sh');
    writeFileSync(here, 'mine');
    const again = await fleet.muster(args);
    assert.equal(again.status, 1);
    assert.match(again.stderr, /is there already; --force overwrites it/);
    assert.equal(readFileSync(here, 'utf8'), 'mine');
    assert.equal((await fleet.muster([...args, '--force'])).status, 0);
    assert.equal(readFileSync(here, 'utf8'), '#!/bin/sh\n');
    assert.deepEqual(readdirSync(out), ['web-1']);
  });

  test('more than --max-size leaves nothing here, and says so', async () => {
    const out = join(folder, 'large');
    const args = ['fetch', '-t', 'web-1', join(folder, 'logs'), '-o', out];
    const fetched = await fleet.muster([...args, '--max-size', '100K']);
    assert.equal(fetched.status, 1, fetched.stderr);
    assert.match(fetched.stderr, /--max-size|room|output/);
    assert.deepEqual(existsSync(out) ? readdirSync(out) : [], []);
  });

  test('what is not there is a failure of the host', async () => {
    const fetched = await fleet.muster([
      'fetch',
      '-t',
      'web-1',
      '/nowhere/at/all',
      '-o',
      join(folder, 'none'),
    ]);
    assert.equal(fetched.status, 1, fetched.stderr);
    assert.match(fetched.stderr, /nowhere/);
  });

  test('wrong use is said before anything is asked of a host', async () => {
    for (const args of [['etc/motd'], ['/etc/'], ['/etc/../x']]) {
      const { status } = await fleet.muster(['fetch', '-t', 'web-1', ...args]);
      assert.equal(status, 2, args.join(' '));
    }
  });
});
