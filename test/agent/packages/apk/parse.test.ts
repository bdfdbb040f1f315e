/** Captured answers, by captured/README.md; those that are written here are made up after apk's source. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import * as parse from '../../../../agent/packages/apk/parse.ts';

const captured = (name: string) => readFileSync(join(import.meta.dirname, 'captured', `${name}.txt`), 'utf8');
const change = (name: string, from: string, to: string) => ({ name, arch: '', from, to });

describe('answers of apk', () => {
  test('steps are changes, sorted, whatever else is said between them', () => {
    assert.deepEqual(parse.parseChanges(captured('upgrade-critical')), [
      change('libcrypto3', '', '3.0.5-r2'),
      change('libssl3', '', '3.0.5-r2'),
      change('ssl_client', '1.35.0-r18', ''),
    ]);
    const more = `( 1/12) Downgrading a (2-r0 -> 1-r0)
(10/12) Upgrading b@edge (1.0_git20200101-r0 -> 1.1_rc1-r2)
(11/12) Replacing c (1-r0 -> 1-r0)
(12/12) Reinstalling d (1-r0)
Executing busybox-1.36.1-r29.trigger
OK: 10 MiB in 12 packages
`;
    assert.deepEqual(parse.parseChanges(more), [
      change('a', '2-r0', '1-r0'),
      change('b', '1.0_git20200101-r0', '1.1_rc1-r2'),
    ]);
  });

  test('errors are told in one line', () => {
    assert.equal(
      parse.parseErrors(captured('no-such-package')),
      'fastfetch (no such package): required by: world[fastfetch]; feh (no such package): required by: world[feh]',
    );
    assert.match(
      parse.parseErrors(captured('gone-from-repository')) ?? '',
      /^perl-test-pod-1\.52-r2: package mentioned in index not found/,
    );
    assert.equal(parse.parseErrors('OK: 1 MiB in 1 packages\n'), undefined);
  });

  test('a repository without an answer is told, though apk goes on', () => {
    assert.match(
      parse.parseUpdateFailure(captured('no-such-package')) ?? '',
      /v3\.21\/community: temporary error/,
    );
    assert.equal(parse.parseUpdateFailure('OK: 25000 distinct packages available\n'), undefined);
  });

  test('a version begins with the last dash before a digit', () => {
    for (const [text, name, version] of [
      ['musl-1.2.5-r0', 'musl', '1.2.5-r0'],
      ['gtk+3.0-3.24.41-r0', 'gtk+3.0', '3.24.41-r0'],
      ['font-7-1.0-r1', 'font-7', '1.0-r1'],
      ['x-1.0_rc2_git20240101-r12', 'x', '1.0_rc2_git20240101-r12'],
    ] as const)
      assert.deepEqual(parse.parseNamed(text), { name, version });
    for (const text of ['', 'musl', 'Installed:', '-1', 'a-b'])
      assert.equal(parse.parseNamed(text), undefined);
  });

  test('what waits, and what repositories have', () => {
    const said = `Installed:                                Available:
musl-1.2.5-r0                           < 1.2.5-r1 
htop-3.3.0-r0                           < 3.4.0-r0 @edge
`;
    assert.deepEqual(parse.parseUpgradable(said), [
      change('htop', '3.3.0-r0', '3.4.0-r0'),
      change('musl', '1.2.5-r0', '1.2.5-r1'),
    ]);
    const policy = `musl policy:
  1.2.5-r0:
    lib/apk/db/installed
  1.2.5-r1:
    https://dl-cdn.alpinelinux.org/alpine/v3.20/main
htop policy:
  3.3.0-r0:
    usr/lib/apk/db/installed
    @edge https://dl-cdn.alpinelinux.org/alpine/edge/main
`;
    assert.deepEqual([...parse.parsePolicy(policy)], ['musl 1.2.5-r1', 'htop 3.3.0-r0']);
  });

  test('the database says what is not whole, and whose files are whose', () => {
    const text = `C:Q1abc=
P:musl
V:1.2.5-r0
A:x86_64
S:400000
I:650000
F:lib
R:ld-musl-x86_64.so.1
a:0:0:755
F:
R:top

P:sick
V:1-r0
f:s

`;
    assert.deepEqual(parse.parseDatabase(text), [
      {
        ...{ name: 'musl', arch: '', version: '1.2.5-r0', isWhole: true, bytes: 400000 },
        files: ['/lib/ld-musl-x86_64.so.1', '/top'],
      },
      { name: 'sick', arch: '', version: '1-r0', isWhole: false, bytes: 0, files: [] },
    ]);
  });

  test('in the world a version is a hold, a tag is none, and what is unwanted is not wanted', () => {
    assert.deepEqual(parse.parseWorld('a\nb=1-r0\nc@edge\nd@edge=2\n!e\nf~1.2\ng<3 h\n'), {
      names: ['a', 'b', 'c', 'd', 'f', 'g', 'h'],
      held: ['b', 'd', 'f', 'g'],
    });
  });
});
