import type { PackageManagerName } from '../../proto/packages.ts';

/**
 * What runs since the boot and is never restarted by itself: the kernel, its microcode, the C library, the bus, and the init where its
 * package does not take it up by itself. For dnf those of needs-restarting(1), for zypper those of its needreboot file.
 */
const CORE: Readonly<Record<PackageManagerName, RegExp>> = {
  apt: /^(?:linux-image-.+|libc6|dbus|dbus-daemon|dbus-broker|intel-microcode|amd64-microcode)$/,
  dnf: /^(?:kernel(?:-core|-rt|-rt-core|-uek|-uek-core|-64k|-64k-core)?|glibc|linux-firmware|systemd|dbus|dbus-broker|dbus-daemon|microcode_ctl)$/,
  zypper:
    /^(?:kernel-(?:default|default-base|rt|azure|64kb|longterm)|kernel-firmware(?:-.+)?|glibc|systemd|udev|dbus-1|dbus-1-daemon|dbus-broker|ucode-intel|ucode-amd)$/,
  apk: /^(?:linux-(?:lts|virt|rpi|edge|stable|asahi)|musl|intel-ucode|amd-ucode)$/,
};

/** Whether only another boot takes up what this package brings. */
export function isCore(manager: PackageManagerName, name: string): boolean {
  return CORE[manager].test(name);
}
