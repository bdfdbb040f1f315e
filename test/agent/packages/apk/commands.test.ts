import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as words from '../../../../agent/packages/apk/commands.ts';
import { MusterError } from '../../../../proto/errors.ts';

const HOSTILE = [
  '',
  '-o DPkg::Pre-Invoke=reboot',
  '--root=/tmp',
  '-x',
  '!x',
  'x;reboot',
  '$(id)',
  '`id`',
  '../x.apk',
  '/tmp/x.apk',
  'x.apk',
  'x.apk.y',
  'http://a/x.apk',
  'x*',
  'x y',
  'x\ny',
  'x\0y',
  'x=1',
  'x>1',
  'x<1',
  'x@edge',
  'é',
];

describe('words of apk', () => {
  test('whatever is not strictly a name, a version or an archive is never a word of a command', () => {
    const keep = { configFiles: 'keep', lockWaitMs: 0 } as const;
    const change = { name: 'x', arch: '', from: '1-r0', to: '2-r0' };
    for (const bad of HOSTILE)
      for (const build of [
        () => words.policy([bad]),
        () => words.fetchInto([bad], '/x'),
        () => words.simulate({ kind: 'install', names: [bad] }),
        () => words.simulate({ kind: 'latest', names: [bad] }),
        () => words.simulate({ kind: 'remove', names: [bad] }),
        () => words.simulate({ kind: 'version', name: bad, version: '1' }),
        () => words.simulate({ kind: 'version', name: 'x', version: bad }),
        () => words.simulate({ kind: 'exact', changes: [{ ...change, name: bad }] }),
        () => words.change([{ ...change, name: bad }], keep),
        () => words.change([{ ...change, name: bad, to: '' }], keep),
        () =>
          words.change([{ ...change, name: bad, file: '/kept/x.apk' }], { ...keep, configFiles: 'replace' }),
        () => words.change([{ ...change, file: bad === '/tmp/x.apk' ? 'x.apk' : bad }], keep),
        () => words.pin([{ name: bad, version: '1' }]),
        () => words.unpin([bad]),
        () => words.forget([bad]),
      ])
        assert.throws(
          build,
          (cause) => cause instanceof MusterError && cause.code === 'bad-task',
          `${bad} ${build}`,
        );
  });

  test('a change names all versions, what goes, and what is kept, behind the end of options', () => {
    const { argv } = words.change(
      [
        { name: 'app', arch: '', from: '1-r0', to: '2-r0' },
        { name: 'need', arch: '', from: '', to: '1-r0' },
        { name: 'gone', arch: '', from: '1-r0', to: '' },
        { name: 'old', arch: '', from: '2-r0', to: '1-r0', file: '/kept/old__1-r0.apk' },
      ],
      { configFiles: 'keep', lockWaitMs: 1_500 },
    );
    const at = argv.indexOf('apk');
    // What leaves the world and comes into it, and whose configuration is replaced.
    assert.deepEqual(argv.slice(4, at), ['need gone', 'need', '']);
    assert.deepEqual(argv.slice(argv.lastIndexOf('--') + 1), [
      'app=2-r0',
      'need=1-r0',
      '!gone',
      '/kept/old__1-r0.apk',
    ]);
    assert.equal(argv[argv.indexOf('--wait') + 1], '2');
  });
});
