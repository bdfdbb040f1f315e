import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import * as words from '../../../../agent/packages/zypper/commands.ts';
import { MusterError } from '../../../../proto/errors.ts';
import { temporaryFolder } from '../../../support/folder.ts';

const HOSTILE = [
  '',
  '-o DPkg::Pre-Invoke=reboot',
  '--root=/tmp',
  '-x',
  '+x',
  '!x',
  'x;reboot',
  '$(id)',
  '`id`',
  '../x.rpm',
  '/tmp/x.rpm',
  'http://a/x.rpm',
  'x*',
  'x?',
  'x[1]',
  'x y',
  'x\ny',
  'x\0y',
  'x=1',
  'x>1',
  'é',
  // Archives in the folder where it runs.
  'x.rpm',
];
/** Other kinds of things, before a colon; a version may have one. */
const KINDS = ['patch:x', 'pattern:x', 'repo:x'];

describe('words of zypper', () => {
  test('whatever is not strictly a name, a version or an archive is never a word of a command', () => {
    const keep = { configFiles: 'keep', lockWaitMs: 0 } as const;
    const change = { name: 'x', arch: 'noarch', from: '1-1', to: '2-1' };
    // A version that is empty is a removal, and then the one before is named.
    for (const bad of HOSTILE)
      for (const build of [
        () => words.search([bad]),
        () => words.lock('addlock', [bad]),
        () => words.simulateInstall([bad]),
        () => words.simulateRemove([bad]),
        () => words.simulateVersion(bad, '1'),
        () => words.simulateVersion('x', bad),
        () => words.simulateExact([{ ...change, name: bad }]),
        () => words.simulateExact([{ ...change, arch: bad }]),
        () => words.download([{ ...change, to: '', from: bad }]),
        () => words.change([{ ...change, name: bad }], keep),
        () => words.change([{ ...change, file: bad === '/tmp/x.rpm' ? '/tmp/x.deb' : bad }], keep),
        () => words.downloadInto([{ name: bad, arch: 'noarch', version: '1' }], '/x'),
      ])
        assert.throws(
          build,
          (cause) => cause instanceof MusterError && cause.code === 'bad-task',
          `${bad} ${build}`,
        );
    for (const bad of KINDS) assert.throws(() => words.simulateInstall([bad]), MusterError, bad);
    for (const bad of ['', '-x', '--x', 'x y', '$(id)', 'a;b', 'a/b'])
      assert.throws(() => words.patchInfo([bad]), MusterError, bad);
  });

  test('a change names all versions, what goes, and what is kept, behind the end of options', () => {
    const { argv, env } = words.change(
      [
        { name: 'app', arch: 'x86_64', from: '1-1', to: '2:2-1' },
        { name: 'need', arch: 'noarch', from: '1-1', to: '' },
        { name: 'old', arch: 'noarch', from: '2-1', to: '1-1', file: '/kept/old_noarch_1-1.rpm' },
      ],
      { configFiles: 'keep', lockWaitMs: 1_500 },
    );
    assert.deepEqual(argv.slice(argv.lastIndexOf('--') + 1), [
      'app.x86_64=2:2-1',
      '-need.noarch=1-1',
      '/kept/old_noarch_1-1.rpm',
    ]);
    assert.equal(env?.ZYPP_LOCK_TIMEOUT, '2');
    for (const word of ['--non-interactive', '--no-refresh', '--no-recommends', '--no-force-resolution'])
      assert.ok(argv.includes(word), word);
  });

  test('a change that is done and wants a new boot is done; anything else is as zypper ended', (t) => {
    const folder = temporaryFolder(t);
    const { argv } = words.change([], { configFiles: 'keep', lockWaitMs: 0 });
    for (const [status, expected] of [
      [0, 0],
      [102, 0],
      [103, 0],
      [4, 4],
      [104, 104],
      [107, 107],
    ] as const) {
      writeFileSync(join(folder, 'zypper'), `#!/bin/sh\nexit ${status}\n`, { mode: 0o755 });
      const [program = '', ...rest] = argv;
      const env = { PATH: `${folder}:${process.env.PATH}` };
      assert.equal(spawnSync(program, rest, { env }).status, expected, String(status));
    }
  });
});
