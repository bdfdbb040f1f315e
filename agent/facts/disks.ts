import type { Mount } from './parse.ts';

/** File systems on a local device: asking for their size never waits for a network. */
const LOCAL = new Set([
  ...['ext2', 'ext3', 'ext4', 'xfs', 'btrfs', 'bcachefs', 'f2fs', 'jfs', 'nilfs2', 'reiserfs', 'zfs'],
  ...['vfat', 'msdos', 'exfat', 'ntfs', 'ntfs3', 'hfsplus', 'udf'],
]);

/** File systems in memory or over local ones, that a path may lead through without waiting. */
const PASSABLE = new Set([...LOCAL, 'overlay', 'tmpfs', 'devtmpfs', 'ramfs', 'squashfs', 'erofs', 'rootfs']);

export const DISK_LIMITS = { disks: 64, pathChars: 256 } as const;

/**
 * The mounts to report, sorted by mount point: one per file system, without parts of one that are mounted again
 * elsewhere (bind mounts), and never one whose path leads through a file system that may hang (NFS, FUSE, automount).
 */
export function diskMounts(mounts: readonly Mount[]): Mount[] {
  const top = new Map<string, Mount>();
  for (const mount of mounts) top.set(mount.mount, mount); // a later mount on the same point hides the earlier
  const risky = [...top.values()].filter(({ fsType }) => !PASSABLE.has(fsType)).map(({ mount }) => mount);
  const byDevice = new Map<string, Mount>();
  for (const mount of [...top.values()].sort(byMountPoint)) {
    if (!isDisk(mount) || risky.some((path) => mount.mount.startsWith(path === '/' ? '/' : `${path}/`)))
      continue;
    if (!byDevice.has(mount.device)) byDevice.set(mount.device, mount);
  }
  return [...byDevice.values()].slice(0, DISK_LIMITS.disks);
}

/** A container's root is an overlay, and the only disk it has. A btrfs subvolume is a part too, but its own device. */
function isDisk({ mount, root, fsType }: Mount): boolean {
  if (mount.length > DISK_LIMITS.pathChars || /[\u0000-\u001f\u007f]/.test(mount)) return false;
  if (mount === '/') return LOCAL.has(fsType) || fsType === 'overlay';
  return LOCAL.has(fsType) && (root === '/' || fsType === 'btrfs' || fsType === 'bcachefs');
}

function byMountPoint(a: Mount, b: Mount): number {
  return a.mount < b.mount ? -1 : 1;
}
