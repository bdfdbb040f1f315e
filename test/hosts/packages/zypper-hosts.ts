/** Cheap machines with a real zypper that knows one repository of the test, and a real agent each: this machine under an overlay. */
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestFleet } from '../../e2e/fleet.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { requires } from '../../support/requires.ts';
import { joinOverlayHost, type OverlayHost, startOverlayHost } from './overlay-host.ts';

export const ZYPPER_NEEDS = requires(
  'root',
  'mounts',
  'nsenter',
  'setpriv',
  'zypper',
  'rpmbuild',
  'createrepo_c',
  'modifyrepo_c',
);

const PREPARE = `rm -rf root/var/lib/rpm root/var/cache/zypp root/var/log/zypp root/etc/zypp/repos.d root/etc/zypp/locks
mkdir -p root/etc/rpm root/etc/zypp/repos.d root/var/lib/rpm root/var/log/zypp
printf 'ID="opensuse-leap"\\nID_LIKE="suse opensuse"\\n' >root/etc/os-release
echo '%_dbpath /var/lib/rpm' >root/etc/rpm/macros
printf '[fixture]\\nname=fixture\\nenabled=1\\nbaseurl=dir:///repo\\ngpgcheck=0\\n' >root/etc/zypp/repos.d/fixture.repo`;

export interface Rpm {
  readonly name: string;
  readonly version: string;
  /** Lines of the spec's head. */
  readonly head?: string;
  /** Scripts and the like. */
  readonly body?: string;
  /** A file of settings with this in it. */
  readonly settings?: string;
}

export interface Mend {
  readonly id: string;
  readonly name: string;
  readonly version: string;
}

export interface ZypperHost extends OverlayHost {
  versions(...names: string[]): Promise<string[]>;
}

type Test = { after(fn: () => unknown): void };

/** A folder of archives, and its lists. */
export function rpmRepository(t: Test) {
  const folder = temporaryFolder(t);
  const top = temporaryFolder(t);
  const pathOf = (name: string, version: string) => join(folder, `${name}-${version}.rpm`);
  return {
    folder,
    add(...rpms: readonly Rpm[]): void {
      for (const rpm of rpms) {
        writeFileSync(join(top, 'a.spec'), specOf(rpm));
        const defined = [`_topdir ${top}`, `_rpmdir ${folder}`, '_rpmfilename %%{NAME}-%%{VERSION}.rpm'];
        const words = defined.flatMap((one) => ['--define', one]);
        execFileSync('rpmbuild', ['-bb', '--quiet', ...words, join(top, 'a.spec')], { stdio: 'pipe' });
      }
    },
    remove: (name: string, version: string) => rmSync(pathOf(name, version)),
    publish(mends: readonly Mend[] = []): void {
      execFileSync('createrepo_c', ['-q', folder]);
      const info = join(top, 'updateinfo.xml');
      writeFileSync(info, `<updates>${mends.map(mendXml).join('')}</updates>`);
      execFileSync('modifyrepo_c', [info, join(folder, 'repodata')], { stdio: 'pipe' });
    },
  };
}

function specOf({ name, version, head = '', body = '', settings }: Rpm): string {
  const file = `/etc/${name}.conf`;
  return `Name: ${name}
Version: ${version}
Release: 1
Summary: x
License: MIT
BuildArch: noarch
${head}
%description
x
%install
mkdir -p %{buildroot}/usr/share/fixture %{buildroot}/etc
echo ${version} > %{buildroot}/usr/share/fixture/${name}
${settings === undefined ? '' : `echo ${settings} > %{buildroot}${file}`}
${body}
%files
/usr/share/fixture/${name}
${settings === undefined ? '' : `%config(noreplace) ${file}`}
`;
}

function mendXml({ id, name, version }: Mend): string {
  return `<update from="a@example.org" status="stable" type="security" version="1"><id>${id}</id><title>x</title>
<severity>important</severity><issued date="2026-01-01"/><description>x</description><pkglist><collection short="x"><name>x</name>
<package name="${name}" version="${version}" release="1" epoch="0" arch="noarch"><filename>${name}-${version}.rpm</filename></package>
</collection></pkglist></update>`;
}

/** A host of this name, whose agent is online at the fleet, with these packages of the repository. */
export async function startZypperHost(
  t: Test,
  fleet: TestFleet,
  repo: string,
  name: string,
  installed: readonly string[],
): Promise<ZypperHost> {
  const { run, see, entry } = await startOverlayHost(t, fleet, repo, name, PREPARE);
  if (installed.length > 0) {
    await run(['zypper', '-n', 'refresh']);
    await run(['zypper', '-n', '--no-refresh', 'install', '--no-recommends', '--', ...installed]);
  }
  await joinOverlayHost(fleet, name, entry);
  return {
    ...{ name, run, see, entry },
    async versions(...names) {
      const asked = await run(['rpm', '-qa', '--queryformat', '%{NAME} %{VERSION}\\n', ...names]);
      return asked
        .split('\n')
        .filter((line) => line !== '')
        .sort();
    },
  };
}
