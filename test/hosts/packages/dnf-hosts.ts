/** Machines with a real dnf that knows one repository of the test, and a real agent each. */
import type { AgentHandle, TestFleet } from '../../e2e/fleet.ts';
import { requires } from '../../support/requires.ts';
import { joinOverlayHost, type OverlayHost, startOverlayHost } from './overlay-host.ts';
import { rpmVersions } from './rpm-repository.ts';

export const DNF_NEEDS = requires(
  'root',
  'mounts',
  'nsenter',
  'setpriv',
  'dnf',
  'rpmbuild',
  'createrepo_c',
  'modifyrepo_c',
);

const PREPARE = `rm -rf root/var/lib/rpm root/var/cache/dnf root/var/lib/dnf root/var/log/dnf* root/etc/yum.repos.d
mkdir -p root/etc/rpm root/etc/yum.repos.d root/etc/dnf/vars root/var/lib/rpm
printf 'ID="rocky"\\nID_LIKE="rhel centos fedora"\\n' >root/etc/os-release
echo '%_dbpath /var/lib/rpm' >root/etc/rpm/macros
echo 9 >root/etc/dnf/vars/releasever
printf '[fixture]\\nname=fixture\\nbaseurl=file:///repo\\ngpgcheck=0\\nmetadata_expire=1\\n' >root/etc/yum.repos.d/fixture.repo`;

export interface DnfHost extends OverlayHost {
  readonly agent: AgentHandle;
  versions(...names: string[]): Promise<string[]>;
}

/** A host of this name, whose agent is online at the fleet, with these packages of the repository. */
export async function startDnfHost(
  t: { after(fn: () => unknown): void },
  fleet: TestFleet,
  repo: string,
  name: string,
  installed: readonly string[],
): Promise<DnfHost> {
  const host = await startOverlayHost(t, fleet, repo, name, PREPARE);
  if (installed.length > 0) await host.run(['dnf', '-y', '-q', 'install', ...installed]);
  const agent = await joinOverlayHost(fleet, name, host.entry);
  return { ...host, agent, versions: (...names) => rpmVersions(host, ...names) };
}
