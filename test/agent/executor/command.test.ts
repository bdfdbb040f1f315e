import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planCommand } from '../../../agent/executor/command.ts';
import type { Programs } from '../../../agent/executor/program.ts';
import type { CheckedRun, CommandTask, RunSpec } from '../../../agent/executor/run.ts';
import { command, script, shell, specOf } from './machine.ts';

const ALICE = { name: 'alice', uid: 1000, gid: 1001, home: '/home/alice', shell: '/bin/zsh' };
const EVERYTHING: Programs = {
  find: (name) => ({ path: `/found/${name}` }),
  isDirectory: () => true,
  isOpenToAll: () => true,
};

function plan(task: CommandTask, more: Partial<RunSpec> = {}, otherUser = false, programs = EVERYTHING) {
  const checked: CheckedRun = { spec: specOf(task, more), account: ALICE, otherUser, cwd: '/srv' };
  return planCommand(checked, task, '/spool/run', programs);
}

function argvOf(...of: Parameters<typeof plan>): readonly string[] {
  const planned = plan(...of);
  assert.ok('command' in planned);
  return planned.command.argv;
}

test('each kind of task becomes words for exec', () => {
  assert.deepEqual(argvOf(command('ls', '-l')), ['ls', '-l']);
  assert.deepEqual(argvOf(shell('a | b')), ['/bin/sh', '-c', '--', 'a | b']);
  assert.deepEqual(argvOf(script('#!/usr/bin/env python3 -u\n', ['x'])), [
    '/usr/bin/env',
    'python3 -u',
    '/spool/run/script',
    'x',
  ]);
});

test('a name that looks like an option or a variable is still the command', () => {
  assert.deepEqual(argvOf(command('-x', '-y')), ['/found/-x', '-y']);
  const env = { 'a.b': 'c' };
  assert.deepEqual(argvOf(command('c=d', 'e'), { env }), [
    'env',
    'a.b=c',
    '/bin/sh',
    '-c',
    'exec "$@"',
    'sh',
    'c=d',
    'e',
  ]);
});

test('the change of user comes first, and only behind it come the order’s variables', () => {
  const env = { LD_PRELOAD: '/tmp/x.so' };
  assert.deepEqual(argvOf(command('ls'), { env }, true), [
    'setpriv',
    '--reuid=1000',
    '--regid=1001',
    '--init-groups',
    '--inh-caps=-all',
    '--',
    '/bin/sh',
    '-c',
    '. /dev/fd/9; exec 9<&-; exec "$@"',
    'sh',
    'ls',
  ]);
  const planned = plan(command('ls'), { env }, true);
  assert.ok('command' in planned);
  assert.equal('LD_PRELOAD' in planned.command.env, false);
});

test('no value of the order’s variables is a word, which every user of the machine could read', () => {
  const env = { SECRET: "it's\n$(id) \\ `id`", LC_ALL: 'C', UID: '7' };
  const planned = plan(command('ls'), { env });
  assert.ok('command' in planned);
  assert.deepEqual(planned.command.argv.slice(-4), ['env', 'LC_ALL=C', 'UID=7', 'ls']);
  assert.equal(
    Buffer.from(planned.command.variables ?? []).toString(),
    "export SECRET='it'\\''s\n$(id) \\ `id`'\n",
  );
});

test('the command is looked for on the PATH that it will have', () => {
  const asked: string[] = [];
  const programs: Programs = {
    ...EVERYTHING,
    find(name, path, cwd) {
      asked.push(`${name} ${path} ${cwd}`);
      return { path: `/x/${name}` };
    },
  };
  plan(command('tool'), { env: { PATH: '/opt/bin' } }, false, programs);
  assert.deepEqual(asked, ['tool /opt/bin /srv']);
});

test('a missing program is a status and a sentence', () => {
  const none: Programs = { ...EVERYTHING, find: () => ({ exitCode: 127 }) };
  assert.deepEqual(plan(command('nix'), {}, false, none), {
    exitCode: 127,
    reason: 'command not found: nix',
  });
  const closed: Programs = { ...EVERYTHING, find: () => ({ exitCode: 126 }) };
  assert.deepEqual(plan(script('#!/opt/x\n'), {}, false, closed), {
    exitCode: 126,
    reason: 'interpreter not executable: /opt/x',
  });
});
