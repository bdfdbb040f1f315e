import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as words from '../../../../agent/packages/apt/commands.ts';
import { MusterError } from '../../../../proto/errors.ts';

const app = { name: 'app', arch: 'amd64', from: '1', to: '2' };
const OPTIONS = { configFiles: 'keep', lockWaitMs: 1_500 } as const;

test('a transaction is one command, with each package and version named behind the end of the options', () => {
  const { argv, env } = words.change(
    [
      app,
      { ...app, name: 'new', from: '' },
      { ...app, name: 'g++', to: '' },
      { ...app, file: '/kept/x.deb' },
    ],
    OPTIONS,
  );
  assert.deepEqual(argv.slice(argv.indexOf('install')), [
    'install',
    '--',
    'app:amd64=2',
    'new:amd64=2',
    'g++:amd64-',
    '/kept/x.deb',
  ]);
  assert.ok(argv.includes('DPkg::Lock::Timeout=2'));
  assert.ok(argv.includes('Dpkg::Options::=--force-confold'));
  assert.ok(!argv.includes('--no-remove'));
  assert.deepEqual([env?.DEBIAN_FRONTEND, env?.LC_ALL, env?.NEEDRESTART_MODE], ['noninteractive', 'C', 'l']);
});

test('where nothing is to go, nothing may; where all was fetched, nothing is fetched', () => {
  const { argv } = words.change([app], { ...OPTIONS, configFiles: 'replace' });
  assert.ok(argv.includes('--no-remove') && argv.includes('--no-download'));
  assert.ok(argv.includes('Dpkg::Options::=--force-confnew'));
});

const HOSTILE = [
  '-o DPkg::Pre-Invoke=touch /x',
  '-oDPkg::Pre-Invoke::=reboot',
  '--force-yes',
  'x;reboot',
  '../x.deb',
  './x.deb',
  '/tmp/x.deb',
  '$(id)',
  '`id`',
  'a b',
  'a\nb',
  'a\0b',
  'a/stable',
  'a=1',
  'a*',
  '?installed',
  '~n.*',
  '',
  'ä',
  '__proto__ ',
];

test('nothing that a program would take for anything but a package comes before one', () => {
  const isRefused = (build: () => unknown, what: string) =>
    assert.throws(build, (cause) => cause instanceof MusterError && cause.code === 'bad-task', what);
  for (const bad of HOSTILE) {
    const named = { name: bad, arch: 'amd64', version: '1', from: '1', to: '2' };
    const arched = { ...named, name: 'app', arch: bad };
    const versioned = { ...app, version: bad, to: bad };
    const wrong = bad === '' ? [named] : [named, arched, versioned];
    for (const one of wrong) {
      isRefused(() => words.change([one], OPTIONS), `change ${bad}`);
      isRefused(() => words.download([one]), `download ${bad}`);
      isRefused(() => words.archives([one]), `archives ${bad}`);
      isRefused(() => words.simulate({ kind: 'exact', changes: [one] }), `simulate ${bad}`);
      isRefused(() => words.show([one]), `show ${bad}`);
      isRefused(() => words.downloadInto([one], '/x'), `into ${bad}`);
    }
    isRefused(() => words.policy([named]), `policy ${bad}`);
    for (const build of [words.query, words.listFiles, (names: string[]) => words.mark('hold', names)])
      isRefused(() => build([bad]), `names ${bad}`);
    for (const kind of ['install', 'latest', 'remove'] as const)
      isRefused(() => words.simulate({ kind, names: [bad] }), `${kind} ${bad}`);
    if (bad !== '/tmp/x.deb') isRefused(() => words.changeWord({ ...app, file: bad }), `file ${bad}`);
  }
});
