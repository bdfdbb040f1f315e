import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { orderLine, parseEnding, quote, SHIM as REAL_SHIM, SHIM_ARGV } from '../../../agent/executor/shim.ts';

/** Without an agent it would hold the pipes for the next one. */
const SHIM = REAL_SHIM.replace('exec sleep 86400', 'exit');
assert.notEqual(SHIM, REAL_SHIM);

test('the end of a command is read from what the shim wrote', () => {
  assert.deepEqual(parseEnding('start\nexit 0\n', undefined), { kind: 'exited', exitCode: 0 });
  assert.deepEqual(parseEnding('start\nexit 3\n', undefined), { kind: 'exited', exitCode: 3 });
  assert.deepEqual(parseEnding('start\nexit 143\n', undefined), { kind: 'exited', exitCode: 143 });
  assert.deepEqual(parseEnding('start\nexit 255\n', undefined), { kind: 'exited', exitCode: 255 });
  assert.deepEqual(parseEnding('start\nTerminated\nexit 143\n', undefined), {
    kind: 'signalled',
    signal: 'SIGTERM',
  });
  assert.deepEqual(parseEnding('start\nmain: line 4: 71 Killed   ( cd "$1" )\nexit 137\n', undefined), {
    kind: 'signalled',
    signal: 'SIGKILL',
  });
  assert.equal(parseEnding('start\nReal-time signal 0\nexit 162\n', undefined).kind, 'signalled');
});

test('an end without its newline was not committed', () => {
  for (const text of ['start\n', 'start\nexit 1', 'start\nexit ', 'start\nTerminated\n'])
    assert.equal(parseEnding(text, undefined).kind, 'unknown', JSON.stringify(text));
  const killed = parseEnding('start\n', 'SIGKILL');
  assert.ok(killed.kind === 'unknown' && killed.reason.includes('was killed by SIGKILL'));
});

test('without the word start nothing was started, and the shell’s complaint is the reason', () => {
  const ending = parseEnding('sh: 3: cannot create out\n', undefined);
  assert.deepEqual(ending, {
    kind: 'not-started',
    reason: 'the command could not be started: sh: 3: cannot create out',
  });
  assert.equal(parseEnding('', 'SIGKILL').kind, 'not-started');
  assert.equal(parseEnding('start\nsh: 3: cannot open in\nexit 2\n', undefined).kind, 'not-started');
});

const SHELLS = ['/bin/dash', '/bin/bash', '/bin/busybox'].filter((path) => existsSync(path));

test('an order that was cut anywhere starts nothing', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'muster-shim-'));
  t.after(() => rmSync(folder, { recursive: true }));
  spawnSync('mkfifo', ['out', 'err'], { cwd: folder });
  const proof = join(folder, 'proof');
  const argv = ['touch', proof, join(folder, "it's")];
  const line = orderLine({ cwd: folder, input: '/dev/null', env: { A: "b'\n" }, argv });
  for (const shell of SHELLS) {
    const [program = '', ...args] = shell.endsWith('busybox') ? [shell, 'sh'] : [shell];
    const feed = (input: string) => spawnSync(program, [...args, ...SHIM_ARGV], { cwd: folder, input });
    // The last two bytes close the braces and end the line; before them the command would be whole, but for a word.
    for (let length = 0; length <= line.length - 2; length += length < line.length - 40 ? 13 : 1)
      feed(SHIM + line.slice(0, length));
    assert.equal(existsSync(proof), false, shell);
    feed(SHIM + line);
    assert.equal(existsSync(proof), true, shell);
    rmSync(proof);
  }
});

test('where the start cannot be written down, nothing is started', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'muster-shim-'));
  t.after(() => rmSync(folder, { recursive: true }));
  spawnSync('mkfifo', ['out', 'err'], { cwd: folder });
  symlinkSync('/dev/full', join(folder, 'exit'));
  const line = orderLine({ cwd: folder, input: '/dev/null', env: {}, argv: ['touch', 'proof'] });
  for (const shell of SHELLS) {
    const [program = '', ...args] = shell.endsWith('busybox') ? [shell, 'sh'] : [shell];
    const { status } = spawnSync(program, [...args, ...SHIM_ARGV], { cwd: folder, input: SHIM + line });
    assert.equal(status, 125, shell);
    assert.equal(existsSync(join(folder, 'proof')), false, shell);
  }
});

test('every byte but NUL survives quoting in every shell', () => {
  let all = '';
  for (let code = 1; code < 128; code++) all += String.fromCharCode(code);
  all += "üéñ中\u{1f600}''\\'";
  for (const shell of SHELLS) {
    const [program = '', ...args] = shell.endsWith('busybox') ? [shell, 'sh'] : [shell];
    const { stdout } = spawnSync(program, [...args, '-s'], { input: `printf %s ${quote(all)}` });
    assert.equal(stdout.toString(), all, shell);
  }
});
