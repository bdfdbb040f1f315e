import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { ProcessId } from './tree.ts';

/** By what a host keeps the processes of a run together. */
export type Containment = 'cgroup2' | 'cgroup1' | 'process-tree';

/**
 * A cgroup for each command, which its shim is put into before it starts anything: whatever a process does then (setsid, double
 * forks, an environment of its own), it stays in it, unless it may write to /sys/fs/cgroup and leaves on purpose.
 * Named by the shim, so that an agent after this one finds it. Where one cannot be made or used, there is none.
 */
export interface Cgroups {
  readonly kind: 'cgroup1' | 'cgroup2';
  /** Puts this shim into a new one. Throws what the machine throws; then it is where it was. */
  enclose(shim: ProcessId): void;
  /** Who is in it, and in those below it; the shim too. None where there is none. */
  pids(shim: ProcessId): number[];
  /** Nobody in it runs on, or can fork, until it is thawed. Where the kernel cannot do that, nothing happens. */
  freeze(shim: ProcessId, frozen: boolean): void;
  /** Removes it if nobody is left in it. */
  remove(shim: ProcessId): void;
  /** Removes all that nobody is in, of earlier agents too. */
  sweep(): void;
  /** The same, and where nothing is left, all that was made. */
  leave(): void;
}

export interface CgroupMount {
  readonly kind: 'cgroup1' | 'cgroup2';
  /** Of this process, below /sys/fs/cgroup. */
  readonly folder: string;
  readonly freezer: boolean;
}

/**
 * The hierarchies in which this process has a cgroup, best first, from /proc/self/mountinfo and /proc/self/cgroup: version 2,
 * where one exists beside version 1 too; then one that can freeze, since all can hold processes; then any other.
 */
export function parseCgroupMounts(mountinfo: string, own: string): CgroupMount[] {
  const paths = new Map<string, string>();
  for (const line of own.split('\n')) {
    const [, , controllers, path] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? [];
    if (path !== undefined) for (const one of (controllers ?? '').split(',')) paths.set(one, path);
  }
  const found: CgroupMount[] = [];
  for (const line of mountinfo.split('\n')) {
    const [, root, mount, type, options] =
      /^\d+ \d+ \S+ (\S+) (\S+) .* - (cgroup2?) \S+ (\S+)$/.exec(line) ?? [];
    if (!root || !mount || !options) continue;
    const names = type === 'cgroup2' ? [''] : options.split(',');
    const path = names.map((name) => paths.get(name)).find((one) => one !== undefined);
    if (path === undefined) continue;
    const below = root === '/' ? path : path.startsWith(`${root}/`) ? path.slice(root.length) : '';
    const kind = type === 'cgroup2' ? 'cgroup2' : 'cgroup1';
    found.push({
      kind,
      folder: below === '/' ? mount : join(mount, below),
      freezer: kind === 'cgroup2' || names.includes('freezer'),
    });
  }
  const rank = ({ kind, freezer }: CgroupMount) => (kind === 'cgroup2' ? 0 : freezer ? 1 : 2);
  return found.sort((a, b) => rank(a) - rank(b));
}

/** Undefined where this process may make none. `name` tells agents of one machine apart. */
export function findCgroups(name: string, mounts = ownMounts()): Cgroups | undefined {
  for (const mount of mounts) {
    try {
      const base = join(mount.folder, `muster-${name}`);
      if (!existsSync(base)) mkdirSync(base);
      accessSync(join(base, 'cgroup.procs'), constants.W_OK);
      return cgroupsIn(base, mount);
    } catch {
      // Read-only, as in most containers, or somebody else's.
    }
  }
  return undefined;
}

function ownMounts(): CgroupMount[] {
  try {
    return parseCgroupMounts(
      readFileSync('/proc/self/mountinfo', 'utf8'),
      readFileSync('/proc/self/cgroup', 'utf8'),
    );
  } catch {
    return [];
  }
}

function cgroupsIn(base: string, { kind, freezer }: CgroupMount): Cgroups {
  const folderOf = ({ pid, startTicks }: ProcessId) => join(base, `${pid}-${startTicks}`);
  /** Those that could not be removed, because a command left something running. */
  const left: string[] = [];

  function remove(folder: string): void {
    if (!removeTree(folder)) left.push(folder);
  }

  return {
    kind,
    enclose(shim) {
      const folder = folderOf(shim);
      mkdirSync(folder);
      try {
        writeFileSync(join(folder, 'cgroup.procs'), String(shim.pid));
      } catch (error) {
        removeTree(folder);
        throw error;
      }
    },
    pids: (shim) => pidsIn(folderOf(shim)),
    freeze(shim, frozen) {
      if (!freezer) return;
      const [file, word] =
        kind === 'cgroup2'
          ? ['cgroup.freeze', frozen ? '1' : '0']
          : ['freezer.state', frozen ? 'FROZEN' : 'THAWED'];
      try {
        writeFileSync(join(folderOf(shim), file), word);
      } catch {
        // It is gone; or the kernel is older than Linux 5.2.
      }
    },
    remove(shim) {
      const before = left.shift();
      if (before !== undefined) remove(before);
      remove(folderOf(shim));
    },
    sweep() {
      for (const folder of foldersIn(base)) removeTree(folder);
    },
    leave: () => void removeTree(base),
  };
}

function foldersIn(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(folder, entry.name));
  } catch {
    return [];
  }
}

function pidsIn(folder: string): number[] {
  let text: string;
  try {
    text = readFileSync(join(folder, 'cgroup.procs'), 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENODEV'))
      return [];
    throw error;
  }
  const own = text.split('\n').filter(Boolean).map(Number);
  return [...own, ...foldersIn(folder).flatMap(pidsIn)];
}

/** False if somebody is in it still. */
function removeTree(folder: string): boolean {
  for (const below of foldersIn(folder)) removeTree(below);
  try {
    rmdirSync(folder);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ENOENT';
  }
}
