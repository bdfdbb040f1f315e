import type { DiskSize, FactSource, NetworkAddress } from '../../../agent/facts/probe.ts';
import { sha512 } from '../../../proto/crypto.ts';

/** Machines as their files show them. */
export interface Machine {
  files: Record<string, string>;
  links?: Record<string, string>;
  sizes?: Record<string, DiskSize>;
  addresses?: NetworkAddress[];
  hostname?: string;
  machine?: string;
}

const GIB = 1024 ** 3;

export const LOOPBACK: NetworkAddress = {
  interface: 'lo',
  family: 'ipv4',
  address: '127.0.0.1',
  prefix: 8,
  mac: '00:00:00:00:00:00',
  internal: true,
};

/** Debian 12 in KVM on x86, with a data disk, an NFS share, Docker's overlay and a bind mount. */
export const DEBIAN: Machine = {
  hostname: 'web-1',
  machine: 'x86_64',
  links: { '/etc/localtime': '/usr/share/zoneinfo/Europe/Berlin' },
  sizes: {
    '/': { totalBytes: 40 * GIB, availableBytes: 30 * GIB },
    '/srv/with space': { totalBytes: 100 * GIB, availableBytes: 1 * GIB },
    '/boot/efi': { totalBytes: 128 * 1024 ** 2, availableBytes: 120 * 1024 ** 2 },
  },
  addresses: [
    LOOPBACK,
    {
      interface: 'ens3',
      family: 'ipv6',
      address: 'fe80::1',
      prefix: 64,
      mac: '52:54:00:12:34:56',
      internal: false,
    },
    {
      interface: 'ens3',
      family: 'ipv4',
      address: '192.0.2.7',
      prefix: 24,
      mac: '52:54:00:12:34:56',
      internal: false,
    },
    {
      interface: 'veth12ab',
      family: 'ipv6',
      address: 'fe80::9',
      prefix: 64,
      mac: '02:42:00:00:00:01',
      internal: false,
    },
    {
      interface: 'wg0',
      family: 'ipv4',
      address: '10.9.0.1',
      prefix: 32,
      mac: '00:00:00:00:00:00',
      internal: false,
    },
  ],
  files: {
    '/etc/os-release': `PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
VERSION_CODENAME=bookworm
ID=debian
HOME_URL="https://www.debian.org/"
SUPPORT_URL="https://www.debian.org/support"
BUG_REPORT_URL="https://bugs.debian.org/"
`,
    '/etc/hosts': `127.0.0.1\tlocalhost
127.0.1.1\tweb-1.example.com web-1 # set by the installer

# The following lines are desirable for IPv6 capable hosts
::1     localhost ip6-localhost ip6-loopback
ff02::1 ip6-allnodes
`,
    '/etc/machine-id': 'b08dfa6083e7567a1921a715000001fb\n',
    '/proc/cpuinfo': `processor\t: 0
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 85
model name\t: Intel(R) Xeon(R) Gold 6230 CPU @ 2.10GHz
stepping\t: 7
cpu MHz\t\t: 2095.076
flags\t\t: fpu vme de pse tsc msr pae mce cx8 apic sep sse4_2 x2apic aes xsave avx hypervisor lahf_lm
bogomips\t: 4190.15

processor\t: 1
vendor_id\t: GenuineIntel
model name\t: Intel(R) Xeon(R) Gold 6230 CPU @ 2.10GHz
flags\t\t: fpu vme de pse tsc msr pae mce cx8 apic sep sse4_2 x2apic aes xsave avx hypervisor lahf_lm

`,
    '/sys/devices/system/cpu/online': '0-1\n',
    '/proc/meminfo': `MemTotal:        4023532 kB
MemFree:          278140 kB
MemAvailable:    3116900 kB
Buffers:          151284 kB
Cached:          2684372 kB
Active(anon):     395028 kB
SwapTotal:        998396 kB
SwapFree:         997372 kB
HugePages_Total:       0
Hugepagesize:       2048 kB
`,
    '/proc/self/mountinfo': `22 28 0:21 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
23 28 0:22 / /proc rw,nosuid,nodev,noexec,relatime shared:14 - proc proc rw
24 28 0:5 / /dev rw,nosuid,relatime shared:2 - devtmpfs udev rw,size=1987580k,nr_inodes=496895,mode=755,inode64
26 28 0:24 / /run rw,nosuid,nodev,noexec,relatime shared:5 - tmpfs tmpfs rw,size=402356k,mode=755,inode64
28 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,errors=remount-ro
29 22 0:6 / /sys/kernel/security rw,nosuid,nodev,noexec,relatime shared:8 - securityfs securityfs rw
32 22 0:28 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot
36 23 0:32 / /proc/sys/fs/binfmt_misc rw,relatime shared:15 - autofs systemd-1 rw,fd=30,pgrp=1,timeout=0,minproto=5
60 28 254:15 / /boot/efi rw,relatime shared:30 - vfat /dev/vda15 rw,fmask=0077,dmask=0077
61 28 254:17 / /srv/with\\040space rw,relatime shared:31 - xfs /dev/vdb1 rw,attr2,inode64
62 28 254:1 /var/lib/data /mnt/bind rw,relatime shared:1 - ext4 /dev/vda1 rw,errors=remount-ro
63 28 0:45 / /mnt/nfs rw,relatime shared:33 - nfs4 nas.example.com:/export rw,vers=4.2,hard
64 63 7:0 / /mnt/nfs/image rw,relatime shared:34 - ext4 /dev/loop0 rw
65 28 0:50 / /var/lib/docker/overlay2/abc/merged rw,relatime - overlay overlay rw,lowerdir=/l/A,upperdir=/u,workdir=/w
66 28 7:1 / /snap/core22/1 ro,nodev,relatime shared:35 - squashfs /dev/loop1 ro
`,
    '/proc/stat': `cpu  5514 0 3127 293906 293 0 46 153 0 0
cpu0 2342 0 1386 147632 30 0 7 79 0 0
intr 120832 0 9 0 0
ctxt 788505
btime 1764000123
processes 6037
`,
    '/proc/loadavg': '0.30 0.43 1.27 2/188 16021\n',
    '/proc/sys/kernel/osrelease': '6.1.0-28-amd64\n',
    '/proc/sys/kernel/version': '#1 SMP PREEMPT_DYNAMIC Debian 6.1.119-1 (2024-11-22)\n',
    '/proc/sys/kernel/random/boot_id': '1f3b9a4e-6a3f-4d2c-9f5d-3f2a3c6f0b11\n',
    '/proc/1/comm': 'systemd\n',
    '/proc/1/cgroup': '0::/init.scope\n',
    '/sys/devices/system/clocksource/clocksource0/available_clocksource': 'kvm-clock tsc acpi_pm \n',
    '/sys/class/dmi/id/product_name': 'Standard PC (Q35 + ICH9, 2009)\n',
    '/sys/class/dmi/id/sys_vendor': 'QEMU\n',
    '/sys/class/dmi/id/bios_vendor': 'SeaBIOS\n',
    '/run/systemd/system': '',
    '/usr/bin/apt-get': '',
    '/usr/bin/dnf': '',
    '/etc/kernel/postinst.d/unattended-upgrades': '',
    '/etc/localtime': '',
  },
};

/** Alpine 3.20 in a Docker container on arm64. */
export const ALPINE: Machine = {
  hostname: '3f1c2b4d5e6f',
  machine: 'aarch64',
  sizes: { '/': { totalBytes: 60 * GIB, availableBytes: 20 * GIB } },
  addresses: [
    LOOPBACK,
    {
      interface: 'eth0',
      family: 'ipv4',
      address: '172.17.0.2',
      prefix: 16,
      mac: '02:42:ac:11:00:02',
      internal: false,
    },
  ],
  files: {
    '/etc/os-release': `NAME="Alpine Linux"
ID=alpine
VERSION_ID=3.20.3
PRETTY_NAME="Alpine Linux v3.20"
HOME_URL="https://alpinelinux.org/"
BUG_REPORT_URL="https://gitlab.alpinelinux.org/alpine/aports/-/issues"
`,
    '/etc/hosts': '127.0.0.1\tlocalhost\n172.17.0.2\t3f1c2b4d5e6f\n',
    '/proc/cpuinfo': `processor\t: 0
BogoMIPS\t: 48.00
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics
CPU implementer\t: 0x61
CPU architecture: 8

processor\t: 1
BogoMIPS\t: 48.00

processor\t: 2
BogoMIPS\t: 48.00

`,
    '/proc/meminfo':
      'MemTotal:        8129344 kB\nMemFree:         5279840 kB\nSwapTotal:             0 kB\nSwapFree:              0 kB\n',
    '/proc/self/mountinfo': `612 533 0:72 / / rw,relatime master:190 - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/AAA:/var/lib/docker/overlay2/l/BBB,upperdir=/var/lib/docker/overlay2/123/diff,workdir=/var/lib/docker/overlay2/123/work
613 612 0:75 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw
614 612 0:76 / /dev rw,nosuid - tmpfs tmpfs rw,size=65536k,mode=755
616 612 0:78 / /sys ro,nosuid,nodev,noexec,relatime - sysfs sysfs ro
617 616 0:29 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw,nsdelegate
620 612 254:1 /var/lib/docker/containers/3f1c/resolv.conf /etc/resolv.conf rw,relatime - ext4 /dev/vda1 rw
621 612 254:1 /var/lib/docker/containers/3f1c/hosts /etc/hosts rw,relatime - ext4 /dev/vda1 rw
`,
    '/proc/sys/kernel/osrelease': '6.6.31-linuxkit\n',
    '/proc/1/comm': 'sh\n',
    '/proc/1/cgroup': '0::/\n',
    '/.dockerenv': '',
    '/sbin/apk': '',
  },
};

/** Rocky Linux 9 on VMware. */
export const ROCKY: Machine = {
  hostname: 'db-1.example.com',
  machine: 'x86_64',
  links: { '/etc/localtime': '../usr/share/zoneinfo/America/Argentina/Buenos_Aires' },
  sizes: { '/': { totalBytes: 70 * GIB, availableBytes: 50 * GIB } },
  files: {
    '/etc/os-release': `NAME="Rocky Linux"
VERSION="9.4 (Blue Onyx)"
ID="rocky"
ID_LIKE="rhel centos fedora"
VERSION_ID="9.4"
PLATFORM_ID="platform:el9"
PRETTY_NAME="Rocky Linux 9.4 (Blue Onyx)"
ANSI_COLOR="0;32"
LOGO="fedora-logo-icon"
CPE_NAME="cpe:/o:rocky:rocky:9::baseos"
ROCKY_SUPPORT_PRODUCT="Rocky-Linux-9"
`,
    '/proc/self/mountinfo': `21 65 0:20 / /proc rw,nosuid,nodev,noexec,relatime shared:12 - proc proc rw
22 65 0:21 / /sys rw,nosuid,nodev,noexec,relatime shared:2 - sysfs sysfs rw,seclabel
65 1 253:0 / / rw,relatime shared:1 - xfs /dev/mapper/rl-root rw,seclabel,attr2,inode64,logbufs=8,logbsize=32k,noquota
29 22 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,seclabel,nsdelegate
70 65 8:1 / /boot rw,relatime shared:60 - xfs /dev/sda1 rw,seclabel
`,
    '/proc/sys/kernel/osrelease': '5.14.0-427.13.1.el9_4.x86_64\n',
    '/proc/1/comm': 'systemd\n',
    '/proc/1/cgroup': '0::/init.scope\n',
    '/sys/class/dmi/id/product_name': 'VMware Virtual Platform\n',
    '/sys/class/dmi/id/sys_vendor': 'VMware, Inc.\n',
    '/sys/devices/system/clocksource/clocksource0/available_clocksource': 'tsc acpi_pm \n',
    '/run/systemd/system': '',
    '/usr/bin/dnf': '',
    '/usr/bin/yum': '',
  },
};

/** The machine behind the port that gathering reads. */
export function sourceOf(machine: Machine): FactSource {
  return {
    readText: async (path, maxBytes) =>
      Object.hasOwn(machine.files, path) ? machine.files[path]?.slice(0, maxBytes) : undefined,
    exists: async (path) => Object.hasOwn(machine.files, path),
    readLink: async (path) => machine.links?.[path],
    statfs: async (path) => machine.sizes?.[path],
    networkInterfaces: () => machine.addresses ?? [],
    hostname: () => machine.hostname ?? 'host',
    machine: () => machine.machine ?? 'x86_64',
    user: () => ({ uid: 0, name: 'root' }),
    nodeVersion: () => 'v24.0.0',
    sha512,
  };
}
