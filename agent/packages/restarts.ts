/** What of a host goes on with files that were replaced, until it is restarted. */
import type { Versions } from '../../proto/packages.ts';
import type { Host } from './host.ts';
import type { PackageManager } from './manager.ts';

export interface Restarts {
  /** The machine wants another boot. */
  readonly rebootNeeded: boolean;
  /** Units with processes that use files which were replaced; sorted. */
  readonly units: readonly string[];
}

/** What waits for a restart now. */
export async function restartsNow(host: Host, _manager: PackageManager): Promise<Restarts> {
  const rebootNeeded = await host.files.exists('/run/reboot-required');
  return { rebootNeeded, units: [] };
}

/** The units that would go on with old files after these changes. */
export async function restartsAfter(
  _host: Host,
  _manager: PackageManager,
  _changes: readonly Versions[],
): Promise<readonly string[]> {
  return [];
}
