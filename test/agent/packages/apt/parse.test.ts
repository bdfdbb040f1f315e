import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import * as parse from '../../../../agent/packages/apt/parse.ts';

/** What the real tools said: apt 2.6.1 and dpkg 1.21.22 on Debian 12. */
const captured = (name: string): string => readFileSync(join(import.meta.dirname, 'captured', name), 'utf8');
const change = (name: string, from: string, to: string, arch = 'amd64') => ({ name, arch, from, to });

test('a simulation is read with what comes newly and what goes', () => {
  assert.deepEqual(parse.parseSimulation(captured('transaction.txt'), 'amd64'), [
    change('app', '1', '2'),
    change('lib', '1', '2'),
    change('old-part', '1', ''),
    change('web', '1', '2'),
    change('web-data', '', '1'),
    change('whole', '1', '2'),
  ]);
});

test('a simulation tells packages of another architecture apart, and takes a version again for no change', () => {
  const text = [
    'Inst libc6:i386 [2.36-9] (2.36-10 Debian:12/stable, Debian-Security:12/stable-security [i386]) [libc6:amd64 ]',
    'Inst libc6 [2.36-9] (2.36-10 Debian:12/stable [amd64])',
    'Inst same [1] (1 Debian:12/stable [all])',
    'Remv gone:i386 [1:2.0~rc1-1]',
    'Purg purged [3]',
    'Inst odd words that are no version',
  ].join('\n');
  assert.deepEqual(parse.parseSimulation(text, 'amd64'), [
    change('gone', '1:2.0~rc1-1', '', 'i386'),
    change('libc6', '2.36-9', '2.36-10'),
    change('libc6', '2.36-9', '2.36-10', 'i386'),
    change('purged', '3', ''),
  ]);
});

test('what an upgrade keeps back is read', () => {
  assert.deepEqual(
    parse.parseKeptBack(captured('upgrade.txt'), 'amd64').map(({ name }) => name),
    ['app', 'pinned', 'rival', 'whole'],
  );
  assert.deepEqual(parse.parseKeptBack('nothing of that kind', 'amd64'), []);
});

test('a policy says what is installed, what would come, and whether a version on the way is of security', () => {
  assert.deepEqual(
    parse
      .parsePolicy(captured('policy.txt'), 'amd64')
      .map(({ name, installed, candidate, security }) => [name, installed, candidate, security]),
    [
      ['app', '1', '2', false],
      ['exposed', '1', '1+deb12u1', true],
      ['pinned', '1', '2', false],
      ['gone', '1', '2', false],
      ['libc6', '2.36-9+deb12u14', '2.36-9+deb12u14', false],
    ],
  );
});

test('a security update counts where a newer version came after it, and not where it is installed', () => {
  const policy = (installed: string) => `openssl:
  Installed: ${installed}
  Candidate: 3.0.3
  Version table:
     3.0.3 500
        500 http://archive.ubuntu.com/ubuntu jammy-updates/main amd64 Packages
 ${installed === '3.0.2' ? '***' : '   '} 3.0.2 500
        500 http://security.ubuntu.com/ubuntu jammy-security/main amd64 Packages
 ${installed === '3.0.1' ? '***' : '   '} 3.0.1 500
        500 http://archive.ubuntu.com/ubuntu jammy/main amd64 Packages
        100 /var/lib/dpkg/status
`;
  const security = (installed: string) => parse.parsePolicy(policy(installed), 'amd64')[0]?.security;
  assert.deepEqual([security('3.0.1'), security('3.0.2')], [true, false]);
});

test('packages that are not whole are told, and what only left its configuration is not installed', () => {
  assert.deepEqual(parse.parseQuery(captured('query.txt'), 'amd64'), [
    { name: 'app', arch: 'amd64', version: '2', isWhole: true },
    { name: 'fragile', arch: 'amd64', version: '2', isWhole: false },
    { name: 'libc6', arch: 'amd64', version: '2.36-9+deb12u14', isWhole: true },
  ]);
});

test('a version that is only installed has no archive', () => {
  assert.deepEqual(
    parse.parseShow(captured('show.txt'), 'amd64').map(({ name, version, bytes }) => [name, version, bytes]),
    [
      ['app', '1', 766],
      ['gone', '1', undefined],
      ['gone', '2', 772],
      ['bash', '5.2.15-2+b13', undefined],
    ],
  );
  assert.equal(parse.parseArchives(captured('uris.txt')), 826 + 782 + 790 + 768);
});

test('why apt does not do it is one line', () => {
  assert.equal(
    parse.parseRefusal(captured('unsolvable.out'), captured('unsolvable.err')),
    'rival : Conflicts: app but 2 is to be installed',
  );
  assert.equal(
    parse.parseRefusal('', 'W: odd\nE: Unable to locate package x\n'),
    'Unable to locate package x',
  );
});

test('the package and the script that failed are named', () => {
  assert.equal(
    parse.parseFailure(captured('failed.txt')),
    'fragile: installed fragile package post-installation script subprocess returned error exit status 7',
  );
  assert.equal(
    parse.parseFailure(
      'dpkg: error processing archive /var/cache/apt/archives/x_2_all.deb (--unpack):\n trying to overwrite\n',
    ),
    'x_2_all.deb: trying to overwrite',
  );
  assert.equal(parse.parseFailure('nothing'), undefined);
});

test('the repository that does not answer is named', () => {
  assert.match(
    parse.parseUpdateFailure(captured('update-failed.txt')),
    /^Failed to fetch http:\/\/127\.0\.0\.1:8080\/dists\/stable\/InRelease Could not connect/,
  );
});

test('apt’s history is read, with what came automatically', () => {
  const [entry, ...more] = parse.parseHistory(captured('history.txt'), Date.parse);
  assert.equal(more.length, 0);
  assert.equal(entry?.atMs, Date.parse('2026-11-27T10:37:09'));
  assert.match(entry?.command ?? '', /^apt-get -q -y .* old-part-$/);
  assert.deepEqual(entry?.changes, [
    change('app', '1', '2'),
    change('fragile', '1', '2'),
    change('old-part', '1', ''),
  ]);
  const [install] = parse.parseHistory(
    'Start-Date: 2026-11-27  08:00:00\nInstall: web-data:amd64 (1, automatic), web:i386 (1:2-3)\nEnd-Date: x\n',
    Date.parse,
  );
  assert.deepEqual(install?.changes, [change('web', '', '1:2-3', 'i386'), change('web-data', '', '1')]);
});
