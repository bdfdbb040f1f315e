import assert from 'node:assert/strict';
import { test } from 'node:test';
import { detectKind } from '../../../agent/packages/detect.ts';
import { scriptedHost } from './scripted-host.ts';

const APT = '/usr/bin/apt-get';
const DNF = '/usr/bin/dnf';
const APK = '/sbin/apk';
const ZYPPER = '/usr/bin/zypper';

const CASES: readonly (readonly [string, string, readonly string[], string | undefined])[] = [
  ['Debian with dnf and zypper', 'ID=debian\n', [APT, DNF, ZYPPER], 'apt'],
  ['openSUSE with dnf', 'ID="opensuse-leap"\nID_LIKE="suse opensuse"\n', [DNF, ZYPPER], 'zypper'],
  ['SLES', 'ID="sles"\nID_LIKE="suse"\n', [ZYPPER], 'zypper'],
  ['Fedora with apt and zypper', 'ID=fedora\n', [APT, DNF, ZYPPER], 'dnf'],
  ['Rocky', 'ID="rocky"\nID_LIKE="rhel centos fedora"\n', [DNF, ZYPPER], 'dnf'],
  ['openSUSE whose zypper is gone', 'ID_LIKE="suse opensuse"\n', [DNF], 'dnf'],
  ['a distribution that nobody knows', 'ID=own\n', [ZYPPER], 'zypper'],
  ['Alpine with dnf', 'ID=alpine\n', [DNF, APK], 'apk'],
  ['Debian with apk', 'ID=debian\n', [APT, APK], 'apt'],
  ['none', 'ID=own\n', [], undefined],
];

for (const [what, osRelease, programs, expected] of CASES)
  test(`the package manager of ${what} is ${expected ?? 'not known'}`, async () => {
    const files = Object.fromEntries([
      ['/etc/os-release', osRelease],
      ...programs.map((path) => [path, 'x']),
    ]);
    assert.equal((await detectKind(scriptedHost({ files }).files))?.name, expected);
  });
