import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import * as words from '../../../../agent/packages/dnf/command.ts';
import { truthful } from '../../../../agent/packages/rpm/truthful.ts';
import { MusterError } from '../../../../proto/errors.ts';
import { temporaryFolder } from '../../../support/folder.ts';

const HOSTILE = [
  '',
  '-o DPkg::Pre-Invoke=reboot',
  '--installroot=/tmp',
  '-x',
  '+x',
  '!x',
  'x;reboot',
  '$(id)',
  '`id`',
  '../x.rpm',
  '/tmp/x',
  'http://a/x',
  '@core',
  'x:stream',
  'x*',
  'x?',
  'x[1]',
  'x y',
  'x\ny',
  'x\0y',
  'x\ty',
  'x>1',
  '(x or y)',
  'é',
  // Archives in the folder where it runs.
  'x.rpm',
];

describe('words of dnf', () => {
  test('whatever is not strictly a name, a version or an architecture is never a word of a command', () => {
    const change = { name: 'x', arch: 'noarch', from: '1-1', to: '2-1' };
    const one = { name: 'x', arch: 'noarch', version: '1-1' };
    for (const bad of HOSTILE) {
      const builds: (() => unknown)[] = [
        () => words.simulateCommand('install', [bad]),
        () => words.simulateCommand('remove', ['x', bad]),
        () => words.newestCommand([bad]),
        () => words.newestCommand([bad], '1'),
        () => words.availableCommand([{ ...one, name: bad }]),
        () => words.availableCommand([{ ...one, arch: bad }]),
        () => words.fetchCommand([{ ...one, name: bad }], '/x'),
        () => words.simulateExactCommand([{ ...change, name: bad }]),
        () => words.downloadCommand([{ ...change, arch: bad }]),
        () => words.applyCommand([{ ...change, name: bad }]),
        () => words.markCommand('remove', [bad]),
        () => words.versionlockCommand('add', [bad]),
      ];
      // A version that is empty is a removal or an installation; a colon in one is its epoch.
      if (bad !== 'x:stream')
        builds.push(
          () => words.newestCommand(['x'], bad),
          () => words.availableCommand([{ ...one, version: bad }]),
        );
      if (bad !== '' && bad !== 'x:stream')
        builds.push(
          () => words.applyCommand([{ ...change, from: bad }]),
          () => words.applyCommand([{ ...change, to: bad }]),
        );
      for (const build of builds)
        assert.throws(
          build,
          (cause) => cause instanceof MusterError && cause.code === 'bad-task',
          `${JSON.stringify(bad)} ${build}`,
        );
    }
  });

  test('a stored transaction has each side of each change, where it comes from, and lowers no reason', () => {
    const replay = words.replayOf([
      { name: 'app', arch: 'x86_64', from: '1:1~rc1-1', to: '1:1-1' },
      { name: 'need', arch: 'noarch', from: '', to: '1-1' },
      { name: 'old', arch: 'noarch', from: '1-1', to: '' },
      { name: 'back', arch: 'noarch', from: '2-1', to: '1-1', file: '/kept/back.rpm' },
    ]);
    const { rpms } = JSON.parse(replay);
    const kept = 'weak-dependency';
    assert.deepEqual(
      rpms.map((one: Record<string, string>) => [one.action, one.nevra, one.reason, one.repo_id]),
      [
        ['Upgraded', 'app-1:1~rc1-1.x86_64', kept, ''],
        ['Upgrade', 'app-1:1-1.x86_64', kept, ''],
        ['Install', 'need-1-1.noarch', 'user', ''],
        ['Removed', 'old-1-1.noarch', kept, ''],
        ['Upgraded', 'back-2-1.noarch', kept, ''],
        ['Upgrade', 'back-1-1.noarch', kept, 'muster-kept'],
      ],
    );
  });

  test('a command fails where a script of a package did, and ends as dnf ended else', (t) => {
    const folder = temporaryFolder(t);
    const program = join(folder, 'dnf');
    for (const [script, status] of [
      ['exit 0', 0],
      ['exit 200', 200],
      ['echo "warning: %post(sick-2-1.noarch) scriptlet failed, exit status 3" >&2', 1],
      ['echo "error: %prein(sick-2-1.noarch) scriptlet failed, exit status 3" >&2', 1],
      ['echo "warning: /etc/a.conf created as /etc/a.conf.rpmnew"', 0],
    ] as const) {
      writeFileSync(program, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
      const [sh = '', ...rest] = truthful({ argv: [program] }, []).argv;
      assert.equal(spawnSync(sh, rest).status, status, script);
    }
  });

  test('a configuration file of the package comes in the place of one that was kept, where that is asked for, and no older one', (t) => {
    const folder = temporaryFolder(t);
    const [fresh, stale] = [join(folder, 'fresh.conf'), join(folder, 'stale.conf')];
    writeFileSync(join(folder, 'rpm'), `#!/bin/sh\necho ${fresh}\necho ${stale}\n`, { mode: 0o755 });
    writeFileSync(join(folder, 'dnf'), `#!/bin/sh\nsleep 0.05\necho new >${fresh}.rpmnew\n`, { mode: 0o755 });
    for (const path of [fresh, stale]) writeFileSync(path, 'mine\n');
    writeFileSync(`${stale}.rpmnew`, 'of before\n');
    const [sh = '', ...rest] = truthful({ argv: [join(folder, 'dnf')] }, ['app']).argv;
    const env = { PATH: `${folder}:${process.env.PATH}` };
    const { status, stdout } = spawnSync(sh, rest, { env, encoding: 'utf8' });
    assert.deepEqual([status, stdout], [0, `replaced: ${fresh}\n`]);
    assert.deepEqual([existsSync(`${fresh}.rpmnew`), existsSync(`${stale}.rpmnew`)], [false, true]);
  });
});
