/** What of a host goes on with files that were replaced, until it is restarted. */
import type { Versions } from '../../proto/packages.ts';
import type { Host } from './host.ts';
import type { PackageManager } from './manager.ts';
import { canonicalPath, type MappedFiles, parseMaps, unitOf } from './mapped-files.ts';
import { whyReboot } from './reboot-needed.ts';

export interface Restarts {
  /** The machine wants another boot. */
  readonly rebootNeeded: boolean;
  /** Units with processes that use files which were replaced; sorted. */
  readonly units: readonly string[];
}

/** Processes that are looked at together. */
const AT_ONCE = 32;
/** A process that maps more is looked at by its last files. */
const MAPS_BYTES = 4 * 1024 * 1024;

/** What waits for a restart now. */
export async function restartsNow(host: Host, manager: PackageManager): Promise<Restarts> {
  const units = await unitsWhere(host, ({ replaced }) => replaced.length > 0);
  return { rebootNeeded: (await whyReboot(host, manager.name)) !== undefined, units };
}

/** The units that would go on with old files after these changes. */
export async function restartsAfter(
  host: Host,
  manager: PackageManager,
  changes: readonly Versions[],
): Promise<readonly string[]> {
  const names = changes.filter(({ from }) => from !== '').map(({ name }) => name);
  if (names.length === 0) return [];
  const files = new Set((await manager.filesOf([...new Set(names)])).map(canonicalPath));
  return unitsWhere(host, ({ present }) => present.some((path) => files.has(path)));
}

/** Units of processes that map such files; one that has ended meanwhile maps none. */
async function unitsWhere(host: Host, isMeant: (files: MappedFiles) => boolean): Promise<readonly string[]> {
  const units = new Set<string>();
  const pids = (await host.files.list('/proc')).filter((name) => /^\d+$/.test(name));
  for (let at = 0; at < pids.length; at += AT_ONCE) {
    const looks = pids.slice(at, at + AT_ONCE).map(async (pid) => {
      const unit = unitOf((await host.files.readText(`/proc/${pid}/cgroup`)) ?? '');
      if (unit === undefined || units.has(unit)) return;
      const maps = await host.files.readText(`/proc/${pid}/maps`, MAPS_BYTES);
      if (isMeant(parseMaps(maps ?? ''))) units.add(unit);
    });
    await Promise.all(looks);
  }
  return [...units].sort();
}
