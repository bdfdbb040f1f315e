import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { localAccounts } from '../../../agent/executor/account.ts';
import { localPrograms } from '../../../agent/executor/program.ts';
import { command, machine, script, shell, specOf, survivors } from './machine.ts';

const USER = 'nobody';
const account = await localAccounts().find(USER);
const setpriv = 'path' in localPrograms.find('setpriv', process.env.PATH ?? '', '/');
const skip =
  process.getuid?.() !== 0
    ? 'needs root'
    : !account
      ? `needs the user ${USER}`
      : !setpriv
        ? 'needs setpriv (package util-linux)'
        : false;

test('a command runs as the ordered user, with its groups and without capabilities', { skip }, async (t) => {
  const m = await machine(t);
  const line =
    'id -u; id -g; id -G; grep -E "^Cap(Inh|Prm|Eff)" /proc/self/status; echo "$HOME $USER $SHELL"; pwd';
  const { result, stdout } = await m.carryOut(shell(line), { user: USER, cwd: '' });
  assert.equal(result.state, 'succeeded');
  const [uid, gid, groups, inherited, permitted, effective, names, cwd] = stdout.split('\n');
  assert.deepEqual([uid, gid], [String(account?.uid), String(account?.gid)]);
  assert.equal(groups, String(account?.gid));
  for (const capabilities of [inherited, permitted, effective]) assert.match(capabilities ?? '', /\s0+$/);
  assert.equal(names, `${account?.home} ${USER} ${account?.shell}`);
  assert.equal(cwd, localPrograms.isDirectory(account?.home ?? '') ? account?.home : '/');
});

test('a script, stdin and /dev/stdout are open to the ordered user, and the run folder is not', {
  skip,
}, async (t) => {
  const m = await machine(t);
  const content = 'cat; echo out > /dev/stdout; echo err > /dev/stderr; ls "$(dirname "$0")"; echo x > "$0"';
  const { stdout, stderr, result } = await m.carryOut(script(content, [], 'in\n'), { user: USER });
  assert.equal(stdout, 'in\nout\n');
  assert.match(stderr, /^err\n/);
  assert.equal(stderr.match(/ermission denied/g)?.length, 2);
  assert.equal(result.state, 'failed');
});

test('the order’s environment reaches a command of another user', { skip }, async (t) => {
  const m = await machine(t);
  const { stdout } = await m.carryOut(command('printenv', 'GREETING'), {
    user: USER,
    env: { GREETING: 'hi' },
  });
  assert.equal(stdout, 'hi\n');
});

test('another user’s process tree is ended as well', { skip }, async (t) => {
  const m = await machine(t);
  const { result, jobId } = await m.carryOut(shell('trap "" TERM; setsid sleep 60 & sleep 60'), {
    user: USER,
    timeoutMs: 200,
    killGraceMs: 200,
  });
  assert.equal(result.state, 'timed-out');
  assert.equal(result.tasks[0]?.signal, 'SIGKILL');
  assert.deepEqual(survivors(jobId), []);
});

test('a user that does not exist is refused before anything starts', async (t) => {
  const m = await machine(t);
  await assert.rejects(m.executor.check(specOf(shell('true'), { user: 'no-such-user-here' })), {
    code: 'no-such-user',
  });
});

test('a script and variables reach the ordered user also when a folder above the spool keeps others out', {
  skip,
}, async (t) => {
  const m = await machine(t);
  chmodSync(dirname(m.spoolDir), 0o700);
  const { stdout } = await m.carryOut(script('#!/bin/sh\necho "$GREETING $1"', ['there']), {
    user: USER,
    env: { GREETING: 'hi' },
  });
  assert.equal(stdout, 'hi there\n');
});
