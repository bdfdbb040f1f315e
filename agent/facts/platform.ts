import type { Facts, OsFamily, PackageManager } from './facts.ts';
import { fqdnFromHosts, type Mount, timezoneOf } from './parse.ts';
import type { Probe } from './probe.ts';
import { detectVirtualisation } from './virtualisation.ts';

/** What of the system follows from which files there are. */

const PACKAGE_MANAGERS: readonly [manager: PackageManager, paths: readonly string[]][] = [
  ['apt', ['/usr/bin/apt-get']],
  ['dnf', ['/usr/bin/dnf', '/usr/bin/dnf5']],
  ['yum', ['/usr/bin/yum']],
  ['zypper', ['/usr/bin/zypper']],
  ['apk', ['/sbin/apk', '/usr/bin/apk']],
  ['pacman', ['/usr/bin/pacman']],
];

/** A Debian may have dnf installed, as a tool to build images with; its own manager is still apt. */
const NATIVE: Record<OsFamily, readonly PackageManager[]> = {
  debian: ['apt'],
  rhel: ['dnf', 'yum'],
  suse: ['zypper'],
  alpine: ['apk'],
  arch: ['pacman'],
  other: [],
};

export async function packageManagerOf(probe: Probe, family: OsFamily): Promise<PackageManager | undefined> {
  const found = new Set<PackageManager>();
  await Promise.all(
    PACKAGE_MANAGERS.map(async ([manager, paths]) => {
      if ((await Promise.all(paths.map(probe.exists))).includes(true)) found.add(manager);
    }),
  );
  const any = PACKAGE_MANAGERS.map(([manager]) => manager).find((manager) => found.has(manager));
  return NATIVE[family].find((manager) => found.has(manager)) ?? any ?? (probe.late() ? undefined : 'none');
}

const OTHER_INITS = new Set(['init', 'busybox', 'runit', 's6-svscan', 'dinit', 'finit']);

export async function initOf(probe: Probe): Promise<Facts['init']> {
  const [systemd, openrc, comm] = await Promise.all([
    probe.exists('/run/systemd/system'),
    probe.exists('/run/openrc/softlevel'),
    probe.read('/proc/1/comm'),
  ]);
  if (systemd) return 'systemd';
  if (openrc) return 'openrc';
  if (comm === undefined || probe.late()) return undefined;
  return OTHER_INITS.has(comm.trim()) ? 'other' : 'none';
}

const DMI_FILES = ['product_name', 'sys_vendor', 'board_vendor', 'bios_vendor', 'product_version'];

export async function virtualisationOf(
  probe: Probe,
  kernelRelease: string | undefined,
  mounts: readonly Mount[],
  hasHypervisorFlag: boolean,
): Promise<string | undefined> {
  const [
    manager,
    dockerEnv,
    containerEnv,
    vz,
    bc,
    initCgroup,
    clocksources,
    hypervisorType,
    deviceTree,
    ...dmi
  ] = await Promise.all([
    probe.read('/run/host/container-manager').then((text) => text ?? probe.read('/run/systemd/container')),
    probe.exists('/.dockerenv'),
    probe.exists('/run/.containerenv'),
    probe.exists('/proc/vz'),
    probe.exists('/proc/bc'),
    probe.read('/proc/1/cgroup'),
    probe.read('/sys/devices/system/clocksource/clocksource0/available_clocksource'),
    probe.read('/sys/hypervisor/type'),
    probe.read('/proc/device-tree/hypervisor/compatible'),
    ...DMI_FILES.map((name) => probe.read(`/sys/class/dmi/id/${name}`)),
  ]);
  const word = detectVirtualisation({
    kernelRelease,
    containerManager: manager,
    hasDockerEnv: dockerEnv,
    hasContainerEnv: containerEnv,
    hasOpenVz: vz && !bc,
    initCgroup,
    mounts,
    dmi,
    clocksources,
    hypervisorType,
    deviceTree,
    hasHypervisorFlag,
  });
  return word === 'none' && probe.late() ? undefined : word;
}

const REBOOT_MARKS = ['/run/reboot-required', '/run/reboot-needed'];
/** Packages whose hooks make the mark on Debian and Ubuntu. */
const REBOOT_HOOKS = [
  '/usr/share/update-notifier/notify-reboot-required',
  '/etc/kernel/postinst.d/unattended-upgrades',
];

/** A missing mark means "no" only where something is installed that would have made it. */
export async function rebootRequiredOf(probe: Probe): Promise<boolean | undefined> {
  const [marks, hooks] = await Promise.all([
    Promise.all(REBOOT_MARKS.map(probe.exists)),
    Promise.all(REBOOT_HOOKS.map(probe.exists)),
  ]);
  if (marks.includes(true)) return true;
  return hooks.includes(true) && !probe.late() ? false : undefined;
}

/** The link is what counts; Debian's /etc/timezone is asked where there is a copy instead of a link. */
export async function timezoneFrom(probe: Probe): Promise<string | undefined> {
  const link = await probe.readLink('/etc/localtime');
  if (link !== undefined) return timezoneOf(link);
  if (await probe.exists('/etc/localtime')) return probe.read('/etc/timezone');
  return probe.late() ? undefined : 'UTC';
}

export async function fqdnOf(probe: Probe, hostname: string | undefined): Promise<string | undefined> {
  if (!hostname) return undefined;
  return hostname.includes('.') ? hostname : fqdnFromHosts((await probe.read('/etc/hosts')) ?? '', hostname);
}
