import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { FileTask } from '../../../../agent/executor/tasks/file.ts';
import { sha512 } from '../../../../proto/crypto.ts';
import { MusterError } from '../../../../proto/errors.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { requires } from '../../../support/requires.ts';
import { until } from '../../../support/until.ts';
import { bring, fileTask, portsOf } from './machine.ts';

const STRANGER = 12_345;

/** What is in a folder and below: names, kinds, modes, owners and contents. */
function snapshot(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const stats = lstatSync(join(folder, name));
      const content = stats.isFile() ? readFileSync(join(folder, name), 'latin1') : '';
      return [name, stats.ino, stats.mode.toString(8), stats.uid, stats.gid, content].join(' ');
    });
}

/** The task fails with this, and nothing in the folder has changed; in a check as well. */
async function refuses(folder: string, task: FileTask, message: RegExp, code?: string): Promise<void> {
  const before = snapshot(folder);
  for (const check of [true, false]) {
    const result = await bring(task, { check });
    assert.ok('message' in result, `${JSON.stringify(result)} instead of ${message}`);
    assert.match(result.message, message);
    if (code !== undefined) assert.equal(result.code, code);
    assert.deepEqual(snapshot(folder), before);
  }
}

test('a symbolic link on the way is refused at every depth', async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, 'real/a/b/c'), { recursive: true });
  symlinkSync('real', join(folder, 'link0'));
  symlinkSync('a', join(folder, 'real/link1'));
  symlinkSync(join(folder, 'real/a/b'), join(folder, 'real/a/link2'));
  symlinkSync('../b/c', join(folder, 'real/a/b/link3'));
  symlinkSync('nowhere', join(folder, 'real/dangling'));
  symlinkSync('loop', join(folder, 'real/loop'));
  for (const path of ['link0/x', 'link0/a/b/c/x', 'real/link1/x', 'real/link1/b/c/x', 'real/a/link2/x'])
    await refuses(
      folder,
      fileTask(join(folder, path)),
      /has the symbolic link link\d on the way/,
      'bad-path',
    );
  for (const path of ['real/a/b/link3/x', 'real/dangling/x', 'real/loop/x'])
    await refuses(folder, fileTask(join(folder, path)), /has the symbolic link .* on the way/, 'bad-path');
});

test('only links that none but root can have put there are followed', requires('root'), async (t) => {
  // Not below /tmp, where everybody may write.
  const folder = mkdtempSync('/run/muster-test-');
  t.after(() => rmSync(folder, { recursive: true }));
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, 'real/deep'), { recursive: true });
  symlinkSync('real', join(folder, 'link'));
  symlinkSync(`${folder}/link/deep`, join(folder, 'absolute'));
  symlinkSync('link/../link/./deep//', join(folder, 'winding'));
  for (const name of ['link', 'absolute', 'winding', 'link/deep']) {
    const result = await bring(fileTask(join(folder, name, 'x')));
    assert.ok('changed' in result, JSON.stringify(result));
  }
  assert.deepEqual(readdirSync(join(folder, 'real')).sort(), ['deep', 'x']);

  const path = join(folder, 'link/y');
  const why = /not one that only root can have put there/;
  chmodSync(folder, 0o775);
  await refuses(folder, fileTask(path), why, 'bad-path');
  chmodSync(folder, 0o757);
  await refuses(folder, fileTask(path), why, 'bad-path');
  chmodSync(folder, 0o755);
  chownSync(folder, STRANGER, 0);
  await refuses(folder, fileTask(path), why, 'bad-path');
  chownSync(folder, 0, 0);
  unlinkSync(join(folder, 'link'));
  symlinkSync('real', join(folder, 'link'));
  execFileSync('chown', ['-h', String(STRANGER), join(folder, 'link')]);
  await refuses(folder, fileTask(path), why, 'bad-path');
  // A folder of root's in a folder of somebody else's can be exchanged as a whole.
  mkdirSync(join(folder, 'home/rooted/real'), { recursive: true });
  symlinkSync('real', join(folder, 'home/rooted/link'));
  chownSync(join(folder, 'home'), STRANGER, STRANGER);
  await refuses(folder, fileTask(join(folder, 'home/rooted/link/x')), why, 'bad-path');
});

test('the policy is asked for the place where links lead', requires('root'), async (t) => {
  const folder = mkdtempSync('/run/muster-test-');
  t.after(() => rmSync(folder, { recursive: true }));
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, 'kept'));
  mkdirSync(join(folder, 'app'));
  symlinkSync('../kept', join(folder, 'app/link'));
  const asked: string[] = [];
  const checkWrite = (path: string) => {
    asked.push(path);
    if (!path.startsWith(join(folder, 'app/'))) throw new MusterError('policy-denied', path);
  };
  const ports = portsOf({ checkWrite });
  for (const check of [true, false])
    assert.deepEqual(await bring(fileTask(join(folder, 'app/link/x')), { ports, check }), {
      code: 'policy-denied',
      message: `the agent's policy does not allow this: ${folder}/kept/x`,
    });
  assert.ok('changed' in (await bring(fileTask(join(folder, 'app/x')), { ports })));
  assert.deepEqual(asked, [`${folder}/kept/x`, `${folder}/kept/x`, `${folder}/app/x`]);
  assert.deepEqual(readdirSync(join(folder, 'kept')), []);
});

test('a loop of root’s own links ends', requires('root'), async (t) => {
  const folder = mkdtempSync('/run/muster-test-');
  t.after(() => rmSync(folder, { recursive: true }));
  chmodSync(folder, 0o755);
  symlinkSync('b', join(folder, 'a'));
  symlinkSync('a', join(folder, 'b'));
  await refuses(folder, fileTask(join(folder, 'a/x')), /too many symbolic links/, 'bad-path');
});

test('a folder that is exchanged for a link all the time never leads elsewhere', async (t) => {
  const folder = temporaryFolder(t);
  const elsewhere = temporaryFolder(t);
  const [real, kept] = [join(folder, 'd'), join(folder, 'kept')];
  mkdirSync(real);
  let more = true;
  let swaps = 0;
  const swap = () => {
    if (!more) return;
    if (swaps++ % 2 === 0) {
      renameSync(real, kept);
      symlinkSync(elsewhere, real);
    } else {
      unlinkSync(real);
      renameSync(kept, real);
    }
    setImmediate(swap);
  };
  swap();
  let made = 0;
  for (let round = 0; round < 100; round++)
    if ('changed' in (await bring(fileTask(join(real, `${round}`))))) made += 1;
  more = false;
  assert.ok(made > 0 && made < 100 && swaps > 100, `${made} made, ${swaps} swaps`);
  assert.deepEqual(readdirSync(elsewhere), []);
});

test('what is no file, folder or link is never replaced, changed or removed', async (t) => {
  const folder = temporaryFolder(t);
  execFileSync('mkfifo', [join(folder, 'fifo')]);
  const server = createServer().listen(join(folder, 'socket'));
  t.after(() => server.close());
  await once(server, 'listening');
  for (const name of ['fifo', 'socket'])
    for (const more of [
      {},
      { mode: 0o644 },
      { state: 'absent' },
      { state: 'directory' },
      { state: 'link', target: 'x' },
    ] as const)
      await refuses(
        folder,
        fileTask(join(folder, name), more),
        new RegExp(`is a ${name}, which is never`),
        'bad-path',
      );
});

test('a device is not even opened', requires('root'), async (t) => {
  const folder = temporaryFolder(t);
  execFileSync('mknod', [join(folder, 'null'), 'c', '1', '3']);
  execFileSync('mknod', [join(folder, 'disk'), 'b', '259', '4095']);
  for (const name of ['null', 'disk'])
    for (const more of [{}, { mode: 0o666 }, { state: 'absent' }] as const)
      await refuses(folder, fileTask(join(folder, name), more), /is a device, which is never/, 'bad-path');
});

test('a folder is not replaced, and only an empty one is removed', async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, 'd'));
  writeFileSync(join(folder, 'd/f'), 'x');
  const path = join(folder, 'd');
  await refuses(folder, fileTask(path), /is a directory, and those are not replaced/, 'bad-path');
  await refuses(folder, fileTask(path, { state: 'link', target: 'f' }), /is a directory/, 'bad-path');
  await refuses(folder, fileTask(path, { state: 'absent' }), /only empty ones are removed/, 'bad-path');
  await refuses(folder, fileTask(join(path, 'f'), { state: 'directory' }), /is a file and not a directory/);
  symlinkSync('d', join(folder, 'l'));
  await refuses(folder, fileTask(join(folder, 'l'), { state: 'directory' }), /is a link and not a directory/);
  await refuses(folder, fileTask(join(path, 'f', 'x')), /f on the way is not a directory/);
});

test('the root is a directory and nothing else', async () => {
  for (const state of ['file', 'absent', 'link'] as const) {
    const result = await bring(fileTask('/', { state, target: state === 'link' ? 'x' : '' }));
    assert.ok('code' in result && result.code === 'bad-path', JSON.stringify(result));
  }
  assert.deepEqual(await bring(fileTask('/', { state: 'directory' })), { changed: false, lines: [] });
});

test('a setuid or setgid file gets new content, owner or kind only with a mode', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'su');
  for (const bits of [0o4755, 0o2755, 0o6755]) {
    writeFileSync(path, 'old');
    chmodSync(path, bits);
    await refuses(folder, fileTask(path), /setuid or setgid; say which mode/, 'bad-path');
    await refuses(folder, fileTask(path, { state: 'link', target: 'x' }), /setuid or setgid/, 'bad-path');
  }
  assert.ok('changed' in (await bring(fileTask(path, { mode: 0o755 }))));
  assert.equal(statSync(path).mode & 0o7777, 0o755);
  assert.ok('changed' in (await bring(fileTask(path, { mode: 0o4711 }))));
  assert.deepEqual(await bring(fileTask(path)), { changed: false, lines: [] });
});

test('setuid is not carried over to another owner', requires('root'), async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'su');
  writeFileSync(path, 'new\n');
  chmodSync(path, 0o4755);
  await refuses(folder, fileTask(path, { owner: String(STRANGER) }), /setuid or setgid/, 'bad-path');
  await bring(fileTask(path, { owner: String(STRANGER), mode: 0o4755 }));
  assert.deepEqual([statSync(path).uid, statSync(path).mode & 0o7777], [STRANGER, 0o4755]);
});

test('owner and group are set, and stay where they are not named', requires('root'), async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'f');
  const ids = () => [lstatSync(path).uid, lstatSync(path).gid];
  await bring(fileTask(path, { owner: 'daemon', group: String(STRANGER) }));
  const [daemon] = ids();
  assert.notEqual(daemon, 0);
  writeFileSync(path, 'old');
  assert.ok('changed' in (await bring(fileTask(path))));
  assert.deepEqual(ids(), [daemon, STRANGER]);
  assert.deepEqual(await bring(fileTask(path, { owner: 'root', group: 'root' })), {
    changed: true,
    lines: [`${path}: owner ${daemon} → 0, group ${STRANGER} → 0`],
  });
});

test('a stranger’s file in a folder of everybody’s is not filled for him', requires('root'), async (t) => {
  const folder = temporaryFolder(t);
  chmodSync(folder, 0o1777);
  const path = join(folder, 'secret');
  writeFileSync(path, '');
  chownSync(path, STRANGER, STRANGER);
  await refuses(
    folder,
    fileTask(path),
    /belongs to user 12345, in a folder that everybody may write/,
    'bad-path',
  );
  assert.ok('changed' in (await bring(fileTask(path, { owner: 'root' }))));
  assert.equal(statSync(path).uid, 0);
});

test('a file that is taken over is none that its owner may still have open', requires('root'), async (t) => {
  const path = join(temporaryFolder(t), 'f');
  writeFileSync(path, 'new\n');
  chownSync(path, STRANGER, STRANGER);
  const theirs = openSync(path, 'r+');
  t.after(() => closeSync(theirs));
  assert.ok('changed' in (await bring(fileTask(path, { owner: 'root' }))));
  writeSync(theirs, 'bad\n', 0);
  assert.deepEqual([statSync(path).uid, readFileSync(path, 'utf8')], [0, 'new\n']);
});

test(
  'a hard link to a file elsewhere does not let its owner or mode be changed',
  requires('root'),
  async (t) => {
    const folder = temporaryFolder(t);
    const secret = join(folder, 'shadow');
    writeFileSync(secret, 'new\n', { mode: 0o600 });
    mkdirSync(join(folder, 'home'));
    linkSync(secret, join(folder, 'home/f'));
    const task = fileTask(join(folder, 'home/f'), { owner: String(STRANGER), mode: 0o644 });
    assert.ok('changed' in (await bring(task)));
    assert.deepEqual([statSync(secret).uid, statSync(secret).mode & 0o777], [0, 0o600]);
  },
);

/** A file system of its own, unmounted with the test. */
function mounted(t: TestContext, ...options: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'muster-test-'));
  execFileSync('mount', ['-t', 'tmpfs', ...options, 'muster-test', folder]);
  t.after(() => {
    execFileSync('umount', ['-R', folder]);
    rmSync(folder, { recursive: true });
  });
  return folder;
}

test(
  'a full disk is a failure that says so, and leaves what was there',
  requires('root', 'mount'),
  async (t) => {
    const folder = mounted(t, '-o', 'size=64k');
    const path = join(folder, 'f');
    writeFileSync(path, 'old');
    const large = fileTask(path, { inline: new Uint8Array(100_000) });
    const result = await bring(large);
    assert.ok(
      'message' in result && /no space: it takes 100000 bytes, and \d+ are free/.test(result.message),
    );
    // What only shows while it is written: a file system that does not know what a write takes.
    writeFileSync(join(folder, 'filler'), new Uint8Array(40_000));
    let isFirst = true;
    const fetch = async () => {
      if (isFirst) writeFileSync(join(folder, 'more'), new Uint8Array(12_000));
      isFirst = false;
      return { path: source, release: () => {} };
    };
    const source = join(temporaryFolder(t), 'source');
    writeFileSync(source, new Uint8Array(16_000));
    const content = { sha512: sha512(new Uint8Array(16_000)), length: 16_000, key: new Uint8Array(32) };
    const late = await bring(fileTask(path, { inline: new Uint8Array(0), content }), {
      ports: portsOf({ contents: { fetch } }),
    });
    assert.ok(
      'message' in late && late.message.includes('no space is left on the file system'),
      JSON.stringify(late),
    );
    assert.deepEqual(
      [readFileSync(path, 'utf8'), readdirSync(folder).sort()],
      ['old', ['f', 'filler', 'more']],
    );
  },
);

test(
  'a read-only file system and a mount point are failures that say so',
  requires('root', 'mount'),
  async (t) => {
    const folder = mounted(t);
    mkdirSync(join(folder, 'ro'));
    writeFileSync(join(folder, 'f'), 'old');
    writeFileSync(join(folder, 'over'), 'over');
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'muster-test', join(folder, 'ro')]);
    execFileSync('mount', ['--bind', join(folder, 'over'), join(folder, 'f')]);
    for (const [path, more, message] of [
      ['ro/f', {}, /the file system is read-only/],
      ['ro', { state: 'absent' }, /it is a mount point/],
      ['f', {}, /it is a mount point/],
      ['f', { state: 'absent' }, /it is a mount point/],
    ] as const) {
      const result = await bring(fileTask(join(folder, path), more));
      assert.ok('message' in result && message.test(result.message), JSON.stringify(result));
    }
    assert.deepEqual(readdirSync(folder).sort(), ['f', 'over', 'ro']);
  },
);

test('an immutable file or folder is a failure that says so', requires('root', 'chattr'), async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, 'd'));
  const [file, inFolder] = [join(folder, 'f'), join(folder, 'd/f')];
  writeFileSync(file, 'old');
  try {
    execFileSync('chattr', ['+i', file, join(folder, 'd')], { stdio: 'ignore' });
  } catch {
    return t.diagnostic('this file system has no immutable files');
  }
  try {
    for (const task of [fileTask(file), fileTask(file, { state: 'absent' }), fileTask(inFolder)]) {
      const result = await bring(task);
      assert.ok(
        'message' in result && result.message.includes('it may be immutable'),
        JSON.stringify(result),
      );
    }
  } finally {
    execFileSync('chattr', ['-i', file, join(folder, 'd')]);
  }
  assert.deepEqual([readdirSync(folder).sort(), readdirSync(join(folder, 'd'))], [['d', 'f'], []]);
});

test('without descriptors a task fails, says so and leaves nothing', { timeout: 20_000 }, async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'f'), 'old');
  const script = join(import.meta.dirname, 'fixtures', 'few-descriptors.ts');
  const out = execFileSync(process.execPath, [script, folder], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const results = out.trim().split('\n');
  assert.ok(results.length > 3);
  for (const line of results) assert.match(line, /no file descriptor left|changed/);
  assert.match(results.at(-1) ?? '', /changed/);
  assert.deepEqual(readdirSync(folder).sort(), ['f']);
  assert.equal(readFileSync(join(folder, 'f'), 'utf8'), 'new\n');
});

test('an agent that is killed while it writes leaves the old or the new, and the next one clears away', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'f');
  const script = join(import.meta.dirname, 'fixtures', 'rewrite.ts');
  const contents = ['a', 'b'].map((letter) => letter.repeat(3_000_000));
  writeFileSync(path, contents[0] ?? '');
  let leftovers = 0;
  for (let round = 0; round < 6; round++) {
    const child = spawn(process.execPath, [script, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    const gone = new Promise((resolve) => child.once('exit', resolve));
    await until('it writes', () => readdirSync(folder).length > 1);
    child.kill('SIGKILL');
    await gone;
    assert.ok(contents.includes(readFileSync(path, 'latin1')), 'torn');
    leftovers += readdirSync(folder).length - 1;
  }
  assert.ok(leftovers > 0);
  await bring(fileTask(join(folder, 'other')));
  assert.deepEqual(readdirSync(folder).sort(), ['f', 'other']);
});

test('what others named like something of ours is not swept away', requires('root'), async (t) => {
  const folder = temporaryFolder(t);
  for (const name of ['.muster-other-0', '.muster-test', '.muster-test-theirs'])
    writeFileSync(join(folder, name), '');
  mkdirSync(join(folder, '.muster-test-full'));
  writeFileSync(join(folder, '.muster-test-full/x'), '');
  chownSync(join(folder, '.muster-test-theirs'), STRANGER, STRANGER);
  writeFileSync(join(folder, '.muster-test-7'), '');
  await bring(fileTask(join(folder, 'f')));
  assert.deepEqual(readdirSync(folder).sort(), [
    '.muster-other-0',
    '.muster-test',
    '.muster-test-full',
    '.muster-test-theirs',
    'f',
  ]);
});

test('what takes the name of a file that is being written does not pass for it', async (t) => {
  const folder = temporaryFolder(t);
  const source = join(temporaryFolder(t), 'source');
  writeFileSync(source, 'new\n');
  const fetch = async () => {
    const [name = ''] = readdirSync(folder);
    renameSync(join(folder, name), join(folder, 'stolen'));
    writeFileSync(join(folder, name), 'evil');
    return { path: source, release: () => {} };
  };
  const content = { sha512: sha512(Buffer.from('new\n')), length: 4, key: new Uint8Array(32) };
  const task = fileTask(join(folder, 'f'), { inline: new Uint8Array(0), content });
  const result = await bring(task, { ports: portsOf({ contents: { fetch } }) });
  assert.ok('code' in result && result.code === 'bad-path', JSON.stringify(result));
  assert.match(result.message, /was exchanged by somebody while it was written/);
});

test('a file that is always being exchanged is written or refused, and never torn', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'f');
  const secret = join(temporaryFolder(t), 'secret');
  writeFileSync(secret, 'secret');
  chmodSync(secret, 0o600);
  let more = true;
  const makers = [
    () => symlinkSync(secret, path),
    () => writeFileSync(path, 'other'),
    () => mkdirSync(path),
    () => linkSync(secret, path),
  ];
  let turn = 0;
  const swap = () => {
    if (!more) return;
    try {
      rmSync(path, { recursive: true, force: true });
      makers[turn++ % makers.length]?.();
    } catch {
      // The task was faster.
    }
    setImmediate(swap);
  };
  swap();
  for (let round = 0; round < 30; round++) await bring(fileTask(path, { mode: 0o644 }));
  more = false;
  assert.deepEqual([readFileSync(secret, 'utf8'), statSync(secret).mode & 0o777], ['secret', 0o600]);
  assert.deepEqual(
    readdirSync(folder).filter((name) => name !== 'f'),
    [],
  );
});

test('descriptors are given back, whatever became of the task', async (t) => {
  const folder = temporaryFolder(t);
  symlinkSync('x', join(folder, 'l'));
  mkdirSync(join(folder, 'd'));
  const open = () => readdirSync('/proc/self/fd').length;
  const tasks = [
    fileTask(join(folder, 'f')),
    fileTask(join(folder, 'l/x')),
    fileTask(join(folder, 'd')),
    fileTask(join(folder, 'no/f')),
  ];
  for (const task of tasks) await bring(task);
  const before = open();
  for (let round = 0; round < 20; round++) for (const task of tasks) await bring(task);
  assert.equal(open(), before);
});
