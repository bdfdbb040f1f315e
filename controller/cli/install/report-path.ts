import { join } from 'node:path';
import { toHex } from '../../../proto/ids.ts';
import { isFolder } from '../files.ts';
import { homeOf } from '../home.ts';
import type { Surroundings } from '../surroundings.ts';

/** Where a new report goes: the file that was named, or one of its own in the folder that was, or in MUSTER_HOME/installs. */
export async function reportPath(surroundings: Surroundings, asked: string | undefined): Promise<string> {
  const { clock, random } = surroundings;
  if (asked !== undefined && !asked.endsWith('/') && !(await isFolder(asked))) return asked;
  const stamp = new Date(clock.now()).toISOString().replace(/\.\d+/, '').replaceAll(':', '-');
  return join(asked ?? join(homeOf(surroundings), 'installs'), `${stamp}-${toHex(random(2))}.json`);
}
