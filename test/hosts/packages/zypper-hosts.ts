/** Cheap machines with a real zypper that knows one repository of the test, and a real agent each: this machine under an overlay. */
import type { TestFleet } from '../../e2e/fleet.ts';
import { requires } from '../../support/requires.ts';
import { joinOverlayHost, type OverlayHost, startOverlayHost } from './overlay-host.ts';
import { rpmVersions } from './rpm-repository.ts';

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

export interface ZypperHost extends OverlayHost {
  versions(...names: string[]): Promise<string[]>;
}

type Test = { after(fn: () => unknown): void };

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
    versions: (...names) => rpmVersions({ run }, ...names),
  };
}
