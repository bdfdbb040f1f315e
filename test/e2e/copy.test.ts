import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  createReadStream,
  createWriteStream,
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
import { until } from '../support/until.ts';
import { type AgentHandle, startFleet, type TestFleet } from './fleet.ts';

const MIB = 1024 * 1024;

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  return hash.digest('hex');
}

/** Bytes that are nowhere the same, written without holding them. */
async function largeFile(path: string, mib: number): Promise<void> {
  const file = createWriteStream(path);
  let block = createHash('sha512').update(path).digest();
  for (let at = 0; at < mib; at++) {
    block = createHash('sha512').update(block).digest();
    const piece = Buffer.alloc(MIB, block);
    piece.writeUInt32BE(at);
    if (!file.write(piece)) await new Promise((resolve) => file.once('drain', () => resolve(undefined)));
  }
  await new Promise((resolve) => file.end(() => resolve(undefined)));
}

const partBytes = (agent: AgentHandle): number => {
  const folder = join(agent.home, 'cache');
  const name = existsSync(folder) ? readdirSync(folder).find((one) => one.endsWith('.part')) : undefined;
  return name === undefined ? 0 : statSync(join(folder, name)).size;
};

describe('files to machines', () => {
  let fleet: TestFleet;
  let web: AgentHandle;
  let folder: string;
  const ends: (() => unknown)[] = [];
  const suite = { after: (fn: () => unknown) => void ends.push(fn) };

  before(async () => {
    fleet = await startFleet(suite);
    folder = temporaryFolder(suite);
    web = await fleet.agent('web-1');
    await fleet.agent('web-2');
  });
  test.after(async () => {
    for (const end of ends.reverse()) await end();
  });

  test('a file arrives with its bytes and its mode, and the second copy changes nothing', async () => {
    const from = join(folder, 'motd');
    writeFileSync(from, 'hello\n');
    chmodSync(from, 0o640);
    const to = join(folder, 'there');
    const first = await fleet.muster(['copy', '-t', 'web-1', from, to]);
    assert.equal(first.status, 0, first.stderr);
    assert.equal(readFileSync(to, 'utf8'), 'hello\n');
    assert.equal(statSync(to).mode & 0o777, 0o640);
    const { ino } = statSync(to);
    const second = await fleet.muster(['copy', '-t', 'web-1', from, to]);
    assert.equal(second.status, 0, second.stderr);
    assert.equal(statSync(to).ino, ino);
    const third = await fleet.muster(['copy', '-t', 'web-1', from, to, '--mode', '0600']);
    assert.equal(third.status, 0, third.stderr);
    assert.equal(statSync(to).mode & 0o777, 0o600);
  });

  test('a large file and an empty one arrive whole, and --check writes nothing', async () => {
    for (const [name, mib] of [
      ['large', 9],
      ['empty', 0],
    ] as const) {
      const from = join(folder, name);
      await largeFile(from, mib);
      const to = join(folder, `${name} there`);
      const checked = await fleet.muster(['copy', '-t', 'web-1', from, to, '--check']);
      assert.equal(checked.status, 0, checked.stderr);
      assert.ok(!existsSync(to));
      const copied = await fleet.muster(['copy', '-t', 'web-1', from, to]);
      assert.equal(copied.status, 0, copied.stderr);
      assert.equal(await digestOf(to), await digestOf(from));
    }
  });

  test('a folder arrives with its files, folders, links and modes', async () => {
    const from = join(folder, 'site');
    mkdirSync(join(from, 'a', 'empty'), { recursive: true });
    writeFileSync(join(from, 'index.html'), '<p>');
    writeFileSync(join(from, 'copy.html'), '<p>');
    writeFileSync(join(from, 'a', 'run.sh'), '#!/bin/sh\n');
    chmodSync(join(from, 'a', 'run.sh'), 0o755);
    await largeFile(join(from, 'a', 'big'), 2);
    symlinkSync('../index.html', join(from, 'a', 'link'));
    const to = join(folder, 'site there');
    for (const expected of [0, 0]) {
      const copied = await fleet.muster(['copy', '-t', 'web-1', `${from}/`, to]);
      assert.equal(copied.status, expected, copied.stderr + copied.stdout);
    }
    assert.deepEqual(
      readdirSync(to, { recursive: true }).sort(),
      readdirSync(from, { recursive: true }).sort(),
    );
    assert.equal(readlinkSync(join(to, 'a', 'link')), '../index.html');
    assert.equal(statSync(join(to, 'a', 'run.sh')).mode & 0o777, 0o755);
    assert.equal(await digestOf(join(to, 'a', 'big')), await digestOf(join(from, 'a', 'big')));
  });

  const WRONG: readonly [string, string[], RegExp][] = [
    ['a source that is not there', ['/nowhere/at/all', '/tmp/x'], /there is no such file/],
    ['a device', ['/dev/null', '/tmp/x'], /is a device/],
    ['a relative target', ['/etc/hostname', 'x'], /does not begin with/],
    ['a target that is a folder', ['/etc/hostname', '/tmp/'], /ends with/],
    ['a target with ..', ['/etc/hostname', '/tmp/../x'], /no plain path/],
    ['--mode for a folder', ['/etc/apt', '/tmp/x', '--mode', '0644'], /--mode is for one file/],
    ['a mode that is none', ['/etc/hostname', '/tmp/x', '--mode', 'rwx'], /expected a mode/],
  ];
  for (const [what, args, said] of WRONG)
    test(`wrong use: ${what}`, async () => {
      const { status, stderr } = await fleet.muster(['copy', '-t', 'web-1', ...args]);
      assert.equal(status, 2, stderr);
      assert.match(stderr, said);
    });

  test('nothing is uploaded for nobody', async () => {
    const from = join(folder, 'large');
    await largeFile(from, 3);
    const { status } = await fleet.muster(['copy', '-l', 'role=none', from, '/tmp/x']);
    assert.equal(status, 3);
  });

  test('the controller is killed in the middle: upload and transfer go on where they were', async () => {
    const from = join(folder, 'killed controller');
    await largeFile(from, 80);
    const to = join(folder, 'killed controller there');
    const copying = fleet.begin(['copy', '-t', 'web-1', from, to, '--ttl', '2m']);
    const stored = (): number =>
      readdirSync(join(fleet.home, 'contents'))
        .map((name) => statSync(join(fleet.home, 'contents', name)).size)
        .reduce((most, bytes) => Math.max(most, bytes), 0);
    await until('some of it is uploaded', () => stored() > 8 * MIB);
    await fleet.stopController('SIGKILL');
    await fleet.startController();
    // A quick machine may be done before it can be killed again.
    const isOver = (): boolean => copying.child.exitCode !== null;
    await until('some of it is fetched', () => partBytes(web) > 4 * MIB || isOver(), 60_000);
    await fleet.stopController('SIGKILL');
    await fleet.startController();
    const { status, stderr } = await copying.ended;
    assert.equal(status, 0, stderr);
    assert.equal(await digestOf(to), await digestOf(from));
  });

  test('the agent is killed in the middle: the copy goes on where its file ends, by itself', async () => {
    const from = join(folder, 'killed agent');
    await largeFile(from, 48);
    const to = join(folder, 'killed agent there');
    const copying = fleet.begin(['copy', '-t', 'web-1', from, to, '--ttl', '1m']);
    await until('some of it is fetched', () => partBytes(web) > 4 * MIB, 60_000);
    await web.stop('SIGKILL');
    const kept = partBytes(web);
    assert.ok(kept > 0 && kept < 48 * MIB);
    await web.restart();
    const { status, stderr } = await copying.ended;
    assert.equal(status, 0, stderr);
    assert.equal(await digestOf(to), await digestOf(from));
    assert.match(web.process.stderr(), /content goes on/);
  });
});
