import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DISK_LIMITS, diskMounts } from '../../../agent/facts/disks.ts';
import { parseMountinfo } from '../../../agent/facts/parse.ts';
import { ALPINE, DEBIAN, ROCKY } from './machines.ts';

function disksOf(mountinfo: string | undefined): string[] {
  return diskMounts(parseMountinfo(mountinfo ?? '')).map(({ mount }) => mount);
}

function line(device: string, root: string, mount: string, fsType: string): string {
  return `1 1 ${device} ${root} ${mount} rw,relatime - ${fsType} src rw\n`;
}

test('only local file systems with a device are disks', () => {
  assert.deepEqual(disksOf(DEBIAN.files['/proc/self/mountinfo']), ['/', '/boot/efi', '/srv/with space']);
  assert.deepEqual(disksOf(ROCKY.files['/proc/self/mountinfo']), ['/', '/boot']);
});

test("a container's root is its disk, and the single files that are mounted into it are not", () => {
  assert.deepEqual(disksOf(ALPINE.files['/proc/self/mountinfo']), ['/']);
});

test('a disk is never reached through a file system that may hang', () => {
  const root = line('8:1', '/', '/', 'ext4');
  for (const fsType of ['nfs', 'nfs4', 'cifs', 'fuse.sshfs', 'autofs', 'ceph', '9p', 'unheard-of'])
    assert.deepEqual(
      disksOf(
        root +
          line('0:9', '/', '/far', fsType) +
          line('8:2', '/', '/far/x', 'ext4') +
          line('8:3', '/', '/farm', 'xfs'),
      ),
      ['/', '/farm'],
      fsType,
    );
  assert.deepEqual(disksOf(line('0:9', '/', '/', 'nfs') + line('8:2', '/', '/data', 'ext4')), []);
});

test('a later mount on the same point hides the earlier one', () => {
  const root = line('8:1', '/', '/', 'ext4');
  assert.deepEqual(disksOf(root + line('0:9', '/', '/data', 'autofs') + line('8:2', '/', '/data', 'ext4')), [
    '/',
    '/data',
  ]);
  assert.deepEqual(disksOf(root + line('8:2', '/', '/data', 'ext4') + line('0:9', '/', '/data', 'nfs')), [
    '/',
  ]);
});

test('a file system that is mounted several times is one disk, and subvolumes are disks of their own', () => {
  assert.deepEqual(
    disksOf(
      line('8:2', '/', '/z', 'xfs') + line('8:2', '/', '/a', 'xfs') + line('8:2', '/part', '/b', 'xfs'),
    ),
    ['/a'],
  );
  assert.deepEqual(disksOf(line('0:30', '/@', '/', 'btrfs') + line('0:31', '/@home', '/home', 'btrfs')), [
    '/',
    '/home',
  ]);
});

test('mounts that were made to hurt are left out, and there are never too many', () => {
  assert.deepEqual(
    disksOf(line('8:1', '/', '/a\\012b', 'ext4') + line('8:2', '/', `/${'x'.repeat(300)}`, 'ext4')),
    [],
  );
  const many = Array.from({ length: 1_000 }, (_, n) => line(`8:${n}`, '/', `/m${n}`, 'ext4')).join('');
  assert.equal(disksOf(many).length, DISK_LIMITS.disks);
});
