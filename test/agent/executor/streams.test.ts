import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fixture, machine, shell, textOf, until, written } from './machine.ts';

test('both streams are kept byte for byte: NUL, bad UTF-8, no newline', async (t) => {
  const m = await machine(t);
  const { result, stdout, stderr } = await m.carryOut(fixture('bytes.sh'));
  assert.equal(stdout, '\0\x01\xff\xfehalf\xc3');
  assert.equal(stderr, '\x80err\0');
  const { output } = result;
  assert.deepEqual(
    [output.length, output.stdoutLength, output.stderrLength, output.stored, output.truncated, output.gaps],
    [14, 9, 5, 14, false, []],
  );
});

test('the digest is of what was kept, in order of position', async (t) => {
  const m = await machine(t);
  const { run, result, stdout, stderr } = await m.carryOut(fixture('dribble.sh'));
  assert.equal(stdout, '123456789');
  assert.equal(stderr, 'eeeeeeeee');
  const segments = run.output.read(0, 100);
  const all = Buffer.concat(segments.map((segment) => segment.data));
  assert.deepEqual(Buffer.from(result.output.sha512), createHash('sha512').update(all).digest());
  let position = 0;
  for (const segment of segments) {
    assert.equal(segment.position, position);
    position += segment.data.length;
  }
});

test('output arrives while the command runs', async (t) => {
  const m = await machine(t);
  const { run } = await m.start(shell('echo one; exec sleep 60'));
  await written(run, 'one\n');
  run.terminate('cancel');
  assert.equal((await run.done).state, 'cancelled');
});

test('stdin is what the task brings, or empty', async (t) => {
  const m = await machine(t);
  assert.equal((await m.carryOut(shell('cat', 'a\0\xffb'))).stdout, 'a\0\xffb');
  assert.equal((await m.carryOut(shell('cat; echo end'))).stdout, 'end\n');
  const long = 'x'.repeat(700_000);
  assert.equal((await m.carryOut(shell('wc -c', long))).stdout.trim(), '700000');
});

test('fifty megabytes pass through a small cap: an exact prefix, the true length, little memory', async (t) => {
  const m = await machine(t);
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  const line = 'yes 0123456789abcde | head -c 52428800; echo end >&2';
  const { run, result } = await m.carryOut(shell(line), { outputCapBytes: 100_000 });
  assert.equal(result.output.stdoutLength, 52_428_800);
  assert.equal(result.output.stored, 100_000);
  assert.equal(result.output.truncated, true);
  const prefix = '0123456789abcde\n'.repeat(6250);
  assert.equal(textOf(run, 'stdout'), prefix);
  assert.deepEqual(Buffer.from(result.output.sha512), createHash('sha512').update(prefix).digest());
  const grown = process.memoryUsage().rss - before;
  assert.ok(grown < 30 * 1024 * 1024, `memory grew by ${grown} bytes`);
});

test('a paused reader blocks the program, and resuming loses nothing', async (t) => {
  const m = await machine(t);
  const filled = join(m.folder, 'filled');
  const line = `head -c 60000 /dev/zero; touch '${filled}'; head -c 1000000 /dev/zero`;
  const { run } = await m.start(shell(line), { outputCapBytes: 2_000_000 });
  run.pause();
  await until(() => existsSync(filled), 'the program writes into its pipe');
  assert.equal(run.output.length, 0);
  run.resume();
  const result = await run.done;
  assert.equal(result.state, 'succeeded');
  assert.equal(result.output.stdoutLength, 1_060_000);
});

test('a child left behind that holds stdout does not hold the run', async (t) => {
  const m = await machine(t);
  const { result, stdout } = await m.carryOut(fixture('holder.sh'));
  assert.equal(result.state, 'succeeded');
  assert.equal(stdout, 'left behind\n');
  assert.equal(result.tasks[0]?.outputHeld, true);
  const clean = await m.carryOut(shell('echo done'));
  assert.equal(clean.result.tasks[0]?.outputHeld, undefined);
});
