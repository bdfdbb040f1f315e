import { join } from 'node:path';
import { type Backup, makeBackup } from '../../../controller/backup/backup.ts';
import { type Restored, restoreBackup } from '../../../controller/backup/restore.ts';
import { openSecretFiles } from '../../../controller/fleet/files.ts';
import { type FleetKeys, openKeys } from '../../../controller/fleet/keys.ts';
import type { Clock } from '../../../proto/clock.ts';
import { MusterError } from '../../../proto/errors.ts';
import { systemClock } from '../../../proto/system.ts';
import { type ControllerWorld, controllerWorld } from '../../support/controller-world.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import type { VirtualClock } from '../../support/virtual-clock.ts';

const random = seededRandom('backup');

export const keysOf = (home: string): FleetKeys =>
  openKeys(openSecretFiles(join(home, 'keys')), seededRandom('keys of the home'), false);

/** A controller in virtual time on a home with files. */
export function controllerAt(
  t: { after(fn: () => unknown): void },
  home: string,
  clock?: VirtualClock,
): Promise<ControllerWorld> {
  const keys = keysOf(home);
  return controllerWorld(t, { path: join(home, 'muster.db'), keys, ...(clock ? { clock } : {}) });
}

export function backUp(
  home: string,
  to: string,
  more: { force?: boolean; note?: (text: string) => void } = {},
): Promise<Backup> {
  return makeBackup({
    ...{ home, to, force: false, withContents: false, clock: systemClock, random, note: () => {} },
    ...more,
    stopping: new AbortController().signal,
  });
}

/** `nowMs`: of the world that goes on with it. */
export function putBack(
  from: string,
  home: string,
  more: { force?: boolean; nowMs?: number } = {},
): Promise<Restored> {
  const { force = false, nowMs } = more;
  const clock: Clock = nowMs === undefined ? systemClock : { ...systemClock, now: () => nowMs };
  return restoreBackup({ home, from, force, clock, random, note: () => {} });
}

export const codeOf = (action: Promise<unknown>): Promise<string> =>
  action.then(
    () => 'done',
    (error: unknown) => (error instanceof MusterError ? error.code : String(error)),
  );
