/** Answers of dnf 4.14, but where a test says that they are made up after its source. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DNF, heldNames, pendingOf, unsignedOf, whyUnknown } from '../../../../agent/packages/dnf/dnf.ts';
import { parseHistory, parseHistoryIds } from '../../../../agent/packages/dnf/history.ts';
import { parseTable } from '../../../../agent/packages/dnf/table.ts';
import { rpmFailure } from '../../../../agent/packages/rpm/database.ts';
import { scriptedHost } from '../scripted-host.ts';

const entry = (altered: string, begin = 'Fri Nov 27 14:25:22 2026') => `Begin time     : ${begin}
Begin rpmdb    : e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
End time       : Fri Nov 27 14:25:22 2026 (0 seconds)
User           : System <unset>
Return-Code    : Success
Command Line   : -y install app
Comment        : 
Packages Altered:
${altered}`;
const change = (name: string, arch: string, from: string, to: string) => ({ name, arch, from, to });

describe('answers of dnf', () => {
  test('its history is read line by line, by whatever kind of change', () => {
    for (const [altered, expected] of [
      ['    Install app-2-1.noarch  @f', [change('app', 'noarch', '', '2-1')]],
      ['    Removed app-2-1.noarch  @@System', [change('app', 'noarch', '2-1', '')]],
      [
        '    Upgrade  app-1:2~rc1-1.x86_64 @f\n    Upgraded app-1:1-1.x86_64     @@System',
        [change('app', 'x86_64', '1:1-1', '1:2~rc1-1')],
      ],
      [
        '    Downgrade  app-1-1.noarch @f\n    Downgraded app-2-1.noarch @@System',
        [change('app', 'noarch', '2-1', '1-1')],
      ],
      [
        '    Install   renamed-3-1.noarch @f\n    Obsoleted need-2-1.noarch    @@System',
        [change('renamed', 'noarch', '', '3-1'), change('need', 'noarch', '2-1', '')],
      ],
      [
        '    Upgrade  both-2-1.i686   @f\n    Upgraded both-1-1.i686   @@System\n    Upgrade  both-2-1.x86_64 @f\n    Upgraded both-1-1.x86_64 @@System',
        [change('both', 'i686', '1-1', '2-1'), change('both', 'x86_64', '1-1', '2-1')],
      ],
      // Installed once more: nothing is different.
      ['    Reinstall   app-2-1.noarch @f\n    Reinstalled app-2-1.noarch @@System', []],
      // What was not done is marked so.
      [' ** Install app-2-1.noarch @f', []],
      ['    Install \u001b[31m', []],
    ] as const) {
      const [found] = parseHistory(entry(altered));
      assert.deepEqual(found?.changes.filter(({ from, to }) => from !== to) ?? [], expected, altered);
    }
    const two = `${entry('    Install app-2-1.noarch @f')}\n${'-'.repeat(79)}\n${entry('    Removed app-2-1.noarch @f')}`;
    assert.equal(parseHistory(two).length, 2);
    assert.equal(parseHistory(two)[0]?.atMs, Date.UTC(2026, 10, 27, 14, 25, 22));
    assert.equal(parseHistory(two)[0]?.command, 'dnf -y install app');
  });

  test('of its history marks alone are left out, and what is no time is no entry', () => {
    assert.deepEqual(parseHistory(entry('    Reason Change need-1-1.noarch @f')), []);
    assert.deepEqual(parseHistory(entry('    Install app-2-1.noarch @f', 'yesterday')), []);
    assert.deepEqual(parseHistory('No such transaction'), []);
    const list =
      'ID     | Command line | Date\n------\n    12 | x | y\n     1 |   | z\nnot | one\n  x1 | a\n';
    assert.deepEqual(parseHistoryIds(list), ['12', '1']);
  });

  test('a table is the whole transaction, with what is replaced and what is left out', () => {
    const rule = '='.repeat(80);
    const table = parseTable(`Last metadata expiration check: 0:00:01 ago.
Dependencies resolved.
${rule}
 Package              Architecture        Version          Repository      Size
${rule}
Installing:
 renamed              noarch              3-1              f              6.0 k
     replacing  need.noarch 2-1
Upgrading:
 a-name-that-is-too-long-for-its-column
                      x86_64              1:2~rc1-1        f              6.0 k
Installing module profiles:
 postgresql/server
Removing dependent packages:
 gone                 noarch              1-1              @f             2
Skipping packages with conflicts:
(add '--best --allowerasing' to command line to force their upgrade):
 rival                noarch              2-1              f              6.0 k

Transaction Summary
${rule}
`);
    assert.deepEqual(table, {
      rows: [
        { kind: 'install', name: 'renamed', arch: 'noarch', version: '3-1' },
        {
          kind: 'replace',
          name: 'a-name-that-is-too-long-for-its-column',
          arch: 'x86_64',
          version: '1:2~rc1-1',
        },
        { kind: 'remove', name: 'gone', arch: 'noarch', version: '1-1' },
      ],
      obsoleted: [{ kind: 'remove', name: 'need', arch: 'noarch', version: '2-1' }],
    });
    assert.equal(parseTable('Nothing to do.\n'), undefined);
  });

  test('what is locked is held, whether dnf leaves it out or not', () => {
    const one = { name: 'app', arch: 'noarch', version: '2-1' };
    const old = { ...one, version: '1-1' };
    const held = (free: (typeof one)[], locked: string[]) =>
      pendingOf([one], free, [], [old], new Set(), locked).map((found) => found.held);
    assert.deepEqual(held([one], []), [false]);
    assert.deepEqual(held([one], ['app']), [true]);
    assert.deepEqual(held([], []), [true]);
    const list = '# Added lock on Fri\nkernel-core-0:5.14-1.*\n!bad-0:1-1.*\napp-1:2~rc1-1.*\n\n-x\n';
    assert.deepEqual(heldNames(list), ['app', 'kernel-core']);
  });

  test('a lock that dnf did not set or take away is no success', async () => {
    const LIST = '/etc/dnf/plugins/versionlock.list';
    const dnf = (list: string) =>
      DNF.create(
        scriptedHost({
          files: { [LIST]: list, '/etc/dnf/plugins/versionlock.conf': '[main]' },
          answer: (argv) => ({
            stdout: argv.includes('--version') ? '4.14.0\n' : 'No package found for: app\n',
          }),
        }),
      );
    const locked = 'app-0:1-1.*\n';
    await dnf(locked).hold(['app']);
    await dnf('').unhold(['app']);
    await assert.rejects(dnf('').hold(['app']), /did not add the lock of app: No package found for: app$/);
    await assert.rejects(dnf(locked).unhold(['app']), /did not delete the lock of app/);
  });

  test('a dnf of another kind is refused by its name', () => {
    for (const known of ['4.5.2\n  Installed: x', '4.14.0', '4.20.0\n'])
      assert.equal(whyUnknown(known), undefined, known);
    // dnf5's after its documentation.
    assert.match(
      whyUnknown('dnf5 version 5.2.8.1\ndnf5 plugin API version 2.0') ?? '',
      /dnf is 5\.2\.8\.1: .*dnf 5 is not/,
    );
    for (const other of ['4.4.2', '3.0.0', '5.0.0', '40.5.0', '', 'command not found'])
      assert.match(whyUnknown(other) ?? '', /^this dnf is /, other);
  });

  test('what of signatures or scripts stands in the way is found among all that is said', () => {
    for (const [said, expected] of [
      [
        'x\nPackage app-2-1.noarch.rpm is not signed\nError: GPG check FAILED',
        /failed; Package app-2-1\.noarch\.rpm is not/,
      ],
      ['Public key for app-2-1.noarch.rpm is not installed. Failing package is: app', /Public key for app/],
      [
        'You have enabled checking of packages via GPG keys. This\n\nProblem repository: [f]\nbandwidth: 0',
        /the repository f are/,
      ],
    ] as const)
      assert.match(unsignedOf(said) ?? '', expected);
    assert.equal(unsignedOf('Error: No such package'), undefined);
    for (const [said, expected] of [
      [
        'warning: %post(sick-2-1.noarch) scriptlet failed, exit status 3',
        '%post of sick-2-1.noarch failed, exit status 3',
      ],
      [
        'error: unpacking of archive failed on file /x: cpio: write',
        'unpacking of archive failed on file /x: cpio: write',
      ],
      ['warning: /etc/a.conf created as /etc/a.conf.rpmnew', undefined],
    ] as const)
      assert.equal(rpmFailure(said), expected);
  });
});
