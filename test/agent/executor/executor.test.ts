import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { RunResult } from '../../../agent/executor/run.ts';
import {
  beginning,
  command,
  fixture,
  machine,
  script,
  shell,
  specOf,
  textOf,
  until,
  written,
} from './machine.ts';

const ended = (result: RunResult) =>
  result.tasks.map(({ state, exitCode, signal }) => ({ state, exitCode, signal }));
const SKIPPED = { state: 'skipped', exitCode: undefined, signal: undefined };

test('a command gets its arguments as they are, with no shell between', async (t) => {
  const m = await machine(t);
  const words = [
    '',
    ' ',
    "it's",
    '"',
    '$HOME',
    '`id`',
    '*',
    'a\nb',
    '\\',
    '-n',
    'ü\u{1f600}',
    "'\\''",
    '\x01\x7f',
  ];
  const { result, run } = await m.carryOut(command('printf', '%s\\0', ...words));
  assert.equal(result.state, 'succeeded');
  assert.equal(
    Buffer.from(textOf(run, 'stdout'), 'latin1').toString(),
    words.map((word) => `${word}\0`).join(''),
  );
});

test('exit statuses are told apart from deaths by a signal', async (t) => {
  const m = await machine(t);
  for (const code of [1, 2, 125, 126, 127, 128, 137, 143, 255]) {
    const { result } = await m.carryOut(shell(`exit ${code}`));
    assert.deepEqual(ended(result), [{ state: 'failed', exitCode: code, signal: undefined }], `exit ${code}`);
  }
  for (const name of ['TERM', 'KILL', 'SEGV', 'HUP', 'ABRT', 'USR1']) {
    const { result } = await m.carryOut(shell(`ulimit -c 0; kill -${name} $$`));
    assert.deepEqual(ended(result), [{ state: 'failed', exitCode: undefined, signal: `SIG${name}` }], name);
  }
});

test('where a shell cannot tell a status from a signal, the result says so', async (t) => {
  const m = await machine(t);
  const { result } = await m.carryOut(shell('kill -INT $$'));
  assert.deepEqual(ended(result), [{ state: 'failed', exitCode: 130, signal: undefined }]);
  assert.match(result.reason ?? '', /exit status 130: .*SIGINT/);
});

test('a line of a quarter of a megabyte reaches the shell whole', async (t) => {
  const m = await machine(t);
  const word = "'quoted' ".repeat(12_000);
  const { stdout } = await m.carryOut(command('printf', '%s', word, word));
  assert.equal(stdout, word + word);
});

test('the order’s variables reach the command as they are, by a file for its account alone', async (t) => {
  const m = await machine(t);
  const env = { SECRET: `it's\n$HOME \\ ${'x'.repeat(100_000)}`, UID: '7', 'a.b': 'c' };
  const line = 'stat -c "%a %u" "$(dirname "$0")/env"; exec env -0';
  const { stdout } = await m.carryOut(script(line), { env });
  const [mode, ...rest] = stdout.split('\n');
  assert.equal(mode, `400 ${process.getuid?.()}`);
  const found = rest.join('\n').split('\0');
  for (const [name, value] of Object.entries(env))
    if (name !== 'a.b') assert.ok(found.includes(`${name}=${value}`), name);
});

test('the environment is clean: nothing of the agent, all of the order, and none of Muster’s names from it', async (t) => {
  const m = await machine(t);
  process.env.MUSTER_TEST_LEAK = 'leaked';
  t.after(() => {
    delete process.env.MUSTER_TEST_LEAK;
  });
  const spec = specOf(command('env', '-0'), {
    env: { FOO: "it's\n$HOME", PATH: '/bin:/usr/bin', 'dotted.name': 'x', MUSTER_JOB: 'forged' },
  });
  const run = m.executor.start(await m.executor.check(spec), beginning());
  await run.done;
  const env = Object.fromEntries(
    textOf(run, 'stdout')
      .split('\0')
      .filter(Boolean)
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  // What a shell sets by itself when it starts.
  for (const name of ['SHLVL', '_']) delete env[name];
  assert.deepEqual(Object.keys(env).sort(), [
    'FOO',
    'HOME',
    'LANG',
    'LOGNAME',
    'MUSTER_ATTEMPT',
    'MUSTER_JOB',
    'PATH',
    'PWD',
    'SHELL',
    'USER',
    'dotted.name',
  ]);
  assert.equal(env.FOO, "it's\n$HOME");
  assert.equal(env.PATH, '/bin:/usr/bin');
  assert.equal(env.HOME, homedir());
  assert.equal(env.MUSTER_JOB, spec.jobId);
  assert.equal(env.MUSTER_ATTEMPT, '1');
});

test('a command has three descriptors, default signals and a sane umask', async (t) => {
  const m = await machine(t);
  const { stdout } = await m.carryOut(
    shell('umask; ulimit -S -n; ls /proc/self/fd; grep -E "^Sig(Blk|Ign)" /proc/self/status'),
  );
  const [umask, files, ...rest] = stdout.split('\n').filter(Boolean);
  assert.equal(umask, '0022');
  assert.equal(files, '1024');
  // 3 is the folder that ls itself reads; the runner of the tests may leave others open to everybody.
  const inherited = readdirSync('/proc/self/fd').filter((fd) => Number(fd) > 100);
  assert.deepEqual(
    rest.filter((line) => /^\d+$/.test(line) && !inherited.includes(line) && Number(line) < 10),
    ['0', '1', '2', '3'],
  );
  for (const line of rest.filter((line) => line.startsWith('Sig')))
    assert.match(line, /^Sig(Blk|Ign):\s+0+$/);
});

test('the working directory is the ordered one, else the home', async (t) => {
  const m = await machine(t);
  const odd = join(m.folder, "a 'dir");
  mkdirSync(odd);
  assert.equal((await m.carryOut(command('pwd'), { cwd: odd })).stdout, `${odd}\n`);
  assert.equal((await m.carryOut(command('pwd'), { cwd: '' })).stdout, `${homedir()}\n`);
});

test('a command that is not there is found out before anything starts', async (t) => {
  const m = await machine(t);
  const { result } = await m.carryOut(command('no-such-command-here', 'x'));
  assert.deepEqual(ended(result), [{ state: 'failed', exitCode: 127, signal: undefined }]);
  assert.equal(result.reason, 'command not found: no-such-command-here');
  const plain = join(m.folder, 'plain');
  writeFileSync(plain, 'echo hi');
  const refused = await m.carryOut(command(plain));
  assert.deepEqual(ended(refused.result), [{ state: 'failed', exitCode: 126, signal: undefined }]);
  assert.equal(refused.result.reason, `command not executable: ${plain}`);
  assert.deepEqual(
    readdirSync(m.spoolDir).filter((name) => !name.startsWith('spare-')),
    [],
  );
});

test('a command whose name begins with a dash or holds an equals sign is still a command', async (t) => {
  const m = await machine(t);
  for (const name of ['-c', 'A=b']) {
    writeFileSync(join(m.folder, name), '#!/bin/sh\necho "$MARK:$1"');
    chmodSync(join(m.folder, name), 0o755);
    const env = { PATH: `${m.folder}:/bin:/usr/bin`, MARK: 'm' };
    assert.equal((await m.carryOut(command(name, 'arg'), { env })).stdout, 'm:arg\n', name);
  }
});

test('a name that is also a word of the shell is the program', async (t) => {
  const m = await machine(t);
  assert.equal((await m.carryOut(command('kill', '--version'))).result.state, 'succeeded');
  const { result } = await m.carryOut(command('exit', '3'));
  assert.equal(result.reason, 'command not found: exit');
});

test('a shell line may begin with a dash', async (t) => {
  const m = await machine(t);
  const { result, stderr } = await m.carryOut(shell('-x'));
  assert.equal(result.tasks[0]?.exitCode, 127);
  assert.match(stderr, /-x.*not found/);
});

test('a script runs under the interpreter of its first line, with its arguments and stdin', async (t) => {
  const m = await machine(t);
  const plain = await m.carryOut(script('echo "sh: $1, $2"; cat', ['a b', '*'], 'in'));
  assert.equal(plain.stdout, 'sh: a b, *\nin');
  const strict = await m.carryOut(script('#! /bin/sh -e \nfalse\necho no'));
  assert.deepEqual([strict.result.tasks[0]?.exitCode, strict.stdout], [1, '']);
  const perl = await m.carryOut(script('#!/usr/bin/env perl\nprint "perl @ARGV";', ['x']));
  assert.equal(perl.stdout, 'perl x');
});

test('a script whose interpreter is missing, or that has Windows line ends, says so', async (t) => {
  const m = await machine(t);
  const missing = await m.carryOut(script('#!/no/such/interpreter\n'));
  assert.equal(missing.result.tasks[0]?.exitCode, 127);
  assert.equal(missing.result.reason, 'interpreter not found: /no/such/interpreter');
  const windows = await m.carryOut(script('#!/bin/sh\r\necho hi\r\n'));
  assert.equal(windows.result.state, 'failed');
  assert.match(windows.result.reason ?? '', /Windows line ends/);
});

test('tasks run in order and stop at the first that fails', async (t) => {
  const m = await machine(t);
  const { result, stdout } = await m.carryOut([
    shell('echo one'),
    shell('echo two; exit 3'),
    shell('echo three'),
    shell('echo four'),
  ]);
  assert.equal(stdout, 'one\ntwo\n');
  assert.equal(result.state, 'failed');
  assert.deepEqual(ended(result), [
    { state: 'succeeded', exitCode: 0, signal: undefined },
    { state: 'failed', exitCode: 3, signal: undefined },
    SKIPPED,
    SKIPPED,
  ]);
  assert.deepEqual(
    result.tasks.map((task) => [task.outputFrom, task.outputTo]),
    [
      [0, 4],
      [4, 8],
      [8, 8],
      [8, 8],
    ],
  );
});

test('an attempt is started once: its folder is in the way of a second start', async (t) => {
  const m = await machine(t);
  const oracle = join(m.folder, 'oracle');
  const spec = specOf(shell(`echo ran >> '${oracle}'; wc -l < '${oracle}'`));
  const checked = await m.executor.check(spec);
  assert.equal((await m.executor.start(checked, beginning()).done).state, 'succeeded');
  const again = m.executor.start(checked, beginning());
  const result = await again.done;
  assert.equal(result.state, 'failed');
  assert.match(result.reason ?? '', /could not be started: ENOTEMPTY/);
  assert.equal((await m.carryOut(command('cat', oracle))).stdout, 'ran\n');
});

test('disposing of a run removes all of its folders', async (t) => {
  const m = await machine(t);
  const { run, jobId } = await m.carryOut([shell('head -c 200000 /dev/zero'), shell('true')], {
    outputCapBytes: 200_000,
  });
  assert.ok(existsSync(join(m.spoolDir, `${jobId}-1.log`)));
  assert.ok(existsSync(join(m.spoolDir, `${jobId}-1-1`)));
  await run.dispose();
  assert.deepEqual(
    readdirSync(m.spoolDir).filter((name) => name.startsWith(jobId)),
    [],
  );
});

test('a command lives on when the executor stops, and records its own end', async (t) => {
  const m = await machine(t);
  const flag = join(m.folder, 'flag');
  const line = `echo ready; while [ ! -e '${flag}' ]; do sleep 0.02; done; head -c 300 /dev/zero; exit 5`;
  const { run, jobId } = await m.start(shell(line));
  await written(run, 'ready\n');
  m.executor.stop();
  let settled = false;
  void run.done.then(() => {
    settled = true;
  });
  writeFileSync(flag, '');
  const folder = join(m.spoolDir, `${jobId}-1-0`);
  await until(
    () => readFileSync(join(folder, 'exit'), 'utf8') === 'start\nexit 5\n',
    'the shim records the end',
  );
  assert.equal(settled, false);
  assert.throws(() => m.executor.start({} as never, beginning()), { code: 'agent-stopping' });
});

for (const path of ['/bin/dash', '/bin/bash', '/bin/busybox']) {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const there = existsSync(path);
  test(`${name} serves as the shell that watches a command`, {
    skip: there ? false : `needs ${name}`,
  }, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'muster-shell-'));
    t.after(() => rmSync(folder, { recursive: true }));
    symlinkSync(path, join(folder, 'sh'));
    const m = await machine(t, { shell: join(folder, 'sh') });
    assert.equal((await m.carryOut(command('printf', '%s', "it's\n"))).stdout, "it's\n");
    const endings = await m.carryOut(shell('exit 143'));
    assert.deepEqual(ended(endings.result), [{ state: 'failed', exitCode: 143, signal: undefined }]);
    for (const signal of ['TERM', 'KILL', 'HUP', 'USR1']) {
      const killed = await m.carryOut(shell(`kill -${signal} $$`));
      assert.deepEqual(ended(killed.result), [
        { state: 'failed', exitCode: undefined, signal: `SIG${signal}` },
      ]);
    }
    // It outlives what a command does to its whole group.
    const group = await m.carryOut(fixture('group.sh'));
    assert.deepEqual(ended(group.result), [{ state: 'failed', exitCode: 7, signal: undefined }]);
  });
}

test('a run is as nice as its order says, with all that it starts', async (t) => {
  const m = await machine(t);
  const { stdout } = await m.carryOut([shell('nice; (nice)'), command('nice')], { nice: 7 });
  assert.equal(stdout, '7\n7\n7\n');
  assert.equal((await m.carryOut(command('nice'))).stdout, '0\n');
});
