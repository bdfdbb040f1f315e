import { APK } from './apk/apk.ts';
import { APT } from './apt/manager.ts';
import { DNF } from './dnf/dnf.ts';
import type { Host, HostFiles } from './host.ts';
import type { ManagerKind, PackageManager } from './manager.ts';
import { ZYPPER } from './zypper/zypper.ts';

/** In the order in which they are asked for. */
const KINDS: readonly ManagerKind[] = [APT, DNF, ZYPPER, APK];

/** Families of distributions, by the words of os-release(5), and whose manager they have whatever else is installed. */
const NATIVE: Readonly<Record<string, string>> = {
  debian: 'apt',
  ubuntu: 'apt',
  rhel: 'dnf',
  fedora: 'dnf',
  centos: 'dnf',
  suse: 'zypper',
  opensuse: 'zypper',
  sles: 'zypper',
  alpine: 'apk',
};

/** The package manager of this host: its distribution's own, where that is there; a Debian may have dnf to build images with. */
export async function detectManager(
  host: Host,
  kinds: readonly ManagerKind[] = KINDS,
): Promise<PackageManager | undefined> {
  return (await detectKind(host.files, kinds))?.create(host);
}

export async function detectKind(
  files: HostFiles,
  kinds: readonly ManagerKind[] = KINDS,
): Promise<ManagerKind | undefined> {
  const text = (await files.readText('/etc/os-release')) ?? (await files.readText('/usr/lib/os-release'));
  const natives = familiesOf(text ?? '').flatMap((family) => NATIVE[family] ?? []);
  const found: ManagerKind[] = [];
  for (const kind of kinds) {
    const has = await Promise.all(kind.programs.map(files.exists));
    if (has.includes(true)) found.push(kind);
  }
  return found.find(({ name }) => natives.includes(name)) ?? found[0];
}

/** ID and ID_LIKE, the nearest first. */
export function familiesOf(osRelease: string): string[] {
  return ['ID', 'ID_LIKE'].flatMap((key) => {
    const [, value = ''] = new RegExp(`^${key}=["']?([^"'\n]*)`, 'm').exec(osRelease) ?? [];
    return value.split(' ').filter((word) => word !== '');
  });
}
