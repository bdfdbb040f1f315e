import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { StepContext } from '../../../../agent/executor/step.ts';
import { type CollectPorts, collect } from '../../../../agent/executor/tasks/collect.ts';
import { MusterError } from '../../../../proto/errors.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { requires } from '../../../support/requires.ts';
import { until } from '../../../support/until.ts';
import { checkedOf } from '../machine.ts';

interface Gate {
  room(): Promise<void>;
}

/** Carries out a collect task by itself, and keeps what it writes. */
async function collected(
  path: string,
  options: {
    ports?: Partial<CollectPorts>;
    check?: boolean;
    capBytes?: number;
    gate?: Gate;
    signal?: AbortSignal;
  } = {},
) {
  const pieces: Buffer[] = [];
  let stderr = '';
  const context: StepContext = {
    ...checkedOf({ check: options.check ?? false, outputCapBytes: options.capBytes ?? 2 ** 30 }),
    index: 0,
    signal: options.signal ?? new AbortController().signal,
    write(stream, data) {
      if (stream === 'stdout') pieces.push(Buffer.from(data));
      else stderr += Buffer.from(data).toString();
    },
    attempt: async () => ({ kind: 'unknown', reason: 'nobody asks' }),
    room: options.gate?.room ?? (async () => {}),
    command: () => Promise.reject(new Error('no command')),
    takeUp: async () => undefined,
    beforeReboot: () => Promise.reject(new Error('no reboot')),
  };
  const self = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
  const ports = { self, checkRead: () => {}, ...options.ports };
  const result = await collect({ path }, ports, context);
  return { ...result, archive: Buffer.concat(pieces), pieces, stderr };
}

/** What tar makes of it. */
function unpacked(t: TestContext, archive: Buffer): string {
  const folder = temporaryFolder(t);
  const { status, stderr } = spawnSync('tar', ['-x', '-p', '-C', folder], { input: archive });
  assert.equal(status, 0, String(stderr));
  return folder;
}

test('a folder comes back as it is: files, folders, links, modes, long names', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'log');
  const deep = join(path, 'd'.repeat(100), 'e'.repeat(100));
  mkdirSync(deep, { recursive: true });
  writeFileSync(join(deep, 'f'.repeat(255)), 'deep');
  writeFileSync(join(path, 'empty'), '');
  writeFileSync(join(path, 'blöd\nname'), 'x');
  writeFileSync(join(path, 'large'), Buffer.alloc(300_001, 'abc'));
  chmodSync(join(path, 'large'), 0o640);
  symlinkSync('../../etc/passwd', join(path, 'link'));
  const { state, change, stderr, archive, pieces } = await collected(path);
  assert.deepEqual([state, change, stderr], ['succeeded', 'unchanged', '']);
  assert.equal(archive.length % 512, 0);
  assert.ok(pieces.every(({ length }) => length <= 64 * 1024));
  const out = join(unpacked(t, archive), 'log');
  execFileSync('diff', ['-r', '--no-dereference', path, out]);
  assert.equal(statSync(join(out, 'large')).mode & 0o777, 0o640);
  assert.equal(readlinkSync(join(out, 'link')), '../../etc/passwd');
});

test('a single file comes back under its name', async (t) => {
  const path = join(temporaryFolder(t), 'app.log');
  writeFileSync(path, 'line\n');
  const out = unpacked(t, (await collected(path)).archive);
  assert.deepEqual([readdirSync(out), readFileSync(join(out, 'app.log'), 'utf8')], [['app.log'], 'line\n']);
});

test('links are not followed, neither on the way nor as what is asked for', async (t) => {
  const folder = temporaryFolder(t);
  symlinkSync('/etc', join(folder, 'l'));
  await assert.rejects(collected(join(folder, 'l', 'passwd')), { code: 'bad-path' });
  const out = unpacked(t, (await collected(join(folder, 'l'))).archive);
  assert.equal(readlinkSync(join(out, 'l')), '/etc');
});

test('what is no file is passed over with a note, and never opened', async (t) => {
  const path = temporaryFolder(t);
  execFileSync('mkfifo', [join(path, 'fifo')]);
  writeFileSync(join(path, 'f'), 'f');
  const { state, stderr, archive } = await collected(path);
  const name = path.split('/').at(-1) ?? '';
  assert.deepEqual([state, stderr], ['succeeded', `${name}/fifo: a fifo, passed over\n`]);
  assert.deepEqual(readdirSync(join(unpacked(t, archive), name)), ['f']);
});

test('another file system is passed over with a note', requires('root', 'mount'), async (t) => {
  const path = mkdtempSync(join(tmpdir(), 'muster-test-'));
  mkdirSync(join(path, 'm'));
  execFileSync('mount', ['-t', 'tmpfs', 'muster-test', join(path, 'm')]);
  t.after(() => {
    execFileSync('umount', [join(path, 'm')]);
    rmSync(path, { recursive: true });
  });
  writeFileSync(join(path, 'm', 'inside'), 'x');
  const { state, stderr, archive } = await collected(path);
  assert.equal(state, 'succeeded');
  assert.match(stderr, /\/m: another file system, passed over\n$/);
  assert.ok(!archive.includes('inside'));
  const mount = await collected(join(path, 'm'));
  assert.ok(mount.archive.includes('inside'), 'asked for by its name');
});

test('a file that becomes shorter while it is read leaves a whole archive, and fails', async (t) => {
  const path = join(temporaryFolder(t), 'f');
  writeFileSync(path, Buffer.alloc(1_000_000, 'x'));
  let pieces = 0;
  const gate = { room: async () => void (pieces++ === 2 && truncateSync(path, 200_000)) };
  const { state, reason, stderr, archive } = await collected(path, { gate });
  assert.equal(state, 'failed');
  assert.equal(reason, 'the archive is not complete: 1 entry, named on stderr');
  assert.match(stderr, /^f: became shorter while it was read: zeros stand for its last \d+ bytes\n$/);
  assert.equal(statSync(join(unpacked(t, archive), 'f')).size, 1_000_000);
});

test('a file that becomes longer while it is read comes as it was, with a note', async (t) => {
  const path = join(temporaryFolder(t), 'f');
  writeFileSync(path, Buffer.alloc(1_000_000, 'x'));
  let pieces = 0;
  const gate = { room: async () => void (pieces++ === 2 && appendFileSync(path, 'more')) };
  const { state, stderr, archive } = await collected(path, { gate });
  assert.deepEqual(
    [state, stderr],
    ['succeeded', 'f: became longer while it was read: its first 1000000 bytes are archived\n'],
  );
  assert.equal(statSync(join(unpacked(t, archive), 'f')).size, 1_000_000);
});

test('a name that is not text is passed over, and that is a failure', async (t) => {
  const path = temporaryFolder(t);
  writeFileSync(Buffer.concat([Buffer.from(`${path}/`), Buffer.from([0xff, 0x0a])]), 'x');
  const { state, stderr } = await collected(path);
  assert.equal(state, 'failed');
  assert.match(stderr, /the name is not UTF-8, passed over\n$/);
  assert.equal(stderr.split('\n').length, 2, 'one line');
});

test('an archive waits until there is room for more', async (t) => {
  const path = join(temporaryFolder(t), 'f');
  writeFileSync(path, Buffer.alloc(4_000_000, 'x'));
  const ending = new AbortController();
  let open: () => void = () => {};
  let asked = 0;
  const gate = {
    room() {
      asked += 1;
      return new Promise<void>((resolve) => {
        open = resolve;
      });
    },
  };
  const collecting = collected(path, { gate, signal: ending.signal });
  await until('it asks for room', () => asked > 0);
  for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
  assert.equal(asked, 1, 'it went on without room');
  const opening = setInterval(() => open(), 0);
  const { archive } = await collecting;
  clearInterval(opening);
  assert.ok(asked > 30 && archive.length > 4_000_000);
});

test('an archive that is larger than what is kept of the output fails before it is read', async (t) => {
  const path = join(temporaryFolder(t), 'f');
  writeFileSync(path, Buffer.alloc(100_000));
  await assert.rejects(
    collected(path, { capBytes: 50_000 }),
    /larger than what is kept of a run's output, 50000 bytes/,
  );
});

test('a run that is ended ends the archive', async (t) => {
  const path = join(temporaryFolder(t), 'f');
  writeFileSync(path, Buffer.alloc(1_000_000));
  const ending = new AbortController();
  const gate = { room: async () => ending.abort() };
  await assert.rejects(collected(path, { gate, signal: ending.signal }), { name: 'AbortError' });
});

test('what the policy keeps to itself is not read, at any depth', async (t) => {
  const path = temporaryFolder(t);
  mkdirSync(join(path, 'd'));
  writeFileSync(join(path, 'd', 'secret'), 'x');
  const asked: string[] = [];
  const checkRead = (asking: string) => {
    asked.push(asking);
    if (asking.endsWith('/secret')) throw new MusterError('policy-denied', asking);
  };
  await assert.rejects(collected(path, { ports: { checkRead } }), { code: 'policy-denied' });
  assert.deepEqual(asked, [path, join(path, 'd'), join(path, 'd', 'secret')]);
});

test('a check looks whether it is there, and reads nothing', async (t) => {
  const path = temporaryFolder(t);
  const { state, change, archive } = await collected(path, { check: true });
  assert.deepEqual([state, change, archive.length], ['succeeded', 'unchanged', 0]);
  assert.equal((await collected(join(path, 'gone'), { check: true })).state, 'failed');
});

test('descriptors are given back, whatever became of the archive', async (t) => {
  const path = temporaryFolder(t);
  for (let name = 0; name < 20; name++) writeFileSync(join(path, `${name}`), Buffer.alloc(10_000));
  const open = () => readdirSync('/proc/self/fd').length;
  await collected(path);
  const before = open();
  await collected(path);
  await assert.rejects(collected(path, { capBytes: 50_000 }));
  assert.equal(open(), before);
});
