import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runProgram } from '../../../../controller/installer/builds/processes.ts';
import { systemClock } from '../../../../proto/system.ts';

const OPTIONS = {
  ...{ env: { PATH: process.env.PATH }, cwd: '/', clock: systemClock, maxMs: 10_000 },
  signal: new AbortController().signal,
};

test('a program that makes a build does not hear Ctrl-C of the terminal: it leads a session of its own', async () => {
  // The sixth field of stat is the session (proc(5)); a shell's name has no blank in it.
  await runProgram('sh', ['-c', 'set -- $$ $(cat /proc/$$/stat); [ "$7" = "$1" ]'], OPTIONS);
});

test('one that fails says so, with its last words; one that is not there has a code', async () => {
  await assert.rejects(
    runProgram('sh', ['-c', 'echo no such thing >&2; exit 3'], OPTIONS),
    /status 3: no such thing/,
  );
  await assert.rejects(runProgram('no-such-program', [], OPTIONS), { code: 'ENOENT' });
});

test('one that is ended, or takes too long, ends with all that it started', async () => {
  const waiting = ['-c', 'sleep 600 & sleep 600'];
  const controller = new AbortController();
  const ended = assert.rejects(
    runProgram('sh', waiting, { ...OPTIONS, signal: controller.signal }),
    /sh ended with SIGKILL/,
  );
  controller.abort();
  await ended;
  // Its standard error is closed by whoever is the last to have it.
  await assert.rejects(runProgram('sh', waiting, { ...OPTIONS, maxMs: 1 }), /sh ended with SIGKILL/);
});
